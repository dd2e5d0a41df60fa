"""An order of categories in which similar ones are neighbours, so that trees can split it into intervals.

A tree splits the ranks of a column in two. In an arbitrary order it needs a split for nearly every category to find out
which of them belong together; with thousands of categories it never gets there. Categories are ordered by the
first axis of a correspondence analysis (Greenacre 2017, chapter 4; for trees Wright & König 2019): by how the other
columns are distributed among their records.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.extmath import randomized_svd
from torch import Tensor

from synth.encode.layout import Layout, part_of

MANY_CATEGORIES = 25
"""Columns of fewer keep the order that they have: a tree sets each of them apart."""
MOST_CATEGORIES = 5_000
"""Columns of more keep it too."""
OTHER_CODES = 128
"""Columns of more codes say nothing about the order of another's."""
OTHERS = 50
"""Columns that say something, at most, so that time grows with the columns and not with their square."""
RECORDS, CELLS = 200_000, 20_000_000
"""Records that are counted, and these times columns, at most."""
SPARE = 20.0
"""Average records added to those of each category: how a handful of records differs from all others is chance."""

Numbers = NDArray[np.float64]


def axes_of(
    codes: Tensor, known: Tensor, layout: Layout, categorical: Collection[int], rng: np.random.Generator
) -> dict[int, Numbers]:
    """(width,) where the codes of columns lie on their first axis, by column, from (records, C) codes.

    For those of the `categorical` columns that have many codes; the others are only looked at. Codes that are not
    `known` (D,), because too few records have them, lie in the middle.
    """
    counted = part_of(codes, min(RECORDS, CELLS // layout.columns), rng).cpu().numpy().astype(np.int64)
    told = [c for c, width in enumerate(layout.sizes) if 2 <= width <= OTHER_CODES]
    found = {}
    for column in categorical:
        others = np.array([c for c in told if c != column], dtype=np.int64)
        if MANY_CATEGORIES <= layout.sizes[column] <= MOST_CATEGORIES and len(others):
            some = rng.permutation(others)[:OTHERS]
            start = int(layout.starts[column])
            own = known[start : start + layout.sizes[column]].cpu().numpy()
            found[column] = np.where(own, _axis(counted, column, some.tolist(), layout.sizes), 0.0)
    return found


def _axis(codes: NDArray[np.int64], column: int, others: list[int], sizes: tuple[int, ...]) -> Numbers:
    width, own = sizes[column], codes[:, column]
    records = np.bincount(own, minlength=width)[:, None] + SPARE
    apart, begin = np.empty((width, sum(sizes[other] for other in others)), dtype=np.float32), 0
    for other in others:
        both = np.bincount(own * sizes[other] + codes[:, other], minlength=width * sizes[other])
        together = both.reshape(width, sizes[other])
        usual = together.sum(0) / len(codes)
        expected = together.sum(1, keepdims=True) * usual
        end = begin + sizes[other]
        apart[:, begin:end] = (together - expected) / np.sqrt(records * usual.clip(1 / len(codes)))
        begin = end
    left, _, _ = randomized_svd(apart, n_components=1, random_state=0)
    axis: Numbers = left[:, 0].astype(np.float64) / np.sqrt(records[:, 0])
    return axis
