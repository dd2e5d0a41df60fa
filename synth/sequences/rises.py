"""How a quantity that never falls goes on from one record to the next.

A number rises by a step, and a date by a number of days. Where a column holds times, days and times are told apart, as
whatever people do has its hours: it rises by a number of days; on the same day by a time, on a later one to a time.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.encode.base import ColumnEncoder
from synth.encode.datetime import UNITS
from synth.encode.fit_numeric import fit_numeric
from synth.encode.numeric import NumericEncoder
from synth.errors import ArtifactError
from synth.people import People

Ints = NDArray[np.int64]
Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

STEP, DAYS, LATER, CLOCK = "step", "days", "later", "clock"
PIECES = 32
"""Pieces of a step, at most."""


def numbers_of(column: ColumnEncoder) -> NumericEncoder:
    """The numbers of a quantity. Raises ArtifactError on any other column."""
    if column.numbers is None:
        raise ArtifactError(f"column {column.name!r}: expected a quantity")
    return column.numbers


def units_of(column: ColumnEncoder, values: Numbers) -> Numbers:
    """Numbers, or microseconds, as the column's encoder counts them."""
    unit = column.time_unit
    return np.floor(values / unit) if unit else values


def day_of(column: ColumnEncoder) -> int:
    """How many of its units a day has; 0 for a column without times."""
    unit = column.time_unit
    return UNITS[0] // unit if 0 < unit < UNITS[0] else 0


def parts_of(column: ColumnEncoder) -> tuple[str, ...]:
    """What is drawn of it, in this order."""
    return (DAYS, LATER, CLOCK) if day_of(column) else (STEP,)


def split(column: ColumnEncoder, part: str, before: Numbers, after: Numbers) -> tuple[Numbers, Flags]:
    """((n,) one part of how numbers rise, (n,) where it is drawn)."""
    rise = np.maximum(after - before, 0.0)
    everywhere = np.ones(len(rise), dtype=np.bool_)
    if part == STEP:
        return rise, everywhere
    day = day_of(column)
    days = np.maximum(after // day - before // day, 0.0)
    if part == DAYS:
        return days, everywhere
    return (rise, days == 0) if part == LATER else (after % day, days > 0)


def applies(part: str, parts: Mapping[str, Numbers]) -> Flags | None:
    """(n,) where a part counts, by the parts before it; None where it does everywhere."""
    if part in {STEP, DAYS}:
        return None
    days = np.rint(parts[DAYS])
    return days <= 0 if part == LATER else days > 0


def join(column: ColumnEncoder, before: Numbers, parts: Mapping[str, Numbers], left: Ints) -> Numbers:
    """(n,) the numbers that follow those before: none that is less, and none beyond what the column may emit.

    Where one would lie beyond, it takes an even share of the room that is there for the (n,) records that are `left`.
    """
    inner = numbers_of(column)
    even = before + np.maximum(inner.high - before, 0.0) / (left + 1)
    if STEP in parts:
        after = before + np.maximum(parts[STEP], 0.0)
    else:
        day = day_of(column)
        today = before // day
        same = np.minimum(before + np.maximum(parts[LATER], 0.0), (today + 1) * day - 1)
        days = np.rint(np.maximum(parts[DAYS], 0.0))
        clock = np.clip(parts[CLOCK], 0, day - 1)
        after = np.where(days == 0, same, (today + days) * day + clock)
        even = np.where(even // day > today, even // day * day + clock, even)
    after = np.where(after > inner.high, even, after)
    if column.time_unit or inner.decimals is not None:
        after = np.round(after, 0 if column.time_unit else inner.decimals or 0)
    return np.maximum(np.minimum(after, inner.high), before)


def fit_part(
    column: ColumnEncoder, values: Numbers, who: People, rng: np.random.Generator, *, least: int, modes: int
) -> NumericEncoder:
    """The encoder of one part: whatever it emits is backed by `least` people; 0 where there are too few of them."""
    enough = len(np.unique(who)) >= least
    kept, people = (values, who) if enough else (np.zeros(1), np.zeros(1, dtype=np.int64))
    return fit_numeric(
        pd.Series(kept, name=column.name),
        rng,
        min_count=least if enough else 1,
        max_modes=modes,
        max_pieces=PIECES,
        people=people,
    )
