"""The critic: boosted regression trees that tell real records from generated ones (Friedman 2001, algorithm 5).

Trees are what tells tables apart where networks of linear maps fail (arXiv 2207.08815), and each of their leaves is a
box: a conjunction of intervals of ranks. `synth.gan.leaf_loss` makes the generator match those in which the two differ.

A rank numbers the codes of one column in an order that intervals make sense in, see `synth.encode.ranking.Ranking`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeRegressor

from synth.protection import LEAF_RECORDS

DEPTH = 6
"""Splits above a leaf, so columns in a box, at most."""
LEAVES = 24
"""Leaves of a tree, at most."""
SHARE = 0.5
"""Share of the records that each tree is grown on, drawn anew (Friedman 2002)."""
FEATURES, MOST_FEATURES = 0.6, 60
"""Share of the columns that each split looks at, and how many at most."""
RATE = 0.3
"""Learning rate of the boosting."""
STEEPEST = 4.0
"""Log-odds that one leaf adds before the learning rate, at most."""
FEW_CODES = 12
"""A target with at most this many codes is explained code by code, another by its quarters."""

Ranks = NDArray[np.float32]
Numbers = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Boxes:
    """Conjunctions of intervals of ranks."""

    column: Places
    """(K, DEPTH) which columns are bounded; -1 in places that are not used"""
    low: Places
    """(K, DEPTH) the lowest rank inside"""
    high: Places
    """(K, DEPTH) the highest rank inside"""

    def __len__(self) -> int:
        return len(self.column)


@dataclass(frozen=True, kw_only=True, slots=True)
class TreeCritic:
    """Boosted trees that were grown to score real records above generated ones."""

    trees: tuple[DecisionTreeRegressor, ...]
    values: tuple[Numbers, ...]
    """The log-odds that each node of each tree adds."""
    widths: tuple[int, ...]

    def score(self, ranks: Ranks) -> Numbers:
        """(records,) log-odds that records of these (records, C) ranks are real."""
        total: Numbers = np.zeros(len(ranks))
        for tree, value in zip(self.trees, self.values, strict=True):
            total += value[tree.apply(ranks)]
        return total

    def boxes(self) -> Boxes:
        """The leaves of all trees."""
        return join([boxes_of(tree, self.widths, range(len(self.widths))) for tree in self.trees])


def fit_critic(
    real: Ranks, generated: Ranks, widths: Sequence[int], rng: np.random.Generator, trees: int
) -> TreeCritic:
    """The critic of two (records, C) tables of ranks; `widths` are the columns' numbers of codes."""
    ranks = np.concatenate([real, generated])
    is_real = np.r_[np.ones(len(real)), np.zeros(len(generated))]
    score = np.zeros(len(ranks))
    grown: list[DecisionTreeRegressor] = []
    values: list[Numbers] = []
    for _ in range(trees):
        probability = 1 / (1 + np.exp(-score))
        tree = _grow(ranks, is_real - probability, rng, DEPTH, LEAVES)
        leaf = tree.apply(ranks)
        nodes = tree.tree_.node_count
        slope = np.bincount(leaf, is_real - probability, minlength=nodes)
        # one Newton step for each leaf (Friedman 2001, equation 34), damped where a leaf is all but pure
        curvature = np.bincount(leaf, probability * (1 - probability), minlength=nodes)
        value = RATE * np.clip(slope / (curvature + 1), -STEEPEST, STEEPEST)
        score += value[leaf]
        grown.append(tree)
        values.append(value)
    return TreeCritic(trees=tuple(grown), values=tuple(values), widths=tuple(widths))


