"""Boosted trees (Friedman 2001): grown by scikit-learn on histograms, kept as arrays, evaluated on any device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from torch import Tensor

from synth.arrays import array, check_arrays, check_range
from synth.errors import ArtifactError
from synth.trees.arrays import Ranks
from synth.trees.quickscorer import QuickScorer, make_quickscorer

LEAVES = 31
"""Leaves of a tree, at most: bits of a mask of 32."""
NODES = 2 * LEAVES - 1
DEPTH = 8
"""Splits above a leaf, at most."""

Booster: TypeAlias = HistGradientBoostingClassifier | HistGradientBoostingRegressor


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Boosted:
    """T trees of N nodes, each of which adds to K scores."""

    prior: Tensor = field(metadata=array(torch.float32, 1))
    """(K,) the scores before the first tree"""
    feature: Tensor = field(metadata=array(torch.int32, 2))
    """(T, N) the column that a node asks about"""
    cut: Tensor = field(metadata=array(torch.float32, 2))
    """(T, N) the highest rank that goes left"""
    left: Tensor = field(metadata=array(torch.int32, 2))
    """(T, N) the next node; a leaf is its own"""
    right: Tensor = field(metadata=array(torch.int32, 2))
    """(T, N)"""
    value: Tensor = field(metadata=array(torch.float32, 3))
    """(T, N, K) what a leaf adds"""
    scorer: QuickScorer = field(init=False)
    """What the trees are evaluated by"""

    def __post_init__(self) -> None:
        object.__setattr__(self, "scorer", make_quickscorer(self, self.value, DEPTH))

    def scores(self, ranks: Tensor) -> Tensor:
        """(B, K) scores of (B, C) float32 ranks."""
        return self.prior + self.scorer.score(ranks)

    @staticmethod
    def from_tensors(part: str, tensors: Mapping[str, Tensor], columns: int, scores: int, most: int) -> Boosted:
        """The trees in an untrusted file, so many at `most`, that ask about `columns` columns.

        Raises ArtifactError where they are none.
        """
        check_arrays(part, Boosted, tensors)
        shape = tensors["feature"].shape
        expected = {"prior": (scores,), "value": (*shape, scores)}
        if any(each.shape != expected.get(name, shape) for name, each in tensors.items()):
            raise ArtifactError(f"{part}: expected arrays that fit one another")
        if shape[0] > most or not 0 < shape[1] <= NODES:
            raise ArtifactError(f"{part}: expected at most {most} trees of 1 to {NODES} nodes")
        check_range(part, tensors, {"feature": columns, "left": shape[1], "right": shape[1]})
        return Boosted(**tensors)


def open_columns(ranks: Ranks) -> NDArray[np.int64]:
    """The columns of (records, C) ranks that vary: constants would be looked at in place of what tells something."""
    return np.flatnonzero(np.ptp(ranks, axis=0) > 0)


def boosted_of(booster: Booster, columns: NDArray[np.int64], adds_to: Sequence[int], scores: int) -> Boosted:
    """The trees of a booster of at most LEAVES leaves that was fitted to the ranks that records have in `columns`.

    `adds_to` says to which of the `scores` each tree of one round adds.
    """
    # scikit-learn has no public way to these trees; the tests compare what comes out with what it predicts
    rounds, baseline = booster._predictors, booster._baseline_prediction  # noqa: SLF001
    trees = [(tree.nodes, score) for round_ in rounds for tree, score in zip(round_, adds_to, strict=True)]
    shape = (len(trees), NODES)
    own = np.tile(np.arange(NODES, dtype=np.int32), (len(trees), 1))
    feature, left, right = np.zeros(shape, dtype=np.int32), own.copy(), own.copy()
    cut, value = np.zeros(shape, dtype=np.float32), np.zeros((*shape, scores), dtype=np.float32)
    for number, (nodes, score) in enumerate(trees):
        leaf = nodes["is_leaf"].astype(bool)
        split = np.flatnonzero(~leaf)
        feature[number, split] = columns[nodes["feature_idx"][split]]
        # between two ranks any cut is as good
        cut[number, split] = np.floor(nodes["num_threshold"][split])
        left[number, split], right[number, split] = nodes["left"][split], nodes["right"][split]
        value[number, np.flatnonzero(leaf), score] = nodes["value"][leaf]
    prior = np.zeros(scores, dtype=np.float32)
    prior[list(adds_to)] = np.ravel(baseline)
    arrays = {"prior": prior, "feature": feature, "cut": cut, "left": left, "right": right, "value": value}
    return Boosted(**{name: torch.from_numpy(array) for name, array in arrays.items()})
