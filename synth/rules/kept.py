"""Which records keep a rule. A record in which a cell that the rule needs is missing neither keeps nor breaks it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.errors import RuleError
from synth.rules.numbers import Numbers, matches, numbers_of, tolerance_of
from synth.rules.rule import AnyRule, Bounds, Combination, Linear, NullWhen, OneHot, Order, Product, Unique

BROKEN, KEPT, UNKNOWN = 0, 1, -1
"""What a record does with a rule; UNKNOWN where a cell is missing."""

Kept = NDArray[np.int8]
"""(records,) BROKEN, KEPT or UNKNOWN."""
Cells = Mapping[str, pd.Series]
"""Columns by name, as values: numbers, datetimes and texts, see `synth.table.values.values_of`."""


def kept_by(rule: AnyRule, cells: Cells) -> Kept:
    """(records,) which records keep the rule. Raises RuleError where a column is of a kind that it cannot be about.

    All records keep a Combination: the table itself says which there are, see `synth.rules.share.known_among`.
    """
    match rule:
        case Order():
            kept = _in_order(rule, cells)
        case Linear() | Product():
            target, total = numbers_of(cells[rule.target]), total_of(rule, cells)
            near = np.abs(target - total) <= tolerance_of(target, total)
            kept = _verdict(near, np.isnan(target) | np.isnan(total))
        case OneHot():
            kept = _one_hot(rule, cells)
        case Combination():
            kept = np.full(len(cells[rule.columns[0]]), KEPT, dtype=np.int8)
        case NullWhen():
            kept = _verdict(cells[rule.column].isna().to_numpy(), ~missing_when(rule, cells))
        case Bounds():
            kept = _inside(rule, cells)
        case Unique():
            frame = pd.DataFrame({name: cells[name].reset_index(drop=True) for name in rule.columns})
            kept = _verdict(~frame.duplicated(keep=False).to_numpy(), frame.isna().any(axis=1).to_numpy())
    return kept


def total_of(rule: Linear | Product, cells: Cells) -> Numbers:
    """(records,) what the target has to be, not rounded; NaN where a cell is missing."""
    if isinstance(rule, Product):
        product: Numbers = np.prod([numbers_of(cells[name]) for name in rule.factors], axis=0)
        return product
    found = np.full(len(cells[rule.terms[0][1]]), float(rule.constant))
    for weight, name in rule.terms:
        found += weight * numbers_of(cells[name])
    return found


def missing_when(rule: NullWhen, cells: Cells) -> NDArray[np.bool_]:
    """(records,) where the column has to be missing."""
    other = cells[rule.other]
    return other.isna().to_numpy() if rule.value is None else matches(other, rule.value)


def _in_order(rule: Order, cells: Cells) -> Kept:
    if len({pd.api.types.is_datetime64_any_dtype(cells[name].dtype) for name in rule.columns}) > 1:
        raise RuleError(f"rule: columns {' and '.join(map(repr, rule.columns))}: expected two numbers or two dates")
    low, high = numbers_of(cells[rule.low]), numbers_of(cells[rule.high])
    return _verdict(low < high if rule.strict else low <= high, np.isnan(low) | np.isnan(high))


def _one_hot(rule: OneHot, cells: Cells) -> Kept:
    total = np.zeros(len(cells[rule.columns[0]]))
    fits = np.ones(len(total), dtype=np.bool_)
    for name in rule.columns:
        values = numbers_of(cells[name])
        fits &= (values == 0) | (values == 1)
        total += values
    return _verdict(fits & (total == 1), np.isnan(total))


def _inside(rule: Bounds, cells: Cells) -> Kept:
    dates = pd.api.types.is_datetime64_any_dtype(cells[rule.column].dtype)
    if any(end is not None and isinstance(end, str) != dates for end in (rule.low, rule.high)):
        raise RuleError(f"rule: column {rule.column!r}: expected ends of its kind, numbers or dates")
    x, (low, high) = numbers_of(cells[rule.column]), rule.ends
    inside = (x > low if rule.above else x >= low) & (x < high if rule.below else x <= high)
    return _verdict(inside, np.isnan(x))


def _verdict(kept: NDArray[np.bool_], unknown: NDArray[np.bool_]) -> Kept:
    return np.where(unknown, UNKNOWN, np.where(kept, KEPT, BROKEN)).astype(np.int8)
