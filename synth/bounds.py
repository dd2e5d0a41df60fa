"""Ranges of quantities as they are asked for. Loads nothing, so that whoever only takes a request may read them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time

DATE_LENGTH = len("YYYY-MM-DD")

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
