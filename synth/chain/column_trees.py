"""How one column is distributed given the others: trees that redraw it (`synth.training.fit_forest`).

For each column some trees are grown that tell its value from the others (Breiman et al. 1984), each on a half of the
training records. The other half prunes it and fills its leaves.
A column of many codes is predicted by boosted trees first, where that is worth it, and what they expect is one more
column that its trees see (`synth.chain.predictors`).
"""

from __future__ import annotations

from collections.abc import Mapping
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
from synth.trees.arrays import DEPTH, Ranks, nodes_of, tree_count

RECORDS = 80_000
"""Training records that a tree is grown on, at most; all others fill its leaves."""
GROWN = 0.5
"""Share of the records that a tree is grown on, drawn afresh for each. The others say which of its splits stay, and
fill its leaves ("honest" estimation: Athey & Imbens 2016). Trees that the same records grow and fill know these too
well: of Adult's people they gave 1.6 % away but for two cells, beyond chance (benchmarks/LOG.md)."""
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
    trees: tuple[Mapping[str, NDArray[Any]], ...]
    """For each tree the arrays of its nodes, numbered from 0, see `synth.trees.arrays.nodes_of`"""
    tables: tuple[Numbers, ...]
    """For each tree (nodes, W): the share of each rank among held-out records of a leaf; rows of other nodes are 0"""
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
            tree, some = _tree(others, wanted, width, features, rng)
        rest = np.delete(np.arange(len(own)), some)
        grown, held_out = (counted(tree, others[part], own[part], width) for part in (some, rest))
        stays = useful_splits(tree, grown, held_out)
        nodes, left = pruned(tree, stays)
        table = np.where(stays[left, None], 0, held_out[left])
        trees.append(nodes)
        tables.append(table / table.sum(1, keepdims=True).clip(1))
    prediction = None if found is None else found[0]
    return ColumnTrees(column=column, trees=tuple(trees), tables=tuple(tables), prediction=prediction)


def _tree(
    others: Ranks, wanted: Numbers, width: int, features: int | None, rng: np.random.Generator
) -> tuple[DecisionTreeRegressor, NDArray[np.int64]]:
    """(a tree, the places of the records that it was grown on)."""
    some = rng.permutation(len(others))[: min(RECORDS, int(GROWN * len(others)))]
    tree = DecisionTreeRegressor(
        max_depth=DEPTH,
        min_samples_leaf=max(LEAF_RECORDS, int(RECORDS_A_CODE * width)),
        max_features=features,
        random_state=int(rng.integers(2**31)),
    ).fit(others[some], wanted[some])
    return tree, some


def pruned(tree: DecisionTreeRegressor, stays: NDArray[np.bool_]) -> tuple[dict[str, NDArray[Any]], NDArray[np.int64]]:
    """(the arrays of `nodes_of` without what is below splits that do not stay, the nodes of the tree that are left)."""
    left, right = tree.tree_.children_left, tree.tree_.children_right
    reached = np.zeros(len(left), dtype=bool)
    reached[0] = True
    # a node's number is below those of its children
    for node in np.flatnonzero(stays):
        reached[[left[node], right[node]]] |= reached[node]
    number, nodes, own = np.cumsum(reached) - 1, nodes_of(tree, 0), np.arange(len(left))
    ends = {"feature": 0 * own, "cut": 0.0 * own, "left": own, "right": own}
    arrays = {name: np.where(stays, array, ends[name])[reached] for name, array in nodes.items()}
    return arrays | {side: number[arrays[side]] for side in ("left", "right")}, np.flatnonzero(reached)


def useful_splits(tree: DecisionTreeRegressor, grown: Numbers, held_out: Numbers) -> NDArray[np.bool_]:
    """(nodes,) whether a node's split stays: reduced-error pruning (Quinlan 1987, section 2.2) by the log-likelihood.

    What the records that grew the tree say on both sides has to tell the held-out ones better than what they say of
    the node, and LEAF_RECORDS of the held-out ones at least have to lie on each side.
    """
    left, right, count = tree.tree_.children_left, tree.tree_.children_right, held_out.sum(1)
    before = (grown[0] + held_out[0]) / (grown[0] + held_out[0]).sum()
    told = (grown + before) / (grown.sum(1, keepdims=True) + 1)
    best = (held_out * np.log(np.where(held_out > 0, told, 1))).sum(1)
    stays = np.zeros(len(left), dtype=bool)
    for node in np.flatnonzero(left >= 0)[::-1]:
        sides = [left[node], right[node]]
        if best[sides].sum() > best[node] and count[sides].min() >= LEAF_RECORDS:
            best[node], stays[node] = best[sides].sum(), True
    return stays


def counted(tree: DecisionTreeRegressor, others: Ranks, own: NDArray[np.int64], width: int) -> Numbers:
    """(nodes, W) how many of (records,) `own` ranks each node of the tree holds, by the (records, C) `others`."""
    nodes, left, right = tree.tree_.node_count, tree.tree_.children_left, tree.tree_.children_right
    count = np.bincount(tree.apply(others) * width + own, minlength=nodes * width)
    table: Numbers = count.reshape(nodes, width).astype(np.float64)
    # a node's number is below those of its children
    for node in np.flatnonzero(left >= 0)[::-1]:
        table[node] = table[left[node]] + table[right[node]]
    return table


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
        arrays = {
            "feature": tree["feature"],
            "cut": np.floor(tree["cut"]),
            "left": begin + tree["left"],
            "right": begin + tree["right"],
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
