"""About thirty kinds of personal data as five countries write them, made from the rules of their formats."""

from __future__ import annotations

import string
from collections.abc import Callable
from random import Random

from stdnum.iso7064 import mod_11_10

from synth.detect.words import plain
from tests.synth.detect.headings import HEADINGS
from tests.synth.detect.people_of import FIRST, LAST, MAIL, PLACES, STREETS, TITLES

RECORDS = 400
COUNTRIES = ("de", "fr", "es", "gb", "us")
Make = Callable[[Random, str], str]
_DNI = "TRWAGMYFPDXBNJZSQVHLCKE"


def columns() -> list[tuple[str, str, str, list[str]]]:
    """(kind, country, heading, cells) of every kind in every country that has it."""
    found = []
    for kind, make in KINDS.items():
        for country, heading in zip(COUNTRIES, HEADINGS[kind], strict=True):
            if heading:
                random = Random(f"{kind}{country}")
                found.append((kind, country, heading, [make(random, country) for _ in range(RECORDS)]))
    return found


def digits(random: Random, n: int, first: str = string.digits) -> str:
    """So many digits."""
    return random.choice(first) + "".join(random.choices(string.digits, k=n - 1))


def filled(random: Random, pattern: str) -> str:
    """The pattern with a digit for # and a letter for ?; all other signs stand for themselves."""
    given = {
        "#": string.digits,
        "?": string.ascii_uppercase,
        "~": "ABCDEFGHJKLMNPQRSTVWXYZ",
        "%": "BCDFGHJKLMNPRSTVWXYZ",
        "^": "23456789",
    }
    return "".join(random.choice(given.get(sign, sign)) for sign in pattern)


def grouped(text: str, n: int = 4, sign: str = " ") -> str:
    """The text in groups of n."""
    return sign.join(text[i : i + n] for i in range(0, len(text), n))


def luhn(body: str) -> str:
    """The digits with their check digit (ISO/IEC 7812)."""
    doubled = [int(d) * (2 - i % 2) for i, d in enumerate(reversed(body))]
    return body + str(-sum(d - 9 * (d > 9) for d in doubled) % 10)


def first(random: Random, country: str) -> str:
    return random.choice(FIRST[country].split())


def last(random: Random, country: str) -> str:
    names = LAST[country].split()
    two = country == "es" or random.random() < 0.05
    return " ".join(random.sample(names, 2)) if two and country != "de" else random.choice(names)


def email(random: Random, country: str) -> str:
    a, b = (plain(x).lower().replace("'", "").replace(" ", "") for x in (first(random, country), last(random, country)))
    local = random.choice([f"{a}.{b}", f"{a[0]}{b}", f"{b}{random.randint(1, 99)}", f"{a}_{b}", f"{a}+{b}"])
    return f"{local}@{random.choice(MAIL[country])}"


_NATIONAL = {
    "de": ["030 ^#######", "089/^#####", "0171 ^######", "0221-^######", "(040) ^#####", "0151 ^#######"],
    "fr": ["01 42 ## ## ##", "06 12 ## ## ##", "04.78.##.##.##", "07 81 ## ## ##"],
    "es": ["912 ### ###", "612 ### ###", "93 2## ## ##", "654-###-###"],
    "gb": ["020 7946 0###", "07700 900###", "(0161) 496 0###", "0113 496 0###", "07911 1#####"],
    "us": ["(212) 555-2###", "415-555-3###", "312.555.4###", "(512) 555-6###", "617-555-7### x##"],
}
_ABROAD = {
    "de": ["+49 30 ^#######", "+49 171 ^######", "+49 (0)89 ^#####", "0049 221 ^######"],
    "fr": ["+33 1 42 ## ## ##", "+33 6 12 ## ## ##", "+33(0)4 78 ## ## ##"],
    "es": ["+34 912 ### ###", "+34 612 ### ###", "0034 93 2## ## ##"],
    "gb": ["+44 20 7946 0###", "+44 7911 1#####", "+44 (0)161 496 0###"],
    "us": ["+1 212 555 2###", "+1-415-555-3###", "+1 (312) 555-4###", "1-617-555-7###"],
}
_BARE = {"de": "0171^######", "fr": "0612######", "es": "612######", "gb": "079111#####", "us": "2125552###"}
_PLATES = {
    "de": ["M-?? ####", "B-? ###", "HH-?? ##", "ST?-? ####"],
    "fr": ["~~-###-~~"],
    "es": ["#### %%%", "####-%%%"],
    "gb": ["A~## ~~~", "LD## ~~~"],
    "us": ["#???###", "???-####", "??? ####"],
}
_PASSPORTS = {"de": "C##??##?#", "fr": "##??#####", "es": "???######", "gb": "#########", "us": "?########"}
_LICENCES = {"de": "B###??##?##", "fr": "############", "us": "?#######"}


