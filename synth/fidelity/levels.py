"""Columns cut into levels, so that any two tables can be counted and compared cell by cell.

Levels follow from a column's marginal. So at least five people of train have each category or bin that has a name, and
a distance or a cell says nothing about an extreme or a rare category.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.fidelity.frames import MISSING_LABEL
from synth.fidelity.marginals import OTHER, Histogram, Marginal
from synth.protection import HOLDERS

Codes = NDArray[np.int64]
Numbers = NDArray[np.float64]

COARSE = 6
"""Named levels, at most, of a column in a table of two columns."""


LEAST_SHARE = 0.01
"""Of train, in a level of numbers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Levels:
    """Named categories or bins, and after them two codes more: of other categories, and of missing values."""

    labels: tuple[str, ...] = ()
    """Of a categorical column."""
    edges: tuple[float, ...] = ()
    """Of numbers and dates, one more than bins."""
    open_ends: bool = False
    """Whether the first and the last bin reach beyond their edges. If not, what lies there is other."""

    @property
    def named(self) -> int:
        """How many levels have a name."""
        return len(self.labels) if self.labels or not self.edges else len(self.edges) - 1

    @property
    def size(self) -> int:
        """How many codes there are."""
        return self.named + 2

    def codes(self, column: pd.Series) -> Codes:
        """The level of each record, from 0 to `size` - 1."""
        other, missing = self.named, self.named + 1
        if not self.edges:
            places = {label: i for i, label in enumerate(self.labels)} | {MISSING_LABEL: missing}
            return np.asarray(column.map(places).fillna(other), dtype=np.int64)
        values, edges = column.to_numpy(dtype=np.float64), np.asarray(self.edges)
        found = np.searchsorted(edges, values, side="right") - 1
        found = np.where(values == edges[-1], self.named - 1, found)
        if self.open_ends:
            found = found.clip(0, self.named - 1)
        else:
            found = np.where((found < 0) | (found >= self.named), other, found)
        return np.asarray(np.where(np.isnan(values), missing, found), dtype=np.int64)

    def to_json(self) -> dict[str, object]:
        """What the codes stand for: `labels` or `edges`, each followed by other and missing."""
        return {"edges": list(self.edges)} if self.edges else {"labels": list(self.labels)}


def fine(marginal: Marginal) -> Levels:
    """The levels of the marginal itself."""
    if isinstance(marginal, Histogram):
        return Levels(edges=marginal.edges)
    return Levels(labels=tuple(label for label in marginal.labels if label != OTHER))


def coarse(marginal: Marginal) -> Levels:
    """At most six: the most frequent categories, or bins of the marginal joined to about equal shares of train.

    What one bin has beyond its part, as a spike does, is taken from the parts of those that follow.
    """
    if not isinstance(marginal, Histogram):
        return Levels(labels=fine(marginal).labels[:COARSE])
    shares = np.array(marginal.real)
    shares[0] += marginal.real_tails[0]
    shares[-1] += marginal.real_tails[1]
    kept, running = [marginal.edges[0]], 0.0
    for share, left, right in zip(shares, shares.sum() - np.cumsum(shares), marginal.edges[1:], strict=True):
        running += share
        wanted = max((running + left) / (COARSE - len(kept) + 1), LEAST_SHARE)
        if running >= wanted * (1 - 1e-9) and left >= LEAST_SHARE:
            kept.append(right)
            running = 0.0
    return Levels(edges=(*kept, marginal.edges[-1]), open_ends=True)


def distance(codes: Codes, others: Codes, size: int) -> float:
    """The total variation distance: the share of records that would have to move. From 0 to 1."""
    ours, theirs = (np.bincount(each, minlength=size) / max(len(each), 1) for each in (codes, others))
    return float(np.abs(ours - theirs).sum() / 2)


def people(codes: Codes, holders: Codes, size: int) -> Codes:
    """How many different people have each code."""
    pairs = np.unique(np.column_stack([codes, holders]), axis=0)
    return np.bincount(pairs[:, 0], minlength=size)


def shown_cells(held: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Cells of a table of counts of people that may be told: five people or more, and not to be worked out by others.

    Sums of rows and columns are known from marginals, and no count is below zero. Where these leave a withheld cell of
    one to four people one value only, the smallest cell beside it is withheld too (complementary suppression,
    Willenborg & de Waal 2001, chapter 4), until each could be another or its row and column are withheld. Levels that
    nobody has are told: their sums say so already, and they cover nothing.
    """
    empty = (held.sum(axis=1) == 0)[:, None] | (held.sum(axis=0) == 0)[None, :]
    shown: NDArray[np.bool_] = (held >= HOLDERS) | empty
    while (cell := _complement(held, shown, empty)) is not None:
        shown[cell] = False
    return shown


def _complement(held: NDArray[np.int64], shown: NDArray[np.bool_], empty: NDArray[np.bool_]) -> tuple[int, int] | None:
    """The next cell to withhold because those that are shown give another one away."""
    candidates = np.where(shown & ~empty, held, np.iinfo(np.int64).max)
    in_row, in_column = (~shown).sum(axis=1), (~shown).sum(axis=0)
    for i, j in np.argwhere(~shown):
        lone = in_row[i] == 1, in_column[j] == 1
        if any(lone) or (0 < held[i, j] < HOLDERS and not _is_open(held, ~shown, i, j)):
            row, column = (int(i), int(candidates[i].argmin())), (int(candidates[:, j].argmin()), int(j))
            beside = [cell for cell, alone in zip((row, column), lone, strict=True) if alone or not any(lone)]
            nearest = min(beside, key=lambda cell: int(candidates[cell]))
            if not any(lone) and not (shown & ~empty)[nearest]:
                nearest = divmod(int(candidates.argmin()), held.shape[1])
            if (shown & ~empty)[nearest]:
                return nearest
    return None


def _is_open(held: NDArray[np.int64], gone: NDArray[np.bool_], i: int, j: int) -> bool:
    """Whether a withheld cell could hold another count: all sums would be the same, and no cell less than nobody.

    One more in a cell takes one less in another of its column, one more in another of that one's row, and so on, back
    to the row of the first: a way through rows and columns, from cell to withheld cell (Gusfield 1988).
    """
    rows = len(held)
    ways = np.eye(sum(held.shape), dtype=bool)
    ways[:rows, rows:] = gone
    ways[rows:, :rows] = (gone & (held > 0)).T
    ways[i, rows + j] = ways[rows + j, i] = False
    for _ in range(len(ways).bit_length()):
        ways = ways @ ways
    return bool(ways[rows + j, i] or ways[i, rows + j])
