"""Ranges of quantities as they are asked for. Loads nothing, so that whoever only takes a request may read them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal

DATE_LENGTH = len("YYYY-MM-DD")
TRUTHS = frozenset({"true", "false"})

Bound = float | str | date | None


@dataclass(frozen=True, slots=True)
class Range:
    """Values from `low` to `high`, both included; None leaves an end open. A missing value lies in no range.

    For a datetime column the ends are ISO 8601 texts, dates or datetimes without a time zone. A date without a time as
    the upper end takes in its whole day.
    """

    low: Bound = None
    high: Bound = None


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


def same_category(held: object, typed: str) -> bool:
    """Whether a category is the one that somebody typed: 1 and 1.0 are the same number, True and true the same truth.

    Other texts are the same where they read alike: 02139 is not 2139.
    """
    if isinstance(held, (int, float)) and not isinstance(held, bool):
        try:
            whole = isinstance(held, int)
            return Decimal(typed) == held if whole else math.isclose(held, float(typed), rel_tol=1e-12)
        except (ValueError, ArithmeticError):
            return False
    text = str(held)
    return text == typed or (text.lower() in TRUTHS and text.lower() == typed.lower())
