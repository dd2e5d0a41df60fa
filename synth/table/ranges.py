"""Conditions as a user asks for them. Imports no large library: the web process reads requests with it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import Enum

DATE_LENGTH = len("YYYY-MM-DD")

_NUMBER = re.compile(r"[+-]?(?:0|[1-9]\d{0,399})(?:\.\d{1,400})?(?:[eE][+-]?\d{1,4})?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_TRUTH = {"true": 1, "false": 0}

Bound = float | str | date | None


@dataclass(frozen=True, slots=True)
class Range:
    """Values from `low` to `high`, both included; None leaves an end open. A missing value lies in no range.

    For a datetime column the ends are ISO 8601 texts, dates or datetimes without a time zone. A date without a time as
    the upper end takes in its whole day.
    """

    low: Bound = None
    high: Bound = None


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of several categories of a column, or of several single numbers or dates."""

    values: tuple[str, ...]


class Presence(Enum):
    """Whether a value is there."""

    MISSING = "missing"
    """The cell is empty, or has a text that the schema says stands for a missing number or date."""
    PRESENT = "present"
    """It has a value."""


Condition = str | Range | AnyOf | Presence
"""What is asked of one column: a category or a single value, a range, one of several, or whether it is there."""


def moment_of(bound: object, *, last: bool) -> datetime | None:
    """The moment that an end of a range names, a date without a time its first one or its last one.

    None where it names none, or one with a time zone, which columns do not have.
    """
    moment = bound
    if isinstance(bound, str):
        try:
            moment = date.fromisoformat(bound) if len(bound) <= DATE_LENGTH else datetime.fromisoformat(bound)
        except ValueError:
            return None
    if isinstance(moment, date) and not isinstance(moment, datetime):
        moment = datetime.combine(moment, time.max if last else time.min)
    return moment if isinstance(moment, datetime) and moment.tzinfo is None else None


def as_number(text: str) -> float | int | None:
    """The finite number that a text is, None where it is none. Digits behind a zero are a code: 02139."""
    if _NUMBER.fullmatch(text) is None:
        return None
    number = float(text)
    if not math.isfinite(number):
        return None
    return int(text) if _INTEGER.fullmatch(text) else number


def as_range(text: str) -> Range | None:
    """The range that holds one number, or one date or moment, alone; None where the text is neither."""
    number = as_number(text)
    if number is not None:
        return Range(number, number)
    return Range(text, text) if moment_of(text, last=False) is not None else None


def category_meant(categories: Iterable[object], text: str) -> object | None:
    """The category that a text means, however its type writes it: 1 is 1.0, and True, TRUE and 1 are true.

    The very same text comes first. None where the text means no category, or several.
    """
    there = list(categories)
    same = [category for category in there if str(category) == text]
    if not same:
        sought = _plain(text)
        same = [category for category in there if sought is not None and _plain(str(category)) == sought]
    return same[0] if len(same) == 1 else None


def _plain(text: str) -> float | int | None:
    """A number, or a truth value as 1 or 0; None for all other texts."""
    return _TRUTH.get(text.lower(), as_number(text))