def explain(real: Ranks, target: int, widths: Sequence[int], rng: np.random.Generator, trees: int) -> Boxes:
    """The leaves of boosted trees that predict one column from the others, each with each part of that column.

    What an analyst's model will look for in the synthetic table: how the target depends on the other columns.
    """
    others = np.delete(np.arange(real.shape[1]), target)
    parts = _parts(real[:, target], widths[target])
    inside = np.stack([(real[:, target] >= low) & (real[:, target] <= high) for low, high in parts], 1)
    missing = inside.astype(np.float64)
    ranks = real[:, others]
    found: list[Boxes] = []
    for _ in range(trees):
        tree = _grow(ranks, missing, rng, DEPTH - 1, LEAVES // 2)
        missing -= RATE * tree.predict(ranks).reshape(missing.shape)
        boxes = boxes_of(tree, [widths[int(i)] for i in others], others)
        found.extend(_with(boxes, target, low, high) for low, high in parts)
    return join(found)


def _parts(ranks: Ranks, width: int) -> list[tuple[int, int]]:
    """The intervals that the target is cut into: its codes where they are few, else its quarters."""
    if width <= FEW_CODES:
        return [(code, code) for code in range(width)]
    cuts = sorted({int(c) for c in np.quantile(ranks, [0.25, 0.5, 0.75])} - {width - 1})
    return list(zip([0, *(c + 1 for c in cuts)], [*cuts, width - 1], strict=True))


def _grow(ranks: Ranks, wanted: Numbers, rng: np.random.Generator, depth: int, leaves: int) -> DecisionTreeRegressor:
    some = rng.random(len(ranks)) < SHARE
    if not some.any():
        some[:] = True
    tree = DecisionTreeRegressor(
        max_depth=depth,
        max_leaf_nodes=leaves,
        min_samples_leaf=LEAF_RECORDS,
        max_features=min(FEATURES, MOST_FEATURES / ranks.shape[1]),
        random_state=int(rng.integers(2**31)),
    )
    return tree.fit(ranks[some], wanted[some])


def boxes_of(tree: DecisionTreeRegressor, widths: Sequence[int], columns: Sequence[int] | Places) -> Boxes:
    """The leaves of a tree that was grown on these columns, which have so many codes each."""
    inner = tree.tree_
    leaves: list[dict[int, tuple[int, int]]] = []
    waiting: list[tuple[int, dict[int, tuple[int, int]]]] = [(0, {})]
    while waiting:
        node, path = waiting.pop()
        if inner.children_left[node] < 0:
            leaves.append(path)
            continue
        feature, cut = int(inner.feature[node]), int(np.floor(inner.threshold[node]))
        low, high = path.get(feature, (0, widths[feature] - 1))
        waiting.append((int(inner.children_left[node]), {**path, feature: (low, min(high, cut))}))
        waiting.append((int(inner.children_right[node]), {**path, feature: (max(low, cut + 1), high)}))
    boxes = _empty(sum(bool(path) for path in leaves))
    for number, path in enumerate(filter(None, leaves)):
        for place, (feature, (low, high)) in enumerate(path.items()):
            boxes.column[number, place] = columns[feature]
            boxes.low[number, place], boxes.high[number, place] = low, high
    return boxes


def join(some: Sequence[Boxes]) -> Boxes:
    """All of these boxes."""
    return Boxes(
        column=np.concatenate([b.column for b in some] or [_empty(0).column]),
        low=np.concatenate([b.low for b in some] or [_empty(0).low]),
        high=np.concatenate([b.high for b in some] or [_empty(0).high]),
    )


def _empty(count: int) -> Boxes:
    shape = (count, DEPTH)
    return Boxes(
        column=np.full(shape, -1, dtype=np.int64),
        low=np.zeros(shape, dtype=np.int64),
        high=np.zeros(shape, dtype=np.int64),
    )


def _with(boxes: Boxes, column: int, low: int, high: int) -> Boxes:
    """The same boxes with one more column bounded, in their last place."""
    more = Boxes(column=boxes.column.copy(), low=boxes.low.copy(), high=boxes.high.copy())
    more.column[:, -1], more.low[:, -1], more.high[:, -1] = column, low, high
    return more
