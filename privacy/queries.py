"""What a synthetic table looks like from one record: how near it comes, and how many records agree with it on what."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from privacy.distance import as_labels, as_numbers
from privacy.errors import AuditInputError
from privacy.threat import AuditTables

NEIGHBOURS = 5
QUERIES = {2: 105, 3: 60}
"""Counting queries of so many columns, at most; beyond three columns `WIDE_QUERIES` of random width."""
WIDE_QUERIES = 60
MOST_LISTED = 16
"""Columns up to which all queries of a width are listed and drawn from."""
NEAR = 0.05
"""Numbers agree where they differ by at most this part of their column's spread."""
BLOCK = 8192
"""Records looked at at a time."""

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Views:
    """What synthetic tables look like from some records."""

    near: Floats
    """(..., NEIGHBOURS) distances to the nearest records, nearest first: the mean over columns, 1 at most."""
    counts: Floats
    """(..., queries) records that agree on the columns of a query"""

    def of(self, target: int) -> Views:
        """Those of (models, targets, ...) views that are seen from one target."""
        return Views(near=self.near[:, target], counts=self.counts[:, target])

    def with_copy(self, member: Flags) -> Views:
        """The same (models, ...) tables with one more record where `member` is true, equal to the one that looks."""
        nearer = np.concatenate([np.zeros((len(self.near), 1)), self.near[:, :-1]], axis=1)
        return Views(near=np.where(member[:, None], nearer, self.near), counts=self.counts + member[:, None])


@dataclass(frozen=True, kw_only=True, slots=True)
class Lens:
    """Looks at a synthetic table from some target records."""

    targets: pd.DataFrame
    spreads: dict[str, float]
    """By column: the 1st to 99th percentile of a quantity; a category has none."""
    columns: tuple[str, ...]
    queries: NDArray[np.float32]
    """(columns, queries) 1 where a query asks for a column"""

    @property
    def widths(self) -> Floats:
        """(queries,) how many columns each asks for."""
        widths: Floats = self.queries.sum(axis=0).astype(np.float64)
        return widths

    def look(self, table: pd.DataFrame) -> Views:
        """The table as (targets, ...) views. Raises AuditInputError where it is empty or lacks columns.

        Memory: targets x BLOCK x columns, whatever the number of records.
        """
        if len(table) == 0 or not set(self.columns) <= set(table.columns):
            raise AuditInputError("expected a synthetic table with records and all columns, got another one")
        parts = [self._look(table.iloc[begin : begin + BLOCK]) for begin in range(0, len(table), BLOCK)]
        near = np.sort(np.concatenate([part.near for part in parts], axis=1), axis=1)[:, :NEIGHBOURS]
        near = np.where(np.isinf(near), near[:, [min(NEIGHBOURS, len(table)) - 1]], near)
        return Views(near=near, counts=np.sum([part.counts for part in parts], axis=0))

    def _look(self, block: pd.DataFrame) -> Views:
        distances = np.zeros((len(self.targets), len(block)))
        agree = np.zeros((len(self.targets), len(block), len(self.columns)), dtype=np.bool_)
        for place, name in enumerate(self.columns):
            apart = self._apart(name, block[name])
            distances += apart
            agree[:, :, place] = apart <= NEAR
        near = np.sort(distances, axis=1)[:, :NEIGHBOURS] / len(self.columns)
        near = np.pad(near, ((0, 0), (0, NEIGHBOURS - near.shape[1])), constant_values=np.inf)
        return Views(near=near, counts=np.stack([self.count_agreeing(one) for one in agree]))

    def _apart(self, name: str, column: pd.Series) -> Floats:
        """(targets, records) in spreads of the column, 1 at most; missing is a value like any other."""
        if name not in self.spreads:
            codes = pd.factorize(np.concatenate([as_labels(self.targets[name]), as_labels(column)]))[0]
            ours, theirs = codes[: len(self.targets), None], codes[None, len(self.targets) :]
            unequal: Floats = (ours != theirs).astype(np.float64)
            return unequal
        mine, others = as_numbers(self.targets[name])[:, None], as_numbers(column)[None, :]
        with np.errstate(invalid="ignore", over="ignore"):
            apart = np.where(mine == others, 0.0, np.minimum(np.abs(mine - others) / self.spreads[name], 1.0))
        one, both = np.isnan(mine) | np.isnan(others), np.isnan(mine) & np.isnan(others)
        distances: Floats = np.where(both, 0.0, np.where(one, 1.0, apart))
        return distances

    def count_agreeing(self, agree: Flags) -> Floats:
        """(queries,) records of (records, columns) that agree on all columns of each query.

        Records that agree on the same columns are counted together: there are far fewer such patterns than records.
        """
        packed = np.packbits(agree, axis=1)
        words = np.zeros((len(agree), -(-packed.shape[1] // 8) * 8), dtype=np.uint8)
        words[:, : packed.shape[1]] = packed
        keys = words.view(np.uint64)
        keys, axis = (keys[:, 0], None) if keys.shape[1] == 1 else (keys, 0)
        _, first, often = np.unique(keys, axis=axis, return_index=True, return_counts=True)
        meets = agree[first].astype(np.float32) @ self.queries >= self.queries.sum(axis=0)
        counts: Floats = often @ meets.astype(np.float64)
        return counts


def make_lens(base: pd.DataFrame, targets: pd.DataFrame, tables: AuditTables, rng: np.random.Generator) -> Lens:
    """A lens at `targets`, records with the columns of `tables`; numbers are scaled by their spread in `base`."""
    numeric = [name for name in tables.columns if not tables.schema[name].kind.is_category]
    spreads = {name: _spread(as_numbers(base[name])) for name in numeric}
    queries = _queries(len(tables.columns), rng)
    return Lens(targets=targets, spreads=spreads, columns=tables.columns, queries=queries)


def _spread(values: Floats) -> float:
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return 1.0
    low, high = np.quantile(finite, [0.01, 0.99])
    return float(high - low) or float(finite.max() - finite.min()) or 1.0


def _queries(columns: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """(columns, queries): each column alone, pairs, triples, wider ones of random width, and all columns."""
    asked: set[tuple[int, ...]] = {(c,) for c in range(columns)} | {tuple(range(columns))}
    for width, most in QUERIES.items():
        if columns <= MOST_LISTED:
            every = list(combinations(range(columns), width))
            asked |= {every[i] for i in rng.permutation(len(every))[:most]}
        else:
            asked |= {_some(columns, width, rng) for _ in range(most)}
    if columns > 4:
        asked |= {_some(columns, int(rng.integers(4, columns)), rng) for _ in range(WIDE_QUERIES)}
    matrix = np.zeros((columns, len(asked)), dtype=np.float32)
    for place, query in enumerate(sorted(asked, key=lambda q: (len(q), q))):
        matrix[list(query), place] = 1
    return matrix


def _some(columns: int, width: int, rng: np.random.Generator) -> tuple[int, ...]:
    return tuple(sorted(rng.permutation(columns)[:width].tolist()))
