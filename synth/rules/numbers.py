"""Cells as the numbers that rules compare and add up: dates count days since 1970."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.errors import RuleError
from synth.people import People, at_least
from synth.protection import HOLDERS, TABLE_RECORDS
from synth.rules.ends import MICROS

Numbers = NDArray[np.float64]
UNITS = (86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000, 1_000, 1)
"""Microseconds in a day, an hour, a minute, a second, a millisecond and a microsecond."""
MOST_PLACES = 6
SAME_AS = -8_999_999_999_999_000
"""A number that stands for the value of another column, the next ones for those of further columns. No column that they
stand in holds numbers so far off (`synth.detect.same.LARGEST`), and doubles count on from it one by one."""
MOST_SAME = 100
SLACK = 1e-6
"""A number this close to a whole number of units, in units, counts as one."""


@dataclass(frozen=True, slots=True)
class Unit:
    """The unit of which all values of a column are multiples: `per` of them make 1, or a day; 0 where there is none."""

    per: float

    def count(self, x: Numbers) -> Numbers:
        """(n,) whole units, the nearest."""
        return np.rint(x * self.per)

    def at_or_above(self, x: Numbers, *, strict: bool) -> Numbers:
        """(n,) the fewest whole units that are not below each number, or above it."""
        y = x * self.per
        near = np.rint(y)
        on = np.abs(y - near) <= SLACK * np.maximum(1.0, np.abs(y) * 1e-9)
        return np.where(on, near + strict, np.floor(y) + 1)

    def at_or_below(self, x: Numbers, *, strict: bool) -> Numbers:
        """(n,) the most whole units that are not above each number, or below it."""
        return -self.at_or_above(-x, strict=strict)

    def numbers(self, units: Numbers) -> Numbers:
        """(n,) the numbers, each the nearest double."""
        return units / self.per


def numbers_of(column: pd.Series) -> Numbers:
    """(records,) the cells as numbers; missing is NaN. Raises RuleError on text."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        micros = column.to_numpy().astype("datetime64[us]")
        return np.where(np.isnat(micros), np.nan, micros.astype(np.int64) / MICROS)
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    if column.isna().all():
        return np.full(len(column), np.nan)
    truth = _truth_of(column)
    if truth is None:
        raise RuleError(f"rule: column {column.name!r}: expected numbers or dates, got text")
    return truth


def _truth_of(column: pd.Series) -> Numbers | None:
    """(records,) 1 and 0 for true and false, however they are written; None where there is other text."""
    codes, distinct = pd.factorize(column, use_na_sentinel=True)
    known = {"true": 1.0, "1": 1.0, "1.0": 1.0, "false": 0.0, "0": 0.0, "0.0": 0.0}
    if len(distinct) > len(known):
        return None
    found = [known.get(str(each).lower()) for each in distinct]
    return None if None in found else np.array([*found, np.nan], dtype=np.float64)[codes]


def stands_for_another(text: str) -> bool:
    """Whether a text is a number that stands for the value of another column."""
    try:
        return SAME_AS <= float(text) < SAME_AS + MOST_SAME
    except ValueError:
        return False


def is_dates(column: pd.Series) -> bool:
    """Whether the column counts days."""
    return bool(pd.api.types.is_datetime64_any_dtype(column.dtype))


def unit_of(x: Numbers, *, dates: bool, people: People | None = None) -> Unit:
    """The coarsest unit that all numbers are whole in, decimal places or a unit of time.

    Numbers of fewer than HOLDERS people do not make it finer; `people` is (records,), or each record is of another one.
    """
    present = ~np.isnan(x)
    x, who = x[present], (np.arange(len(x)) if people is None else people)[present]
    if dates:
        micros = np.rint(x * MICROS).astype(np.int64)
        return Unit(MICROS / next(unit for unit in UNITS if not enough_people(micros % unit != 0, who)))
    for places in range(MOST_PLACES + 1):
        y = x * 10.0**places
        off = np.abs(y - np.rint(y)) > SLACK * np.maximum(1.0, np.abs(y) * 1e-9)
        if not enough_people(off, who) and np.abs(y).max(initial=0) < 2**53:
            return Unit(10.0**places)
    return Unit(0.0)


def enough_people(odd: NDArray[np.bool_], people: People) -> bool:
    """Whether the records that are odd are of so many people that they decide: HOLDERS, or any in a tiny table."""
    least = HOLDERS if at_least(people, TABLE_RECORDS) else 1
    return at_least(people[odd], least)


def tolerance_of(target: Numbers, total: Numbers, people: People | None = None) -> Numbers | float:
    """How far a sum may lie from numbers that are rounded, see `slack_of`."""
    return slack_of(unit_of(target, dates=False, people=people), total)


def slack_of(unit: Unit, total: Numbers) -> Numbers | float:
    """How far a sum may lie from numbers that are rounded: half a unit of their last place, and what doubles lose."""
    per = unit.per
    lost = 1e-12 * np.maximum(np.abs(np.nan_to_num(total)), 1.0)
    return lost * 1e3 if per == 0 else 0.5 / per * (1 + SLACK) + lost


def matches(column: pd.Series, text: str) -> NDArray[np.bool_]:
    """(records,) whether each cell is what the text says, however its type writes it: 1 is 1.0."""
    codes, distinct = pd.factorize(column, use_na_sentinel=True)
    same = np.array([_same(each, text) for each in distinct] + [False])
    return same[codes]


def _same(value: object, text: str) -> bool:
    if str(value) == text or (isinstance(value, bool | np.bool_) and str(value).lower() == text.lower()):
        return True
    if isinstance(value, pd.Timestamp):
        return value.isoformat() == text or value.date().isoformat() == text
    try:
        return not isinstance(value, str) and float(str(value)) == float(text)
    except ValueError:
        return False
