"""Which records keep a rule. Where a cell that it needs is missing, a record neither keeps nor breaks it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.errors import RuleError
from synth.rules.clock import DAY, is_time, minutes_of, moved
from synth.rules.dates import part_held, part_told
from synth.rules.numbers import Numbers, is_dates, matches, numbers_of, tolerance_of
from synth.rules.rule import (
    AnyRule,
    Bounds,
    ClockSum,
    Combination,
    DatePart,
    Formula,
    Linear,
    NullWhen,
    OneHot,
    Order,
    Product,
    Unique,
)

BROKEN, KEPT, UNKNOWN = 0, 1, -1
"""What a record does with a rule; UNKNOWN where a cell is missing."""

Kept = NDArray[np.int8]
"""(records,) BROKEN, KEPT or UNKNOWN."""
Cells = Mapping[str, pd.Series]
"""Columns by name, as values: numbers, datetimes and texts, see `synth.table.values.values_of`."""


def kept_by(rule: AnyRule, cells: Cells, people: NDArray[np.int64] | None = None) -> Kept:
    """(records,) which records keep the rule; `people` is (records,), or each record is of another one.

    Raises RuleError where a column is of a kind that the rule cannot be about. Of combinations all do: the table itself
    says which there are, see `synth.rules.share.known_among`.
    """
    match rule:
        case Order():
            found = _order(rule, cells)
        case Linear() | Product():
            target, total = numbers_of(cells[rule.target]), total_of(rule, cells)
            unknown = np.isnan(target) | np.isnan(total)
            found = _verdict(np.abs(target - total) <= tolerance_of(target, total, people), unknown)
        case ClockSum():
            found = _clock_sum(rule, cells)
        case DatePart():
            told, absent = part_told(rule, cells), cells[rule.target].isna().to_numpy()
            found = _verdict(part_held(rule, cells[rule.target]) == told, absent | np.isnan(told))
        case OneHot():
            found = _one_hot(rule, cells)
        case Combination():
            found = np.full(len(cells[rule.columns[0]]), KEPT, dtype=np.int8)
        case NullWhen():
            found = _verdict(cells[rule.column].isna().to_numpy(), ~blank_where(rule, cells))
        case Bounds():
            found = _bounds(rule, cells)
        case Unique():
            frame = pd.DataFrame({name: cells[name].reset_index(drop=True) for name in rule.columns})
            found = _verdict(~frame.duplicated(keep=False).to_numpy(), frame.isna().any(axis=1).to_numpy())
    return found


def total_of(rule: Formula, cells: Cells) -> Numbers:
    """(records,) what the target has to be, not rounded; NaN where a cell is missing."""
    if isinstance(rule, Product):
        found = np.ones(len(cells[rule.factors[0]]))
        for name in rule.factors:
            found = found * numbers_of(cells[name])
        return found
    if isinstance(rule, DatePart):
        return part_told(rule, cells)
    if isinstance(rule, ClockSum):
        minutes = numbers_of(cells[rule.minutes])
        return moved(numbers_of(cells[rule.other]), minutes if rule.later else -minutes)
    found = np.full(len(cells[rule.terms[0][1]]), float(rule.constant))
    for weight, name in rule.terms:
        found += weight * numbers_of(cells[name])
    return found


def gains_of(rule: Linear | Product, cells: Cells, name: str) -> Numbers:
    """(records,) by how much what the target has to be rises with one of the columns that it is computed from."""
    if isinstance(rule, Linear):
        weight = next(weight for weight, each in rule.terms if each == name)
        return np.full(len(cells[name]), float(weight))
    others = [numbers_of(cells[each]) for each in rule.factors if each != name]
    return np.asarray(np.prod(others, axis=0), dtype=np.float64)


def blank_where(rule: NullWhen, cells: Cells) -> NDArray[np.bool_]:
    """(records,) where the column has to be missing."""
    other = cells[rule.other]
    return other.isna().to_numpy() if rule.value is None else matches(other, rule.value)


def _order(rule: Order, cells: Cells) -> Kept:
    if is_dates(cells[rule.low]) != is_dates(cells[rule.high]):
        raise RuleError(f"rule: columns {rule.low!r} and {rule.high!r}: expected two numbers or two dates")
    low, high = numbers_of(cells[rule.low]), numbers_of(cells[rule.high])
    return _verdict(low < high if rule.strict else low <= high, np.isnan(low) | np.isnan(high))


def _clock_sum(rule: ClockSum, cells: Cells) -> Kept:
    target, other, total = numbers_of(cells[rule.target]), numbers_of(cells[rule.other]), total_of(rule, cells)
    same = minutes_of(target) % DAY == minutes_of(total) % DAY
    return _verdict(is_time(target) & is_time(other) & same, np.isnan(target) | np.isnan(total))


def _one_hot(rule: OneHot, cells: Cells) -> Kept:
    total = np.zeros(len(cells[rule.columns[0]]))
    fits = np.ones(len(total), dtype=np.bool_)
    for name in rule.columns:
        values = numbers_of(cells[name])
        fits &= (values == 0) | (values == 1)
        total += values
    return _verdict(fits & (total == 1), np.isnan(total))


def _bounds(rule: Bounds, cells: Cells) -> Kept:
    dates = is_dates(cells[rule.column])
    if any(end is not None and isinstance(end, str) != dates for end in (rule.low, rule.high)):
        raise RuleError(f"rule: column {rule.column!r}: expected ends of its kind, numbers or dates")
    x, (low, high) = numbers_of(cells[rule.column]), rule.ends
    inside = (x > low if rule.above else x >= low) & (x < high if rule.below else x <= high)
    return _verdict(inside, np.isnan(x))


def _verdict(kept: NDArray[np.bool_], unknown: NDArray[np.bool_]) -> Kept:
    return np.where(unknown, UNKNOWN, np.where(kept, KEPT, BROKEN)).astype(np.int8)
