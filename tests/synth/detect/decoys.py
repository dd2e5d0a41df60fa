"""Columns that hold no personal data, many of which look as if they did."""

from __future__ import annotations

import string
from collections.abc import Callable
from random import Random

from tests.synth.detect.formats import RECORDS, digits, filled, luhn

Make = Callable[[Random], str]

CITIES = [
    "München",
    "Hamburg",
    "Köln",
    "Leipzig",
    "Paris",
    "Lyon",
    "Nantes",
    "Lille",
    "Madrid",
    "Sevilla",
    "Bilbao",
    "Vigo",
    "London",
    "Leeds",
    "York",
    "Bath",
    "Austin",
    "Boston",
    "Denver",
    "Houston",
    "Florence",
    "Charlotte",
    "Lourdes",
    "Victoria",
    "Jackson",
    "Madison",
    "Lincoln",
    "Orlando",
    "Chester",
    "Lancaster",
    "Preston",
    "Kent",
]
DISEASES = [
    "Parkinson disease",
    "Alzheimer dementia",
    "Crohn disease",
    "type 2 diabetes",
    "asthma",
    "Hodgkin lymphoma",
    "atrial fibrillation",
    "hip fracture",
    "migraine",
    "Graves disease",
    "Addison disease",
    "otitis media",
    "sepsis",
    "gout",
    "Lyme disease",
    "Cushing syndrome",
    "Down syndrome",
    "Marfan syndrome",
    "Turner syndrome",
    "Wilson disease",
    "Bell palsy",
    "Meniere disease",
    "Raynaud phenomenon",
    "Sjogren syndrome",
    "Tourette syndrome",
    "pneumonia",
]
FIRMS = [
    f"{a} {b}"
    for a in ["Nordwind", "Acme", "Helios", "Borealis", "Quantum", "Bluestone", "Redwood", "Iberica", "Lumen", "Vertex"]
    for b in ["GmbH", "SARL", "SL", "Ltd", "Inc", "AG", "&", "Co"]
    if b not in "& Co"
]
DRUGS = [
    "metformin",
    "ibuprofen",
    "lisinopril",
    "atorvastatin",
    "amoxicillin",
    "omeprazole",
    "sertraline",
    "warfarin",
    "ramipril",
    "codeine",
]
JOBS = [
    "nurse",
    "teacher",
    "welder",
    "clerk",
    "lawyer",
    "plumber",
    "baker",
    "driver",
    "surgeon",
    "cashier",
    "butcher",
    "smith",
    "cook",
    "mason",
    "tailor",
]
COLOURS = [
    "Rot",
    "Blau",
    "Grün",
    "Schwarz",
    "Weiß",
    "rouge",
    "noir",
    "verde",
    "azul",
    "white",
    "amber",
    "olive",
    "rose",
    "violet",
    "ruby",
    "jade",
    "hazel",
    "coral",
]
STATIONS = [f"{a} {b}" for a in CITIES for b in ("Hbf", "Central", "Nord", "Gare")]
DISHES = [
    f"{a} {b}"
    for a in ["roast", "grilled", "baked", "fried", "cold"]
    for b in ["lamb", "trout", "beans", "rice", "duck", "cod"]
]
BOOKS = [
    f"The {a} {b}"
    for a in ["Last", "Silent", "Golden", "Lost", "Secret", "Red"]
    for b in ["River", "King", "Garden", "House"]
]
WORDS = [
    "the",
    "device",
    "was",
    "returned",
    "after",
    "two",
    "weeks",
    "because",
    "it",
    "did",
    "not",
    "start",
    "and",
    "customer",
    "asked",
    "for",
    "a",
    "refund",
]


def columns() -> list[tuple[str, list[str]]]:
    """(heading, cells) of each."""
    return [(name, [make(Random(f"{name}{i}")) for i in range(RECORDS)]) for name, make in DECOYS.items()]


def _as(pattern: str) -> Make:
    return lambda random: filled(random, pattern)


def _whole(low: int, high: int) -> Make:
    return lambda random: str(random.randint(low, high))


def _real(low: float, high: float, places: int) -> Make:
    return lambda random: f"{random.uniform(low, high):.{places}f}"


def _among(values: list[str]) -> Make:
    return lambda random: random.choice(values)


def _date(pattern: str) -> Make:
    def make(random: Random) -> str:
        year, month, day = random.randint(1950, 2024), random.randint(1, 12), random.randint(1, 28)
        return pattern.format(y=year, m=month, d=day, h=random.randint(0, 23), n=random.randint(0, 59))

    return make


def _ean(random: Random) -> str:
    body = "40" + digits(random, 10)
    return body + str(-sum(int(d) * (1 + 2 * (i % 2)) for i, d in enumerate(body)) % 10)


