"""Columns of numbers that are often the same in a record, such as a payment that is the bill."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.protection import HOLDERS
from synth.rules.numbers import Numbers, numbers_of
from synth.rules.rule import AnyRule, Linear
from synth.table.schema import ColumnKind, ColumnRole, TableSchema

LEAST, MOSTLY = 0.01, 0.5
"""Least shares of records in which both have the same infrequent value, for `often the same` and for `mostly`."""
FREQUENT = 0.01
"""A value that this share of the records has, such as 0, is frequent: the chain itself draws it in both columns."""
FAR_MORE = 10.0
"""Equal values must be at least so many times as frequent as if a column were permuted."""
FEWEST = 200
"""Records, at least, that prove it."""
MOST_RECORDS = 20_000
MOST_COLUMNS = 200
"""Columns that are compared, at most: the first ones."""
MOST_SOURCES = 3
"""Columns that another one is often the same as, at most."""
LOOK = 2_000
"""Records by which most pairs are left out."""
LARGEST = 1e15
"""Numbers beyond this are not compared: floats do not tell them from their neighbours."""

Equal = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True)
class OftenSame:
    """A column that is often the same as others."""

    column: str
    others: tuple[str, ...]
    """Columns before it in the table; the one that it is most often the same as comes first"""
    mostly: bool
    """Whether it is the same as the first in most records"""

    @property
    def rules(self) -> tuple[Linear, ...]:
        """That it is always the same as each of them, which is often so."""
        return tuple(Linear(target=self.column, terms=((1, other),)) for other in self.others)

    def without(self, switched_off: Callable[[AnyRule], bool]) -> OftenSame | None:
        """The others that are not switched off; None where there are none."""
        left = tuple(other for other, rule in zip(self.others, self.rules, strict=True) if not switched_off(rule))
        return replace(self, others=left, mostly=self.mostly and left[0] == self.others[0]) if left else None


def often_same(
    values: Callable[[str], pd.Series], schema: TableSchema, rng: np.random.Generator, least: int = HOLDERS
) -> list[OftenSame]:
    """The columns that are often the same as others before them, in a table with one record of each person.

    Asked of at least LEAST of the records, and of `least` and HOLDERS of them, so that no few people decide it.
    """
    names = [
        s.name for s in schema if s.kind is ColumnKind.NUMERICAL and s.role is ColumnRole.FEATURE and not s.markers
    ][:MOST_COLUMNS]
    numbers = {name: numbers_of(values(name)) for name in names}
    records = len(next(iter(numbers.values()), ()))
    if records < FEWEST:
        return []
    rows, least = rng.permutation(records)[:MOST_RECORDS], max(least, HOLDERS)
    held = {name: _infrequent(np.where(np.abs(x[rows]) > LARGEST, np.nan, x[rows])) for name, x in numbers.items()}
    found = []
    for place, name in enumerate(held):
        same = {other: _same(held[name], held[other], rng, least) for other in [*held][:place]}
        others = _most(held[name], {other: each for other, each in same.items() if each is not None}, least)
        if others:
            mostly = int((held[name] == held[others[0]]).sum()) >= MOSTLY * len(rows)
            found.append(OftenSame(column=name, others=others, mostly=mostly))
    return found


def _most(x: Numbers, same: Mapping[str, Equal], least: int) -> tuple[str, ...]:
    """The columns that most records have it from, each of them counted once."""
    chosen: list[str] = []
    left = np.ones(len(x), dtype=np.bool_)
    while same and len(chosen) < MOST_SOURCES:
        most = max(same, key=lambda other: int((same[other] & left).sum()))
        if (same[most] & left).sum() < max(least, LEAST * len(x)):
            break
        chosen.append(most)
        left &= ~same[most]
    return tuple(chosen)


def frequent_in(x: Numbers, least: int) -> tuple[float, ...]:
    """The numbers that FREQUENT of the (records,) cells have, and `least` of them, ascending; NaN is missing."""
    distinct, times = np.unique(x[~np.isnan(x)], return_counts=True)
    return tuple(distinct[times >= max(least, FREQUENT * len(x))].tolist())


def _infrequent(x: Numbers) -> Numbers:
    """(records,) the numbers, without those that are frequent and those that are missing, which are NaN."""
    return np.where(np.isin(x, frequent_in(x, HOLDERS)), np.nan, x)


def _same(one: Numbers, other: Numbers, rng: np.random.Generator, least: int) -> Equal | None:
    """(records,) in which both are the same; None where too few are, or so many might be by chance."""
    if (one[:LOOK] == other[:LOOK]).sum() < LEAST / 2 * len(one[:LOOK]):
        return None
    same: Equal = one == other
    if same.sum() < max(least, LEAST * len(one)) or same.sum() < FAR_MORE * (one == rng.permutation(other)).sum():
        return None
    return same
