"""Trees whose every leaf holds the records of enough distinct people, however many records each of them has.

Splits are those of regression trees (Breiman et al. 1984): they leave the least squares of the outputs. A split counts
only where enough people are on either side; a person with records on both counts on both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synth.protection import LEAF_OF_HISTORIES, LEAF_PEOPLE
from synth.trees.arrays import DEPTH

BINS = 64
"""Cuts of a feature that are tried, at most, and one more."""
SEEN = 0.6
"""Share of the features that a node looks at."""
GAIN = 1e-4
"""A split explains such a part of the outputs' variance at the root, at least."""
KEPT = 512
"""Records of a leaf that it is drawn from, at most."""
OWN_SHARE = 0.2
"""One person's records are such a part of those, at most."""

Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Binned:
    """Features as the numbers of their bins."""

    bins: NDArray[np.uint8]
    """(records, features); the records of a person lie together"""
    cuts: tuple[Ints, ...]
    """For each feature the highest level of each bin but the last"""
    who: Ints
    """(records,) ascending"""


@dataclass(kw_only=True, slots=True, eq=False)
class Grown:
    """One tree: nodes numbered from 0, and the levels in its leaves."""

    feature: list[int]
    cut: list[int]
    left: list[int]
    right: list[int]
    begin: list[int]
    """Where in `levels` a leaf's begin; 0 for an inner node"""
    count: list[int]
    """How many there are; 0 for an inner node"""
    levels: list[Ints]


def bin_features(features: NDArray[np.int32], who: Ints) -> Binned:
    """(records, features) levels in BINS bins of about equally many records."""
    cuts, bins = [], np.zeros(features.shape, dtype=np.uint8)
    for number, column in enumerate(features.T):
        ends = np.unique(np.quantile(column, np.arange(1, BINS) / BINS, method="lower")).astype(np.int64)
        cuts.append(ends)
        bins[:, number] = np.searchsorted(ends, column, side="left")
    return Binned(bins=bins, cuts=tuple(cuts), who=who)


def grow_tree(
    binned: Binned,
    seen: int,
    outputs: NDArray[np.float64],
    levels: Ints,
    rng: np.random.Generator,
    *,
    rows: Ints,
    people: int = LEAF_PEOPLE,
) -> Grown:
    """A tree of the records at `rows`, ascending, by the first `seen` features.

    In its leaves lie the (records,) `levels` of `people` people at least, where there are so many.
    """
    tree = Grown(feature=[], cut=[], left=[], right=[], begin=[], count=[], levels=[])
    total = float(((outputs[rows] - outputs[rows].mean(axis=0)) ** 2).sum())
    waiting: list[tuple[Ints, int, int, bool]] = [(rows, 0, -1, False)]
    while waiting:
        rows, depth, parent, is_right = waiting.pop()
        number = len(tree.feature)
        if parent >= 0:
            (tree.right if is_right else tree.left)[parent] = number
        found = None if depth == DEPTH else _split(binned, rows, seen, outputs, rng, people, GAIN * total)
        feature, bin_ = found or (0, 0)
        tree.feature.append(feature)
        tree.cut.append(int(binned.cuts[feature][bin_]) if found else 0)
        tree.left.append(number)
        tree.right.append(number)
        kept = np.empty(0, dtype=np.int64) if found else levels[_kept(rows, binned.who, rng)]
        tree.count.append(len(kept))
        tree.levels.append(kept)
        if found:
            goes_left = binned.bins[rows, feature] <= bin_
            waiting.append((rows[~goes_left], depth + 1, number, True))
            waiting.append((rows[goes_left], depth + 1, number, False))
    tree.begin = [int(at) for at in np.cumsum([0, *tree.count[:-1]])]
    return tree


def _split(
    binned: Binned,
    rows: Ints,
    seen: int,
    outputs: NDArray[np.float64],
    rng: np.random.Generator,
    people: int,
    least_gain: float,
) -> tuple[int, int] | None:
    """(feature, last bin that goes left) of the best split that leaves enough people on either side."""
    who = binned.who[rows]
    begins = np.flatnonzero(np.diff(who, prepend=-1))
    if len(begins) < people or len(rows) < 2 * LEAF_OF_HISTORIES or not seen:
        return None
    tried = np.sort(rng.choice(seen, max(1, round(SEEN * seen)), replace=False))
    bins = binned.bins[np.ix_(rows, tried)]
    k = len(tried)
    offset = np.arange(k) * BINS
    flat = (bins + offset).ravel()
    counts = np.cumsum(np.bincount(flat, minlength=k * BINS).reshape(k, BINS), axis=1)
    # a person is on the left of a cut by their lowest bin, and on its right by their highest
    lowest = np.minimum.reduceat(bins, begins, axis=0) + offset
    highest = np.maximum.reduceat(bins, begins, axis=0) + offset
    left = np.cumsum(np.bincount(lowest.ravel(), minlength=k * BINS).reshape(k, BINS), axis=1)
    right = len(begins) - np.cumsum(np.bincount(highest.ravel(), minlength=k * BINS).reshape(k, BINS), axis=1)
    n = len(rows)
    enough = (counts >= LEAF_OF_HISTORIES) & (n - counts >= LEAF_OF_HISTORIES)
    valid = enough & (left >= people) & (right >= people)
    if not valid.any():
        return None
    gain = np.zeros((k, BINS))
    for values in outputs[rows].T:
        total = values.sum()
        sums = np.cumsum(np.bincount(flat, np.repeat(values, k), minlength=k * BINS).reshape(k, BINS), axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            gain += sums**2 / counts + (total - sums) ** 2 / (n - counts) - total**2 / n
    gain = np.where(valid, gain, -np.inf)
    best = int(np.argmax(gain))
    if not gain.flat[best] > least_gain:
        return None
    return int(tried[best // BINS]), best % BINS


def _kept(rows: Ints, who: Ints, rng: np.random.Generator) -> Ints:
    """The records that a leaf is drawn from: not too many, and none of them mostly one person's."""
    rows = rng.permutation(rows)
    owner = who[rows]
    _, person, held = np.unique(owner, return_inverse=True, return_counts=True)
    most = int(held.max())
    while most > 1 and most > OWN_SHARE * np.minimum(held, most).sum():
        most -= max(1, most // 16)
    if most < held.max():
        order = np.argsort(person, kind="stable")
        turn = np.empty(len(rows), dtype=np.int64)
        turn[order] = np.arange(len(rows)) - np.repeat(np.cumsum(held) - held, held)
        rows = rng.permutation(rows[turn < most])
    return rows[:KEPT]