def _european(random: Random) -> str:
    return f"{random.randint(1, 999)}.{random.randint(0, 999):03},{random.randint(0, 99):02}"


def _hex(n: int) -> Make:
    return lambda random: "".join(random.choices("0123456789abcdef", k=n))


DECOYS: dict[str, Make] = {
    "sku": _as("??-####"),
    "Artikelnummer": _as("####.###.##"),
    "référence produit": _as("REF-####-??"),
    "part_number": _as("###-####-##"),
    "EAN": _ean,
    "isbn": lambda r: f"978-3-{digits(r, 3)}-{digits(r, 5)}-{r.randrange(10)}",
    "order_no": _as("##########"),
    "Auftragsnr": _as("2024-######"),
    "invoice": _as("INV######"),
    "Rechnungsnummer": _as("RE/####/####"),
    "ticket": _as("ABC-#####"),
    "tracking": _as("1Z###?##########"),
    "batch": _as("?###?##"),
    "Charge": _as("##-###-####"),
    "serial": _as("SN########"),
    "commit": _hex(40),
    "checksum": _hex(64),
    "colour code": lambda r: "#" + _hex(6)(r),
    "amount": _real(0, 9_999, 2),
    "Betrag": _european,
    "montant": lambda r: f"{r.randint(1, 99)} {r.randint(0, 999):03},{r.randint(0, 99):02} €",
    "price": lambda r: f"${r.randint(1, 999)},{r.randint(0, 999):03}.{r.randint(0, 99):02}",
    "share": lambda r: f"{r.uniform(0, 100):.1f}%",
    "quantity": _whole(1, 500),
    "population": _whole(1_000, 9_999_999),
    "revenue": _whole(1_000_000_000, 9_999_999_999),
    "income": _whole(10_000, 250_000),
    "steps": _whole(1, 25_000),
    "bytes": _whole(100_000, 99_999_999_999),
    "weight": _real(40, 130, 1),
    "temperature": _real(-15, 40, 2),
    "ratio": _real(0, 1, 6),
    "blood pressure": lambda r: f"{r.randint(90, 180)}/{r.randint(50, 110)}",
    "date": _date("{y}-{m:02}-{d:02}"),
    "Datum": _date("{d:02}.{m:02}.{y}"),
    "visit": _date("{m:02}/{d:02}/{y}"),
    "created_at": _date("{y}-{m:02}-{d:02}T{h:02}:{n:02}:00"),
    "yyyymmdd": _date("{y}{m:02}{d:02}"),
    "time": _date("{h:02}:{n:02}"),
    "epoch": _whole(1_500_000_000, 1_730_000_000),
    "epoch_ms": _whole(1_500_000_000_000, 1_730_000_000_000),
    "period": _date("{y}-{m:02}"),
    "duration": lambda r: f"{r.randint(0, 9)}h {r.randint(0, 59)}m",
    "version": _as("#.##.#"),
    "build": _as("1#.#.####.##"),
    "firmware": lambda r: f"v{r.randint(1, 9)}.{r.randint(0, 20)}",
    "city": _among(CITIES),
    "Ort": _among(CITIES),
    "station": _among(STATIONS),
    "postcode": _as("#####"),
    "zip4": _as("#####-####"),
    "plz": _whole(1_000, 99_999),
    "diagnosis": _among(DISEASES),
    "icd10": lambda r: f"{r.choice(string.ascii_uppercase)}{r.randint(10, 99)}.{r.randint(0, 9)}",
    "ndc": _as("#####-####-##"),
    "drug": _among(DRUGS),
    "hs_code": _as("####.##.##"),
    "occupation": _among(JOBS),
    "company": _among(FIRMS),
    "colour": _among(COLOURS),
    "dish": _among(DISHES),
    "title": _among(BOOKS),
    "category": _among(["A", "B", "C", "D"]),
    "status": _among(["open", "closed", "on hold"]),
    "sex": _among(["M", "F"]),
    "currency": _among(["EUR", "USD", "GBP", "CHF"]),
    "size": _among(["S", "M", "L", "XL"]),
    "flight": _as("LH###"),
    "room": _as("?##"),
    "shelf": _as("?-##-##"),
    "grid": _as("##?"),
    "comment": lambda r: " ".join(r.choices(WORDS, k=9)),
    "file": lambda r: f"report_{r.randint(1, 9_999)}.pdf",
    "mime": _among(["image/png", "text/html", "text/csv"]),
    "dimension": lambda r: f"{r.randint(10, 99)}x{r.randint(10, 99)}x{r.randint(10, 99)}",
    "coupon": _as("SAVE##??"),
    "gtin_luhn": lambda r: luhn("9" + digits(r, 11)),
    "score": _whole(0, 100),
    "lab value": _real(1, 9, 3),
}