def _licence(random: Random, country: str) -> str:
    born = f"#{random.choice((0, 5))}{random.randint(1, 9)}{random.randint(1, 28):02}#"
    return f"?????{born}???##"[:11] + "???" + "??" if country == "gb" else _LICENCES[country]


_COORDINATES = {"de": (51.1, 10.4), "fr": (46.6, 2.5), "es": (40.2, -3.6), "gb": (52.6, -1.5), "us": (39.5, -98.3)}


def _of(patterns: dict[str, list[str]]) -> Make:
    return lambda random, country: filled(random, random.choice(patterns[country]))


def iban(random: Random, country: str) -> str:
    body = {
        "de": "##################",
        "fr": "####################?##",
        "es": "####################",
        "gb": "????##############",
    }
    land = random.choice(["de", "fr", "es", "gb"]) if country == "us" else country
    text = filled(random, body[land])
    number = "".join(str(int(c, 36)) for c in text + land.upper() + "00")
    return f"{land.upper()}{98 - int(number) % 97:02}{text}"


def card(random: Random, country: str) -> str:
    start, n = random.choice([("4", 15), ("51", 15), ("54", 15), ("37", 14), ("2221", 15)])
    return luhn(start + digits(random, n - len(start)))


def national(random: Random, country: str) -> str:
    if country == "de":
        ten = random.sample(string.digits, 10)
        while ten[0] == "0":
            random.shuffle(ten)
        ten[9] = ten[random.randrange(8)]
        body = "".join(ten)
        return body + mod_11_10.calc_check_digit(body)
    if country == "fr":
        body = f"{random.choice('12')}{random.randint(30, 99)}{random.randint(1, 12):02}{random.randint(1, 95):02}"
        body += f"{random.randint(1, 600):03}{random.randint(1, 999):03}"
        return f"{body}{97 - int(body) % 97:02}"
    if country == "es":
        number = random.randint(10_000_000, 99_999_999)
        return f"{number}{_DNI[number % 23]}"
    if country == "gb":
        return filled(random, random.choice(["AB", "JK", "NM", "CE", "SP"]) + " ## ## ## " + random.choice("ABCD"))
    return f"{random.randint(100, 665)}-{random.randint(1, 99):02}-{random.randint(1, 9999):04}"


def tax(random: Random, country: str) -> str:
    if country == "es":
        letter, number = random.randrange(3), random.randint(0, 9_999_999)
        return f"{'XYZ'[letter]}{number:07}{_DNI[int(f'{letter}{number:07}') % 23]}"
    if country == "fr":
        body = digits(random, 10, "0123")
        return grouped(body + f"{int(body) % 511:03}", 2) if random.random() < 0.5 else body + f"{int(body) % 511:03}"
    if country == "us":
        return f"9{digits(random, 2)}-{random.randint(70, 88)}-{digits(random, 4)}"
    if country == "gb":
        body = digits(random, 9, "123456789")
        rest = sum(int(d) * w for d, w in zip(body, (6, 7, 8, 9, 10, 5, 4, 3, 2), strict=True)) % 11
        return f"{'21987654321'[rest]}{body}"
    return filled(random, "##/###/#####")


def health(random: Random, country: str) -> str:
    if country == "de":
        letter, body = random.randrange(26), digits(random, 8)
        number = f"{letter + 1:02}{body}"
        check = sum(sum(map(int, str(int(d) * (1 + i % 2)))) for i, d in enumerate(number)) % 10
        return f"{string.ascii_uppercase[letter]}{body}{check}"
    if country == "es":
        body = f"{random.randint(1, 50):02}{random.randint(10_000_000, 99_999_999)}"
        return f"{body}{int(body) % 97:02}"
    if country == "gb":
        while True:
            body = digits(random, 9, "4567")
            check = 11 - sum(int(d) * (10 - i) for i, d in enumerate(body)) % 11
            if check != 10:
                text = body + str(check % 11)
                return f"{text[:3]} {text[3:6]} {text[6:]}"
    if country == "us":
        letters = "ACDEFGHJKMNPQRTUVWXY"
        one, two, three, four, five = random.choices(letters, k=5)
        return filled(random, f"^{one}{two}#-{three}{four}#-{five}{one}##")
    return national(random, "fr")


