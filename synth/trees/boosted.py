"""Boosted trees (Friedman 2001): grown by scikit-learn on histograms, kept as arrays, evaluated on any device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from torch import Tensor

from synth.errors import ArtifactError
from synth.trees.critic import Ranks
from synth.trees.quickscorer import TreeMasks, make_masks

LEAVES = 31
"""Leaves of a tree, at most: bits of a mask of 32."""
NODES = 2 * LEAVES - 1
DEPTH = 8
"""Splits above a leaf, at most."""

Booster: TypeAlias = HistGradientBoostingClassifier | HistGradientBoostingRegressor


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Boosted:
    """T trees of N nodes, each of which adds to K scores."""

    prior: Tensor
    """(K,) float32, the scores before the first tree"""
    feature: Tensor
    """(T, N) int32, the column that a node asks about"""
    cut: Tensor
    """(T, N) float32, the highest rank that goes left"""
    left: Tensor
    """(T, N) int32, the next node; a leaf is its own"""
    right: Tensor
    """(T, N) int32"""
    value: Tensor
    """(T, N, K) float32, what a leaf adds"""
    masks: TreeMasks = field(init=False)
    """What the trees are evaluated by"""

    def __post_init__(self) -> None:
        object.__setattr__(self, "masks", make_masks(self, DEPTH))

    def scores(self, ranks: Tensor) -> Tensor:
        """(B, K) scores of (B, C) float32 ranks."""
        return self.prior + self.masks.score(ranks)

    def tensors(self) -> dict[str, Tensor]:
        """The arrays by name; `from_tensors` reads them back."""
        return {name: getattr(self, name) for name in ARRAYS}

    @staticmethod
    def from_tensors(name: str, tensors: Mapping[str, Tensor], columns: int, scores: int, most: int) -> Boosted:
        """The trees in an untrusted file, so many at `most`, that ask about `columns` columns.

        Raises ArtifactError where they are none.
        """
        if set(tensors) != set(ARRAYS):
            raise ArtifactError(f"{name}: expected the arrays of boosted trees")
        whole = ("feature", "left", "right")
        if any(tensors[n].dtype != (torch.int32 if n in whole else torch.float32) for n in ARRAYS):
            raise ArtifactError(f"{name}: expected integers and numbers of 32 bits")
        shape = tensors["feature"].shape
        expected = {"prior": (scores,), "value": (*shape, scores)}
        if len(shape) != 2 or any(tensors[n].shape != expected.get(n, shape) for n in ARRAYS):
            raise ArtifactError(f"{name}: expected arrays that fit one another")
        if shape[0] > most or not 0 < shape[1] <= NODES:
            raise ArtifactError(f"{name}: expected at most {most} trees of 1 to {NODES} nodes")
        limits = {"feature": columns, "left": shape[1], "right": shape[1]}
        if any(bool((tensors[n] < 0).any() or (tensors[n] >= most).any()) for n, most in limits.items()):
            raise ArtifactError(f"{name}: expected nodes and columns that there are")
        if not all(bool(torch.isfinite(tensors[n]).all()) for n in ("prior", "cut", "value")):
            raise ArtifactError(f"{name}: expected finite numbers only")
        return Boosted(**tensors)


ARRAYS = tuple(f.name for f in fields(Boosted) if f.init)


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
