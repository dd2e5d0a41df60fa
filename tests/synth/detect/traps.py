"""Columns of no personal data whose headings have a word for some."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.synth.detect.formats import RECORDS, filled

_TRAPS: dict[str, Callable[[Random], str]] = {
    "registration": lambda r: f"{r.randint(2001, 2023)}-{r.randint(1, 12):02}-{r.randint(1, 28):02}",
    "handle": lambda r: r.choice(["bar", "knob", "lever", "cup", "ring"]),
    "location": lambda r: f"aisle {r.randint(1, 40)}",
    "Standort": lambda r: r.choice(["Nord", "Süd", "Ost", "West"]),
    "mac os version": lambda r: f"1{r.randint(0, 4)}.{r.randint(0, 9)}",
    "routing": lambda r: f"step {r.randint(1, 60)}",
    "fin": lambda r: f"{r.randint(1, 28):02}/{r.randint(1, 12):02}/{r.randint(2001, 2023)}",
    "fiscal year": lambda r: str(r.randint(1990, 2023)),
    "national": lambda r: r.choice(["yes", "no"]),
    "license_type": lambda r: r.choice(["MIT", "GPL-3.0", "BSD-3", "Apache-2.0"]),
    "permis": lambda r: r.choice(["A", "B", "C", "D1"]),
    "contact": lambda r: r.choice(["phone", "mail", "visit", "none"]),
    "owner": lambda r: r.choice(["public", "private", "church"]),
    "account": lambda r: r.choice(["savings", "current", "joint"]),
    "mobile": lambda r: r.choice(["true", "false"]),
    "phone model": lambda r: filled(r, "X##?"),
    "card type": lambda r: r.choice(["debit", "credit", "prepaid"]),
    "address type": lambda r: r.choice(["home", "work", "billing"]),
    "email opened": lambda r: str(r.randint(0, 12)),
    "name of product": lambda r: f"{r.choice(['oak', 'pine', 'steel'])} {r.choice(['table', 'chair', 'shelf'])}",
    "first name length": lambda r: str(r.randint(2, 12)),
    "ip rating": lambda r: r.choice(["IP54", "IP65", "IP67", "IP68"]),
    "url length": lambda r: str(r.randint(20, 2_000)),
    "passport issued": lambda r: f"{r.randint(2001, 2023)}-{r.randint(1, 12):02}-{r.randint(1, 28):02}",
    "tax id type": lambda r: r.choice(["personal", "business"]),
    "plate thickness": lambda r: f"{r.uniform(1, 20):.1f}",
    "social class": lambda r: r.choice(["I", "II", "III", "IV"]),
    "lat": lambda r: f"{r.uniform(40, 50):.4f}",
    "user rating": lambda r: str(r.randint(1, 5)),
    "street light": lambda r: r.choice(["on", "off"]),
}


def columns() -> list[tuple[str, list[str]]]:
    """(heading, cells) of each."""
    return [(name, [make(Random(f"{name}{i}")) for i in range(RECORDS)]) for name, make in _TRAPS.items()]