def account(random: Random, country: str) -> str:
    if country == "us":
        body = digits(random, 8, "0123")
        check = -sum(int(d) * w for d, w in zip(body, (3, 7, 1, 3, 7, 1, 3, 7), strict=True)) % 10
        return f"{body}{check} {digits(random, 10)}"
    if country == "fr":
        parts = [digits(random, 5), digits(random, 5), digits(random, 11)]
        return " ".join([*parts, f"{97 - sum(w * int(p) for w, p in zip((89, 15, 3), parts, strict=True)) % 97:02}"])
    if country == "es":
        bank, number = digits(random, 8), digits(random, 10)
        weights = (1, 2, 4, 8, 5, 10, 9, 7, 3, 6)
        checks = [11 - sum(int(d) * w for d, w in zip(t, weights, strict=True)) % 11 for t in (f"00{bank}", number)]
        return f"{bank[:4]}-{bank[4:]}-{''.join(str({10: 1, 11: 0}.get(c, c)) for c in checks)}-{number}"
    pattern = {"de": "######## ##########"}
    return filled(random, pattern.get(country, "##-##-## ########"))


def vin(random: Random, country: str) -> str:
    signs = "0123456789ABCDEFGHJKLMNPRSTUVWXYZ"
    maker = {"de": "WVW", "fr": "VF1", "es": "VSS", "gb": "SAJ", "us": "1FT"}[country]
    body = list(maker + "".join(random.choices(signs, k=8 + 6)))
    body[8] = "0"
    value = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", [*range(1, 9), 1, 2, 3, 4, 5, 7, 9, *range(2, 10)], strict=True))
    weights = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2]
    total = sum(w * (int(c) if c.isdigit() else value[c]) for w, c in zip(weights, body, strict=True)) % 11
    body[8] = "X" if total == 10 else str(total)
    return "".join(body)


def user(random: Random, country: str) -> str:
    a, b = (plain(x).lower().replace("'", "").split()[0] for x in (first(random, country), last(random, country)))
    return random.choice([f"{a}{random.randint(1, 99)}", f"{a[0]}.{b}", f"{b}_{a[:2]}", f"{a}{b[0]}"])


def street(random: Random, country: str) -> str:
    name, number = random.choice(STREETS[country]), random.randint(1, 180)
    if country in ("de", "es"):
        return f"{name}{', ' if country == 'es' else ' '}{number}"
    return f"{number} {name}"


def place(random: Random, country: str) -> str:
    low, across = _COORDINATES[country]
    return f"{low + random.uniform(-2, 2):.5f}, {across + random.uniform(-2, 2):.5f}"


KINDS: dict[str, Make] = {
    "full name": lambda r, c: f"{first(r, c)} {last(r, c)}",
    "last name, first name": lambda r, c: f"{last(r, c)}, {first(r, c)}",
    "name with title": lambda r, c: f"{r.choice(TITLES[c])} {first(r, c)} {last(r, c)}",
    "first name": first,
    "last name": last,
    "e-mail": email,
    "phone, national": _of(_NATIONAL),
    "phone, international": _of(_ABROAD),
    "phone, digits only": lambda r, c: filled(r, _BARE[c]),
    "street and number": street,
    "whole address": lambda r, c: f"{street(r, c)}, {r.choice(PLACES[c])}",
    "IBAN": iban,
    "IBAN in groups": lambda r, c: grouped(iban(r, c)),
    "bank account": account,
    "card number": card,
    "card number in groups": lambda r, c: grouped(luhn("4" + digits(r, 14)), 4, r.choice(" -")),
    "national id": national,
    "tax id": tax,
    "health insurance id": health,
    "passport": lambda r, c: filled(r, _PASSPORTS[c]),
    "driving licence": lambda r, c: national(r, c) if c == "es" else filled(r, _licence(r, c)),
    "number plate": _of(_PLATES),
    "vehicle number (VIN)": vin,
    "IPv4": lambda r, c: ".".join(str(r.randint(1, 254)) for _ in range(4)),
    "IPv6": lambda r, c: "2001:db8:" + ":".join(f"{r.randrange(65536):x}" for _ in range(6)),
    "MAC address": lambda r, c: ":".join(f"{r.randrange(256):02X}" for _ in range(6)),
    "IMEI": lambda r, c: luhn("35" + digits(r, 12)),
    "web address": lambda r, c: f"https://www.example.com/{c}/{user(r, c)}",
    "user name": user,
    "handle": lambda r, c: f"@{user(r, c).replace('.', '_')}",
    "coordinates": place,
}
