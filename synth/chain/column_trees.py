"""How one column is distributed given the others: trees that redraw it (`synth.training.fit_forest`).

For each column some trees are grown on the training records that tell its value from the others (Breiman et al. 1984).
A column of many codes is predicted by boosted trees first, where that is worth it, and what they expect is one more
column that its trees see (`synth.chain.predictors`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeRegressor
from torch import Tensor

from synth.chain.forest import Forest, sizes_of
from synth.chain.predictors import Prediction, fit_prediction
from synth.protection import LEAF_RECORDS
from synth.trees.arrays import DEPTH, nodes_of, tree_count
from synth.trees.critic import Ranks

RECORDS = 80_000
"""Training records that a tree is grown on, at most; all of them fill its leaves."""
SHARE = 0.8
"""Share of the records that a tree is grown on, drawn afresh for each."""
FEATURES = 24
"""Columns that each split looks at, at most, so that time grows with the columns and not with their square. With a
prediction that tells most, all of them are looked at."""
RECORDS_A_CODE = 0.25
"""A leaf holds so many records for each code of its column, at least: of thousands of codes few would say whose they
are."""
FEW_CODES = 10
"""A column of at most so many codes is told code by code, another by where it lies, and where that is predicted."""
STEPS = 8
"""Parts of equal frequency by which a tree tells where a column of many codes lies."""
COMMON = 0.03
"""A code of a column of many is told by itself where it is as frequent as this."""
TINY = 1e-12

Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ColumnTrees:
    """How one column is distributed given the others."""

    column: int
    trees: tuple[DecisionTreeRegressor, ...]
    tables: tuple[Numbers, ...]
    """For each tree (nodes, W): the share of each rank among the records of a leaf; rows of other nodes are 0"""
    prediction: Prediction | None = None
    """What the trees see as one more column"""


def fit_trees(
    seen: Ranks, real: Ranks, column: int, width: int, rng: np.random.Generator, *, predicted: bool = True
) -> ColumnTrees:
    """The trees of one column of (records, C) `real` ranks, by the (records, C) `seen` ones.

    They see a prediction of it too where that may be (`predicted`) and is worth it.
    """
    own = real[:, column].astype(np.int64)
    # the column itself is a constant to the trees
    others = seen.copy()
    others[:, column] = 0
    wanted, place = outcome(own, width), places(own, width)[own]
    features: int | None = min(FEATURES, others.shape[1])
    tree, some = _tree(others, wanted, width, features, rng)
    found = None
    if predicted and width > FEW_CODES:
        found = fit_prediction(others, place, unexplained(tree, others, place, some), rng)
    if found is not None:
        # of all columns each split has to look at the prediction
        others, features = np.column_stack([others, found[1]]), None
    trees, tables = [], []
    for number in range(tree_count(len(own))):
        if number or found is not None:
            tree, _ = _tree(others, wanted, width, features, rng)
        leaf, nodes = tree.apply(others), tree.tree_.node_count
        table = np.bincount(leaf * width + own, minlength=nodes * width).reshape(nodes, width).astype(np.float64)
        trees.append(tree)
        tables.append(table / table.sum(1, keepdims=True).clip(1))
    prediction = None if found is None else found[0]
    return ColumnTrees(column=column, trees=tuple(trees), tables=tuple(tables), prediction=prediction)


def _tree(
    others: Ranks, wanted: Numbers, width: int, features: int | None, rng: np.random.Generator
) -> tuple[DecisionTreeRegressor, NDArray[np.int64]]:
    """(a tree, the places of the records that it was grown on)."""
    some = rng.permutation(len(others))[: min(RECORDS, int(SHARE * len(others)))]
    tree = DecisionTreeRegressor(
        max_depth=DEPTH,
        min_samples_leaf=max(LEAF_RECORDS, int(RECORDS_A_CODE * width)),
        max_features=features,
        random_state=int(rng.integers(2**31)),
    ).fit(others[some], wanted[some])
    return tree, some


def unexplained(tree: DecisionTreeRegressor, others: Ranks, place: Numbers, some: NDArray[np.int64]) -> float:
    """What a tree grown on `some` of the (records, C) ranks leaves of the variance of (records,) places of the others.

    Each of these is told by all other records of its leaf.
    """
    leaf = tree.apply(others)
    count, total = np.bincount(leaf), np.bincount(leaf, place)
    left = np.delete(np.arange(len(place)), some)
    missed = place[left] - (total[leaf[left]] - place[left]) / (count[leaf[left]] - 1).clip(1)
    return float(np.mean(missed**2) / max(np.var(place), TINY))


def places(ranks: NDArray[np.int64], width: int) -> Numbers:
    """(width,) where the middle of each rank lies in the distribution of (records,) ranks, in [0, 1]."""
    share = np.bincount(ranks, minlength=width) / len(ranks)
    middle: Numbers = np.cumsum(share) - share / 2
    return middle


def outcome(ranks: NDArray[np.int64], width: int) -> Numbers:
    """(records, outputs) what a tree is to tell of (records,) ranks of a column with so many codes."""
    if width <= FEW_CODES:
        hot: Numbers = np.eye(width)[ranks]
        return hot
    share = np.bincount(ranks, minlength=width) / len(ranks)
    place = places(ranks, width)[ranks]
    steps = [place > cut for cut in np.linspace(0, 1, STEPS + 1)[1:-1]]
    common = [ranks == code for code in np.argsort(-share, kind="stable")[:STEPS] if share[code] >= COMMON]
    told: Numbers = np.stack([STEPS / 2 * place, *steps, *common], 1).astype(np.float64)
    return told


def packed(one: ColumnTrees, group: Tensor, starts: Tensor) -> Forest:
    """The trees of one column in arrays, all weights 1; (D,) `group` of the ranks, (C,) first ranks of the columns."""
    parts: dict[str, list[NDArray[Any]]] = {n: [] for n in ("root", "feature", "cut", "left", "right", "rank", "upto")}
    begin = 0
    for tree, table in zip(one.trees, one.tables, strict=True):
        leaf, code = np.nonzero(table)
        share = np.cumsum(table, 1)[leaf, code]
        last = np.r_[leaf[1:] != leaf[:-1], True]
        nodes = nodes_of(tree, begin)
        arrays = nodes | {
            "cut": np.floor(nodes["cut"]),
            "root": np.array([begin]),
            "rank": code,
            "upto": begin + leaf + np.where(last, 1.0, np.minimum(share, 1.0)),
        }
        for name, array in arrays.items():
            parts[name].append(array.astype(np.float64 if name == "upto" else np.int64))
        begin += len(table)
    tensors = {name: torch.from_numpy(np.concatenate(arrays)) for name, arrays in parts.items()}
    size = int(sizes_of(group, starts)[1][one.column])
    weight = torch.zeros((int(group[-1]) + 1) * size)
    return Forest(
        **tensors | {"root": tensors["root"][None]},
        column=torch.tensor([one.column]),
        group=group,
        weight=weight,
        predictions={} if one.prediction is None else {one.column: one.prediction},
    )
