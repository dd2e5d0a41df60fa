"""The ends of ranges in rules, as numbers: dates count days since 1970."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from synth.errors import RuleError

MICROS = 86_400_000_000
"""In a day."""


def as_bound(end: float | str) -> float:
    """An end of a range as a number. Raises RuleError on a text that is no date."""
    if not isinstance(end, str):
        if not math.isfinite(end):
            raise RuleError("rule: expected a finite number as an end")
        return float(end)
    try:
        moment = datetime.fromisoformat(end)
    except ValueError:
        raise RuleError("rule: expected a number or a date such as 2024-01-31 as an end") from None
    if moment.tzinfo is not None:
        raise RuleError("rule: expected a date without a time zone as an end")
    since = moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return since.days + (since.seconds * 1_000_000 + since.microseconds) / MICROS
