"""Columns in which no two records are the same, alone or together: where chance would make some of them the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.protection import HOLDERS
from synth.rules.numbers import is_dates, numbers_of, unit_of

MOST_TOGETHER = 3
"""Columns that are unique together, at most; more can be declared."""
MOST_COLUMNS = 40
"""Columns among which they are sought, at most: the first ones."""
LEAST_REPEATED = 0.005
"""Share of records that chance would make the same as another, at least, by a rough reckoning."""
LOOK = 1_000
"""Records by which most sets of columns are told not to be unique."""
NEAR = 10
"""Records to either side, in the order of their values, among which a value is drawn anew."""

Codes = NDArray[np.int64]


def find_keys(cells: pd.DataFrame, names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Sets of columns in which next to no records are the same, the smallest ones first and none within another one."""
    n = len(cells)
    found: list[frozenset[str]] = []
    for name in names:
        if pd.api.types.is_numeric_dtype(cells[name].dtype) or is_dates(cells[name]):
            present = cells[name].dropna()
            if len(present) and int(present.duplicated(keep=False).sum()) < HOLDERS:
                found.append(frozenset([name]))
                yield (name,)
    codes = {name: pd.factorize(cells[name], use_na_sentinel=False)[0].astype(np.int64) for name in names}
    same = {name: _same(codes[name]) for name in names}
    # whatever stands beside a column of which each record has another value says nothing
    left = [name for name in names if frozenset([name]) not in found and 0 < same[name] < 1][:MOST_COLUMNS]
    for size in range(2, MOST_TOGETHER + 1):
        for columns in combinations(left, size):
            expected = (n - 1) * np.prod([same[name] for name in columns])
            if expected < LEAST_REPEATED or any(each <= set(columns) for each in found):
                continue
            if _repeated([codes[name][:LOOK] for name in columns]) >= HOLDERS:
                continue
            if _repeated([codes[name] for name in columns]) < HOLDERS:
                found.append(frozenset(columns))
                yield columns


def drawn_again(column: pd.Series, rng: np.random.Generator) -> pd.Series:
    """(records,) each value drawn evenly between those of the records near it, in the unit of the column.

    So values are as dense as in the column, and what they have to do with one another is gone. Missing stays missing.
    """
    x = numbers_of(column).copy()
    there = np.flatnonzero(~np.isnan(x))
    unit, ordered = unit_of(x, dates=is_dates(column)), np.sort(x[there])
    places = np.arange(len(ordered))
    low, high = ordered[np.maximum(places - NEAR, 0)], ordered[np.minimum(places + NEAR, len(ordered) - 1)]
    drawn = rng.uniform(low, high)
    x[there] = unit.numbers(unit.count(drawn)) if unit.per else drawn
    return pd.Series(x, name=column.name)


def _same(codes: Codes) -> float:
    """How probable it is that two records have the same value."""
    times, n = np.bincount(codes).astype(np.float64), len(codes)
    return float((times * (times - 1)).sum() / max(n * (n - 1), 1))


def _repeated(codes: Sequence[Codes]) -> int:
    """How many records have the same values as another one."""
    key = codes[0]
    for each in codes[1:]:
        key = np.unique(key, return_inverse=True)[1].reshape(-1) * (int(each.max()) + 1) + each
    times = np.unique(key, return_counts=True)[1]
    return int(times[times > 1].sum())
