"""A synthetic table in the people's own coding, so that other units, spellings or a mirror hide nothing.

Nearest neighbours see nothing in a table whose numbers are mirrored or in other units and whose categories are spelled
otherwise: everything lies equally far. Anybody who holds the file can turn it back, for the shape of each column and
the dependence between columns survive. So does this module, without looking at which person is on which side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.spatial.distance import cdist
from scipy.stats import rankdata

from privacy.distance import Codes, Encoded, Numbers

Matrix = NDArray[np.float64]
Index = NDArray[np.intp]

MOST_RECORDS = 5_000
"""What the dependence between columns is read from."""
MOST_MATCHED = 60
"""Categories per column that are matched by what goes with them; rarer ones keep their spelling, or go by frequency."""
ROUNDS = 2
"""Directions are read off matched categories, and categories are matched by directions."""
SAME_LABEL = 0.02
"""What an equal label takes off the cost of a match: it decides only where nothing else does."""
UPRIGHT = 0.002
"""What favours a column's own direction, in squared correlations: it decides only where nothing else does."""
UNSURE = 0.03
"""With less evidence than this per column, in squared correlations, the whole table may as well be upside down."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """Which arrays of an `Encoded` are what."""

    missing: tuple[int | None, ...]
    """Per row of `numbers` its array of `codes` that says where it is missing, or None."""
    categories: tuple[int, ...]
    """The arrays of `codes` that hold categories."""


def align(people: Encoded, rows: Encoded, layout: Layout) -> Encoded:
    """The synthetic `rows` recoded to look like `people`: float32 numbers and codes of the same arrays.

    Numbers take the people's value of the same rank among those that are not missing, or of the same rank from the
    other end where the column's rank correlations with the others, and with what goes with each category, are turned
    round. Categories become the people's category that is as frequent and goes with the same things (an assignment of
    least cost; Kuhn 1955). A table in the people's own coding comes back much as it was.

    Nothing but what goes with a category tells a table from the same with all numbers mirrored at once. Where that
    tells too little, both are tried: the mirrored records follow the others, and there are twice as many.
    """
    if len(rows) == 0 or len(people) == 0:
        return rows
    ours = _Side.of(people, layout)
    theirs = _Side.of(rows, layout)
    places = range(len(layout.categories))
    matched = [_matched(ours, theirs, place, turned=None) for place in places]
    turned, is_sure = np.ones(len(ours.ranks)), True
    for _ in range(ROUNDS):
        turned, is_sure = _orientation(ours, theirs, matched)
        matched = [_matched(ours, theirs, place, turned=turned) for place in places]
    codes = list(rows.codes)
    for place, array in enumerate(layout.categories):
        mine, other = matched[place]
        pairs = theirs.frequent[place][other], ours.frequent[place][mine]
        codes[array] = _recoded(people.codes[array], rows.codes[array], pairs)
    recoded = Encoded(numbers=_all_ranked(people, rows, layout, turned), codes=tuple(codes))
    if is_sure:
        return recoded
    return recoded.join(Encoded(numbers=_all_ranked(people, rows, layout, -turned), codes=recoded.codes))


def _present(rows: Encoded, missing: int | None) -> NDArray[np.bool_]:
    return np.ones(len(rows), dtype=np.bool_) if missing is None else rows.codes[missing] == 0


def _all_ranked(people: Encoded, rows: Encoded, layout: Layout, turned: Matrix) -> Numbers:
    ranked: Numbers = np.empty_like(rows.numbers)
    for row, missing in enumerate(layout.missing):
        ranked[row] = _ranked(people, rows, row, missing, up=turned[row] > 0)
    return ranked


def _ranked(people: Encoded, rows: Encoded, row: int, missing: int | None, *, up: bool) -> Numbers:
    values = people.numbers[row][_present(people, missing)]
    there = _present(rows, missing)
    out: Numbers = rows.numbers[row].copy()
    if len(values) and there.any():
        share = (rankdata(out[there]) - 0.5) / int(there.sum())
        place = ((share if up else 1 - share) * len(values)).astype(np.intp)
        out[there] = np.sort(values)[place]
    return out


@dataclass(frozen=True, kw_only=True, slots=True)
class _Side:
    ranks: Matrix
    """Columns x records, from -1 to 1, 0 where missing: midranks."""
    frequent: list[Index]
    """Per column of categories the most frequent codes, the most frequent first."""
    shares: list[Matrix]
    """Their shares of the records."""
    company: list[Matrix]
    """Per column of categories, frequent codes x features: what goes with a code. The features of the records that hold
    it, on average: their ranks, and for each other column of categories whether they hold its most frequent one, less
    how many do."""

    @staticmethod
    def of(rows: Encoded, layout: Layout) -> _Side:
        # A stride and not the first records: the order of the rows may mean something.
        rows = rows.take(np.unique(np.linspace(0, len(rows) - 1, min(len(rows), MOST_RECORDS)).astype(np.intp)))
        ranks = np.zeros((len(layout.missing), len(rows)))
        for row, missing in enumerate(layout.missing):
            there = _present(rows, missing)
            if there.any():
                ranks[row, there] = 2 * (rankdata(rows.numbers[row][there]) - 0.5) / int(there.sum()) - 1
        codes = [rows.codes[array].astype(np.intp) for array in layout.categories]
        counts = [np.bincount(column) for column in codes]
        frequent = [np.argsort(-count, kind="stable")[: min(MOST_MATCHED, int((count > 0).sum()))] for count in counts]
        shares = [count[order] / len(rows) for count, order in zip(counts, frequent, strict=True)]
        usual = [(c == f[0]) - s[0] for c, f, s in zip(codes, frequent, shares, strict=True)]
        features = np.stack([*ranks, *usual], axis=1) if len(ranks) or usual else np.empty((len(rows), 0))
        company = [
            np.delete(_means(column, order, features), len(ranks) + place, axis=1)
            for place, (column, order) in enumerate(zip(codes, frequent, strict=True))
        ]
        return _Side(ranks=ranks, frequent=frequent, shares=shares, company=company)


def _means(column: Index, codes: Index, features: Matrix) -> Matrix:
    """Codes x features: the mean of each feature among the records that hold the code.

    It takes as long as one look at each record's features, however many codes there are.
    """
    place = np.full(int(column.max(initial=0)) + 1, -1)
    place[codes] = np.arange(len(codes))
    held = np.flatnonzero(place[column] >= 0)
    inside = csr_array((np.ones(len(held)), (place[column[held]], held)), shape=(len(codes), len(column)))
    means: Matrix = (inside @ features) / np.maximum(inside.sum(axis=1), 1)[:, None]
    return means


def _matched(ours: _Side, theirs: _Side, place: int, *, turned: Matrix | None) -> tuple[Index, Index]:
    """Which of the people's frequent codes, by position, each matched frequent code of the synthetic table becomes.

    `turned` is the sign of each column of numbers; without it, by frequency alone.
    """
    mine, other = ours.frequent[place], theirs.frequent[place]
    weight, share = np.sqrt(ours.shares[place]), np.sqrt(theirs.shares[place])
    cost = np.abs(weight[:, None] - share[None, :])
    if turned is not None:
        signs = np.ones(theirs.company[place].shape[1])
        signs[: len(turned)] = turned
        cost = cost + np.minimum(weight[:, None], share[None, :]) * cdist(
            ours.company[place], signs * theirs.company[place]
        )
    cost = cost - SAME_LABEL * (mine[:, None] == other[None, :])
    left, right = linear_sum_assignment(cost)
    return left, right


def _orientation(ours: _Side, theirs: _Side, matched: Sequence[tuple[Index, Index]]) -> tuple[Matrix, bool]:
    """+1 or -1 per column of numbers, and whether that is not just as good with all signs changed.

    They bring the synthetic table's dependence nearest to the people's: they maximise
    sum_ij o_i o_j r_ij s_ij + sum_i o_i h_i with the rank correlations r of people and s of the synthetic table and h
    the agreement of mean ranks by category. That is an Ising model, climbed one sign at a time from all up and from the
    leading eigenvector (spectral relaxation; Goemans & Williamson 1995 use the same objective).
    """
    count = len(ours.ranks)
    agree = _correlations(ours.ranks) * _correlations(theirs.ranks)
    np.fill_diagonal(agree, 0.0)
    field = np.full(count, UPRIGHT)
    for place, (mine, other) in enumerate(matched):
        share = np.minimum(ours.shares[place][mine], theirs.shares[place][other])
        means, others = ours.company[place][mine, :count], theirs.company[place][other, :count]
        # The variance of ranks from -1 to 1 is a third, so that this is of the size of a squared correlation.
        field += 3 * (share[:, None] * means * others).sum(axis=0)
    starts = [np.ones(count)]
    if count > 1:
        leading = np.sign(np.linalg.eigh(agree)[1][:, -1])
        starts += [np.where(leading == 0, 1.0, leading), np.where(leading == 0, 1.0, -leading)]
    best = max((_climb(start, agree, field) for start in starts), key=lambda o: float(o @ agree @ o / 2 + field @ o))
    return best, count == 0 or abs(float(field @ best)) > UNSURE * count


def _climb(signs: Matrix, agree: Matrix, field: Matrix) -> Matrix:
    signs = signs.copy()
    for _ in range(100 * len(signs)):
        gain = -signs * (agree @ signs + field)
        best = int(np.argmax(gain)) if len(gain) else 0
        if not len(gain) or gain[best] <= 1e-12:
            break
        signs[best] = -signs[best]
    return signs


def _correlations(ranks: Matrix) -> Matrix:
    centred = ranks - ranks.mean(axis=1, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=1, keepdims=True))
    unit = np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)
    correlations: Matrix = unit @ unit.T
    return correlations


def _recoded(people: Codes, rows: Codes, matched: tuple[Index, Index]) -> Codes:
    """Matched codes changed; others that people have keep their code; the rest take people's that are left, or none."""
    size = int(max(people.max(initial=0), rows.max(initial=0))) + 1
    ours, theirs = np.bincount(people, minlength=size), np.bincount(rows, minlength=size)
    table = np.arange(size)
    table[matched[0]] = matched[1]
    done = np.zeros(size, dtype=np.bool_)
    done[matched[0]] = True
    taken = np.zeros(size, dtype=np.bool_)
    taken[matched[1]] = True
    strange = np.flatnonzero((theirs > 0) & ~done & ((ours == 0) | taken))
    spare = np.flatnonzero((ours > 0) & ~taken & ~((theirs > 0) & ~done))
    strange, spare = strange[np.argsort(-theirs[strange])], spare[np.argsort(-ours[spare])]
    few = min(len(strange), len(spare))
    table[strange[:few]] = spare[:few]
    if rows.dtype == np.uint8:
        return table.astype(np.uint8)[rows]
    return table.astype(np.uint16)[rows] if rows.dtype == np.uint16 else table.astype(np.uint32)[rows]
