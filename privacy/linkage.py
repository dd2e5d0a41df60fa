"""Record linkage: whom does each synthetic record point at, and by how much better than at anybody else?"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from privacy.cells import Cells

Floats = NDArray[np.float32]
Index = NDArray[np.intp]

PARTS_OF_A_BIT = 64
"""Weights are whole numbers of 1/64 bit. Sums of whole numbers below 2^24 are exact in float32, in any order."""
PAIRS_AT_ONCE = 2**20
COMMON = 0.1
"""Values that more than this share of the people have are added by a matrix product, rarer ones by lists of holders."""
WORKERS = 2
NOT_LINKED = np.float32(-1)


def information(codes: NDArray[np.integer]) -> Floats:
    """For each cell of a column -log2 of the share of the column's cells that agree with it."""
    _, inverse, counts = np.unique(codes, return_inverse=True, return_counts=True)
    bits: Floats = -np.log2(counts / max(1, len(codes))).astype(np.float32)[inverse]
    return np.abs(bits)


@dataclass(frozen=True, kw_only=True, slots=True)
class Links:
    """For each person under attack how clearly a published record points at them: float32, in bits, or NOT_LINKED."""

    train: Floats
    holdout: Floats

    def join(self, other: Links) -> Links:
        """The links to the published records of both."""
        return Links(train=np.maximum(self.train, other.train), holdout=np.maximum(self.holdout, other.holdout))


def link(train: Cells, holdout: Cells, published: Cells) -> Links:
    """The margins of train and holdout, who compete for each published record."""
    found = margins(train.join(holdout), published)
    return Links(train=found[: len(train)], holdout=found[len(train) :])


@dataclass(frozen=True, kw_only=True, slots=True)
class _Column:
    """One column of the people: who holds which value, and what agreement on it is worth."""

    codes: NDArray[np.int32]
    """The distinct codes, sorted."""
    worth: Floats
    """Per distinct code, in 1/64 bit."""
    common: Index
    """Per distinct code its row in the matrix of common values, or -1."""
    holders: Index
    """The people, sorted by code."""
    starts: Index
    """Per distinct code the start of its holders; one more at the end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _People:
    columns: tuple[_Column, ...]
    common: Floats
    """Common values x people: 1 where the person has the value."""
    size: int


def margins(people: Cells, published: Cells) -> Floats:
    """How clearly some published record points at each person: float32, in bits; NOT_LINKED where none does.

    Agreement of a record with a person is the sum over the columns on which they agree of -log2 of the share of the
    people who have that value: Fellegi & Sunter (1969), eq. 13, the weight of agreement for a cell copied without
    error. Each published record points at the one person who agrees with it most. Its margin is by how much that
    person agrees more than the second. The second person tells what chance does to this very record, columns that
    determine one another included: they lift both. A person's margin is the largest over the records that point at
    them. Who is train and who is holdout has no influence.

    Memory: a few blocks of PAIRS_AT_ONCE, whatever the sizes.
    """
    best = np.full(len(people), NOT_LINKED, dtype=np.float32)
    if len(people) < 2 or not people.columns:
        return best
    index = _indexed(people)
    names = tuple(people.columns)
    step = max(1, PAIRS_AT_ONCE // len(people))
    with ThreadPoolExecutor(WORKERS) as pool:
        block = partial(_pointed_at, index, tuple(published.columns[name] for name in names))
        for persons, margin in pool.map(block, _slices(len(published), step)):
            np.maximum.at(best, persons, margin)
    return best


def _slices(size: int, step: int) -> Iterator[slice]:
    return (slice(start, min(start + step, size)) for start in range(0, size, step))


def _indexed(people: Cells) -> _People:
    columns: list[_Column] = []
    rows: list[Floats] = []
    for cells in people.columns.values():
        codes, inverse, counts = np.unique(cells, return_inverse=True, return_counts=True)
        worth = np.round(-np.log2(counts / len(people)) * PARTS_OF_A_BIT).astype(np.float32)
        is_common = counts > COMMON * len(people)
        common = np.full(len(codes), -1, dtype=np.intp)
        common[is_common] = len(rows) + np.arange(int(is_common.sum()))
        rows.extend((inverse == code).astype(np.float32) for code in np.flatnonzero(is_common))
        columns.append(
            _Column(
                codes=codes.astype(np.int32),
                worth=worth,
                common=common,
                holders=np.argsort(inverse, kind="stable"),
                starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.intp),
            )
        )
    matrix = np.stack(rows) if rows else np.empty((0, len(people)), dtype=np.float32)
    return _People(columns=tuple(columns), common=matrix, size=len(people))


def _pointed_at(people: _People, published: tuple[NDArray[np.int32], ...], rows: slice) -> tuple[Index, Floats]:
    """The person at whom each of these records points, and the margin in bits; records that point at none are out."""
    size = rows.stop - rows.start
    places = [_places(column, cells[rows]) for column, cells in zip(people.columns, published, strict=True)]
    chosen = np.zeros((size, len(people.common)), dtype=np.float32)
    for column, place in zip(people.columns, places, strict=True):
        row = np.where(place >= 0, column.common[place], -1)
        here = np.flatnonzero(row >= 0)
        chosen[here, row[here]] = column.worth[place[here]]
    agreement = chosen @ people.common
    flat = agreement.reshape(-1)
    for column, place in zip(people.columns, places, strict=True):
        _add_holders(flat, people.size, column, place)
    each = np.arange(size)
    person = agreement.argmax(axis=1)
    first = agreement[each, person]
    agreement[each, person] = -1
    margin = (first - agreement.max(axis=1)) / np.float32(PARTS_OF_A_BIT)
    # A record that agrees with two people equally points at neither: else the first, who is of train, would be chosen.
    linked = (first > 0) & (margin > 0)
    return person[linked], margin[linked].astype(np.float32)


def _places(column: _Column, cells: NDArray[np.int32]) -> Index:
    """The position of each cell among the column's distinct codes, or -1."""
    place = np.minimum(np.searchsorted(column.codes, cells), len(column.codes) - 1)
    return np.where(column.codes[place] == cells, place, -1)


def _add_holders(agreement: Floats, people: int, column: _Column, place: Index) -> None:
    """Add what agreement on a rare value is worth, for each record and each holder of its value, in place."""
    rows = np.flatnonzero((place >= 0) & (column.common[place] < 0))
    if rows.size == 0:
        return
    codes = place[rows]
    starts, counts = column.starts[codes], column.starts[codes + 1] - column.starts[codes]
    ends = np.cumsum(counts)
    within = np.arange(int(ends[-1])) - np.repeat(ends - counts, counts)
    holder = column.holders[np.repeat(starts, counts) + within]
    agreement[np.repeat(rows * people, counts) + holder] += np.repeat(column.worth[codes], counts)
