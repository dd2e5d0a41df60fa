"""Numbers as people write them: `$1,234.50`, `45.2%`, `1.234,56`, `(123.45)`."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache

DECIMALS = (".", ",")
GROUPS = ("", ",", ".", " ", "\u00a0", "\u202f", "'", "\u2019")
"""What may stand between groups of three digits."""
MINUS = "\u2212-"
"""Hyphen and the typographic minus sign."""
MOST_PLACES = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class NumberForm:
    """How a column writes its numbers. `parse` and `format` are inverse to each other for numbers written this way."""

    prefix: str = ""
    """Text before the digits, such as a currency sign."""
    suffix: str = ""
    """Text after the digits, such as a per cent sign or a unit."""
    decimal: str = "."
    group: str = ""
    """Separator between groups of three digits; empty for none."""
    places: int | None = None
    """Digits after the decimal separator, where all values have as many; None where their number varies."""
    plus: bool = False
    """Whether positive numbers carry a plus sign."""
    negative: str = "-"
    """How a negative number is marked: `-` in front, `()` around, or `back` for a minus sign at the end."""
    whole: bool = False
    """Whether no value has a decimal part."""
    width: int = 1
    """Digits before the decimal separator at least; shorter numbers begin with zeros."""

    def parse(self, text: str) -> float | None:
        """The number that `text` stands for, None where it is not written this way."""
        found = _pattern(self).fullmatch(text.strip())
        if found is None:
            return None
        digits = found["body"].replace(self.group, "") if self.group else found["body"]
        number = float(digits.replace(self.decimal, "."))
        if not math.isfinite(number):
            return None
        marked = [found["sign"] or "", found["inner"] or "", found["back"] or ""]
        negative = any(mark in MINUS for mark in marked if mark) or found["open"] is not None
        return -number if negative else number

    def format(self, value: float) -> str:
        """The number as this column writes it."""
        places = 0 if self.whole else self.places
        size = abs(value)
        digits = _shortest(size) if places is None else f"{size:.{places}f}"
        whole, _, part = digits.partition(".")
        whole = whole.rjust(self.width, "0")
        if self.group:
            whole = f"{int(whole):,}".replace(",", self.group)
        body = f"{self.prefix}{whole}{self.decimal if part else ''}{part}{self.suffix}"
        if value < 0 and any(digit not in "0." for digit in digits):
            return {"()": f"({body})", "back": f"{body}-"}.get(self.negative, f"-{body}")
        return f"+{body}" if self.plus and value > 0 else body


def _shortest(size: float) -> str:
    """The fewest digits that stand for this number, without an exponent."""
    text = repr(float(size))
    if "e" in text:
        text = f"{size:.{MOST_PLACES}f}".rstrip("0").rstrip(".")
    return text.removesuffix(".0")


@lru_cache(maxsize=256)
def _pattern(form: NumberForm) -> re.Pattern[str]:
    decimal, group = re.escape(form.decimal), re.escape(form.group)
    whole = rf"\d{{1,3}}(?:{group}\d{{3}})+|\d+" if form.group else r"\d+"
    part = "" if form.whole else rf"(?:{decimal}\d*)?|{decimal}\d+"
    prefix, suffix = re.escape(form.prefix.strip()), re.escape(form.suffix.strip())
    return re.compile(
        rf"(?P<open>\()?(?P<sign>[+{MINUS}])?\s?{prefix}\s?(?P<inner>[+{MINUS}])?"
        rf"(?P<body>(?:{whole}){part})\s?{suffix}(?P<back>[{MINUS}])?(?(open)\))",
        re.ASCII if form.prefix.isascii() and form.suffix.isascii() and form.group.isascii() else 0,
    )
