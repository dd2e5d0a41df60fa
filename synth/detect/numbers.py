"""How a column writes its numbers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from synth.written.numbers import GROUPS, MINUS, NumberForm

_SIGNS = re.compile(
    rf"(?P<open>\()?(?P<sign>[+{MINUS}])?\s?(?P<prefix>[^\d\s+().,{MINUS}]{{0,5}}\s?)(?P<inner>[+{MINUS}])?"
    rf"(?P<body>[.,]?\d[\d.,'\u2019 \u00a0\u202f]*?)(?P<suffix>\s?[^\d\s(){MINUS}]{{0,6}})(?P<back>[{MINUS}])?\)?"
)
_PREFIXES = frozenset(
    [
        "$",
        "€",
        "£",
        "¥",
        "₹",
        "CHF",
        "EUR",
        "USD",
        "GBP",
        "US$",
        "R$",
        "kr",
        "kr.",
        "zł",
        "Fr.",
        "A$",
        "C$",
        "CAD",
        "AUD",
        "JPY",
        "~",
        "≈",
        "Rs",
        "Rs.",
        "RM",
        "SEK",
        "NOK",
        "DKK",
    ]
)
_SUFFIXES = frozenset(
    [
        "%",
        "‰",
        "€",
        "$",
        "£",
        "¥",
        "EUR",
        "USD",
        "GBP",
        "CHF",
        "kr",
        "zł",
        "Kč",
        "k",
        "K",
        "M",
        "m",
        "kg",
        "g",
        "cm",
        "mm",
        "km",
        "lb",
        "lbs",
        "ft",
        "in",
        "mg",
        "ml",
        "l",
        "L",
        "h",
        "min",
        "s",
        "°",
        "°C",
        "°F",
        "C",
        "F",
        "x",
        "pp",
        "GB",
        "MB",
        "kWh",
        "m²",
        "bpm",
        "yrs",
        "years",
        "y",
        "mmHg",
        "Mbps",
        "ha",
        "J.",
        "PLN",
        "SEK",
        "NOK",
        "DKK",
        "€",
        "Euro",
        "euro",
    ]
)
LEADING_ZEROS = 0.01
"""Numbers are codes where more than this share begins with a zero that a number would not have."""
_ENOUGH = 0.5


def number_forms(sample: Sequence[str], decimal: str | None = None) -> list[NumberForm]:
    """The forms in which these distinct texts may be written, the likeliest first; none where they are no numbers.

    Where the decimal sign is known, it decides between forms that read as many.
    """
    found = [match for text in sample if (match := _SIGNS.fullmatch(text.strip())) is not None]
    if len(found) < _ENOUGH * len(sample) or not found:
        return []
    prefix = Counter(match["prefix"] for match in found).most_common(1)[0][0]
    suffix = Counter(match["suffix"] for match in found).most_common(1)[0][0]
    if (prefix.strip() and prefix.strip() not in _PREFIXES) or (suffix.strip() and suffix.strip() not in _SUFFIXES):
        return []
    found = [m for m in found if (m["prefix"].strip(), m["suffix"].strip()) == (prefix.strip(), suffix.strip())]
    bodies = [match["body"] for match in found]
    if sum(len(body) > 1 and body[0] == "0" and body[1].isdigit() for body in bodies) > LEADING_ZEROS * len(bodies):
        return []
    negative = "()" if any(m["open"] for m in found) else "back" if any(m["back"] for m in found) else "-"
    plus = any("+" in (m["sign"] or "", m["inner"] or "") for m in found)
    return [
        _with_places(NumberForm(prefix=prefix, suffix=suffix, decimal=d, group=g, negative=negative, plus=plus), bodies)
        for d, g in _separators(bodies, decimal)
    ]


def _separators(bodies: Sequence[str], known: str | None = None) -> list[tuple[str, str]]:
    """(decimal, group) pairs by how many of the numbers they read; two where commas or points may be either."""
    scores: dict[tuple[str, str], int] = {}
    for decimal in ".,":
        for group in GROUPS:
            if group != decimal:
                form = NumberForm(decimal=decimal, group=group)
                scores[decimal, group] = sum(form.parse(body) is not None for body in bodies)
    best = max(scores.values())
    # of those that read as many, the one that needs the fewest separators
    equal = [pair for pair, score in scores.items() if score == best]
    among = sorted([p for p in equal if p[0] == known] or equal, key=lambda p: (p[1] != "", p[0] != "."))
    others = [pair for pair in among[1:] if _is_ambiguous(bodies, among[0], pair)]
    if others and among[0][0] == "," and not any(body.startswith("0,") for body in bodies):
        return [*others, among[0]]  # 1,234 is a thousand and more likelier than a number of three decimals
    return among[:1] + others


def _is_ambiguous(bodies: Sequence[str], one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether `1,234` is all that there is: a decimal part of three digits, or a group of them."""
    sign = one[0] if one[1] == "" else None
    return sign is not None and other[1] == sign and any(sign in body for body in bodies)


def _with_places(form: NumberForm, bodies: Sequence[str]) -> NumberForm:
    places = Counter(len(body.partition(form.decimal)[2]) for body in bodies)
    whole = set(places) == {0}
    fixed = None if whole or len(places) > 1 else next(iter(places))
    return NumberForm(
        prefix=form.prefix,
        suffix=form.suffix,
        decimal=form.decimal,
        group=form.group,
        places=fixed,
        plus=form.plus,
        negative=form.negative,
        whole=whole,
    )
