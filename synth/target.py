"""The target column given the others: boosted trees that draw it last (Friedman 2001, algorithm 6).

Given its noise the generator's columns are independent, so how the target depends on the others passes through the
noise and comes out blurred: a model trained on such a table is weaker than one trained on real records. The trees learn
that dependence from the training records, as many of them as held-out records say, and no leaf of them is about fewer
than LEAST_RECORDS records. They are kept as arrays, and evaluated on any device.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeRegressor
from torch import Tensor

from synth.errors import ArtifactError
from synth.layout import Layout
from synth.leaves import Ranking
from synth.masks import TreeMasks, make_masks
from synth.spread import pick, spread
from synth.trees import LEAST_RECORDS, Ranks

MOST_CODES = 12
"""A target of more codes is left to the generator."""
TREES = 150
DEPTH = 8
LEAVES = 32
FEATURES = 0.5
"""Share of the columns that each split looks at."""
RATE = 0.1
MOST_RECORDS = 200_000
"""Records that all trees are grown on, at most."""
RECORDS = 20_000
"""Records that one tree is grown on, at most."""
SHARE = 0.7
"""Share of the records that one tree is grown on, drawn anew (Friedman 2002)."""
PATIENCE = 25
"""Trees without a gain on held-out records after which no more are grown."""
HELD_OUT = 0.2
"""Share of the training records that tells how many trees there should be: validation records may be too few for rare
codes. So many are grown on all of them then."""
STEEPEST = 4.0
"""Log-odds that one leaf adds before the learning rate, at most."""
DAMPING = 1.0
"""Added to the curvature of a leaf: how much a leaf of few or all but pure records is held back."""

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]
Grown = tuple[DecisionTreeRegressor, Numbers]
"""A tree, and (nodes, K) what its leaves add."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TargetTrees:
    """T boosted trees of at most N nodes that give the log-odds of the target's K codes."""

    column: Tensor
    """() which learnt column they draw"""
    prior: Tensor
    """(K,) log-odds before the first tree"""
    feature: Tensor
    """(T, N) the learnt column that a node asks about"""
    cut: Tensor
    """(T, N) the highest rank that goes left"""
    left: Tensor
    """(T, N) the next node; a leaf is its own"""
    right: Tensor
    """(T, N)"""
    value: Tensor
    """(T, N, K) log-odds that a leaf adds"""

    def probabilities(self, ranks: Tensor) -> Tensor:
        """(B, K) probabilities of the target's codes, by (B, C) ranks of the other columns."""
        return torch.softmax(self.prior + _masks_of(self).score(ranks), 1)

    def tensors(self) -> dict[str, Tensor]:
        """The arrays by name; `from_tensors` reads them back."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor], widths: Sequence[int]) -> TargetTrees:
        """The trees in an untrusted file, for columns with so many codes. Raises ArtifactError where they are none."""
        if set(tensors) != {f.name for f in fields(TargetTrees)}:
            raise ArtifactError("target: expected the arrays of boosted trees")
        trees = TargetTrees(**tensors)
        whole = ("column", "feature", "left", "right")
        if any(tensors[n].dtype != (torch.int64 if n in whole else torch.float32) for n in tensors):
            raise ArtifactError("target: expected integers and numbers of 32 bits")
        if trees.column.shape != () or not 0 <= int(trees.column) < len(widths) or trees.feature.ndim != 2:
            raise ArtifactError("target: expected one of the learnt columns")
        shape, codes = trees.feature.shape, widths[int(trees.column)]
        expected = {"prior": (codes,), "value": (*shape, codes)}
        if any(tensors[n].shape != expected.get(n, shape) for n in tensors if n != "column"):
            raise ArtifactError("target: expected arrays that fit one another")
        limits = {"feature": len(widths), "left": shape[1], "right": shape[1]}
        if any(bool((tensors[n] < 0).any() or (tensors[n] >= most).any()) for n, most in limits.items()):
            raise ArtifactError("target: expected nodes and columns that there are")
        if not all(bool(torch.isfinite(tensors[n]).all()) for n in ("prior", "cut", "value")):
            raise ArtifactError("target: expected finite numbers only")
        _masks_of(trees)
        return trees


@lru_cache(maxsize=2)
def _masks_of(trees: TargetTrees) -> TreeMasks:
    return make_masks(trees, DEPTH)


def draw_last(trees: TargetTrees, codes: Tensor, ranking: Ranking, layout: Layout, random: torch.Generator) -> Tensor:
    """(B, C) codes with the target's drawn anew by the trees, given the others."""
    ranks = (ranking.place[codes + layout.starts] - layout.starts).float()
    probabilities = trees.probabilities(ranks)
    expected = probabilities @ torch.arange(probabilities.shape[1], dtype=probabilities.dtype)
    rank = pick(probabilities, spread(expected, random))[0][:, 0]
    drawn = codes.clone()
    start = layout.starts[trees.column]
    drawn[:, trees.column] = (ranking.order[start + rank] - start).to(codes.dtype)
    return drawn


def fit_target(ranks: Ranks, column: int, widths: Sequence[int], rng: np.random.Generator) -> TargetTrees | None:
    """The trees that draw one column of (records, C) ranks.

    None where the column has one code or too many, where there are too few records, or where no tree gains anything.
    """
    codes = widths[column]
    if not 2 <= codes <= MOST_CODES or ranks.shape[1] < 2 or len(ranks) < 4 * LEAST_RECORDS:
        return None
    ranks = ranks[rng.permutation(len(ranks))[:MOST_RECORDS]]
    prior = np.log(np.bincount(ranks[:, column].astype(int), minlength=codes) + 0.5)
    prior -= prior.mean()
    few = int(len(ranks) * HELD_OUT)
    count = best_count(_boosted(ranks[few:], column, prior, rng), ranks[:few], column, prior)
    return _packed(list(islice(_boosted(ranks, column, prior, rng), count)), column, prior) if count else None


def best_count(grown: Iterable[Grown], held: Ranks, column: int, prior: Numbers) -> int:
    """After how many trees, TREES at most, the loss on `held` records is least."""
    score, hot, others = _begun(held, column, prior)
    best, count = _loss(score, hot), 0
    for number, (tree, value) in enumerate(islice(grown, TREES), start=1):
        score += value[tree.apply(others)]
        loss = _loss(score, hot)
        if loss < best:
            best, count = loss, number
        elif number - count >= PATIENCE:
            break
    return count


def _boosted(ranks: Ranks, column: int, prior: Numbers, rng: np.random.Generator) -> Iterator[Grown]:
    """Trees without end, each for what those before leave."""
    score, hot, others = _begun(ranks, column, prior)
    while True:
        some = rng.permutation(len(ranks))[: min(RECORDS, max(1, int(SHARE * len(ranks))))]
        probability = _softmax(score)
        tree = DecisionTreeRegressor(
            max_depth=DEPTH,
            max_leaf_nodes=LEAVES,
            min_samples_leaf=LEAST_RECORDS,
            max_features=FEATURES,
            random_state=int(rng.integers(2**31)),
        ).fit(others[some], (hot - probability)[some])
        leaf = tree.apply(others)
        value = _newton(leaf, hot - probability, probability, tree.tree_.node_count)
        score += value[leaf]
        yield tree, value


def _begun(ranks: Ranks, column: int, prior: Numbers) -> tuple[Numbers, Numbers, Ranks]:
    """((records, K) log-odds before the first tree, (records, K) 1 at each one's code, (records, C) the others)."""
    others = ranks.copy()
    others[:, column] = 0  # the column itself is a constant to the trees
    return np.tile(prior, (len(ranks), 1)), np.eye(len(prior))[ranks[:, column].astype(int)], others


def _newton(leaf: Places, missing: Numbers, probability: Numbers, nodes: int) -> Numbers:
    """(nodes, K) the damped Newton step of each leaf (Friedman 2001, equation 40), times the learning rate."""
    codes = missing.shape[1]
    slope = np.stack([np.bincount(leaf, missing[:, k], minlength=nodes) for k in range(codes)], 1)
    spread = probability * (1 - probability)
    curvature = np.stack([np.bincount(leaf, spread[:, k], minlength=nodes) for k in range(codes)], 1)
    step: Numbers = RATE * np.clip((codes - 1) / codes * slope / (curvature + DAMPING), -STEEPEST, STEEPEST)
    return step


def _softmax(score: Numbers) -> Numbers:
    shifted = np.exp(score - score.max(1, keepdims=True))
    share: Numbers = shifted / shifted.sum(1, keepdims=True)
    return share


def _loss(score: Numbers, hot: Numbers) -> float:
    return float(-(np.log(_softmax(score).clip(1e-12)) * hot).sum(1).mean())


def _packed(grown: Sequence[tuple[DecisionTreeRegressor, Numbers]], column: int, prior: Numbers) -> TargetTrees:
    nodes = max(tree.tree_.node_count for tree, _ in grown)
    shape = (len(grown), nodes)
    own = np.tile(np.arange(nodes), (len(grown), 1))
    feature, left, right = np.zeros(shape, dtype=np.int64), own.copy(), own.copy()
    cut, value = np.zeros(shape, dtype=np.float32), np.zeros((*shape, len(prior)), dtype=np.float32)
    for number, (tree, values) in enumerate(grown):
        inner = tree.tree_
        splits = np.flatnonzero(inner.children_left >= 0)
        feature[number, splits] = inner.feature[splits]
        cut[number, splits] = np.floor(inner.threshold[splits])
        left[number, splits] = inner.children_left[splits]
        right[number, splits] = inner.children_right[splits]
        leaves = np.flatnonzero(inner.children_left < 0)
        value[number, leaves] = values[leaves]
    return TargetTrees(
        column=torch.tensor(column),
        prior=torch.from_numpy(prior.astype(np.float32)),
        feature=torch.from_numpy(feature),
        cut=torch.from_numpy(cut),
        left=torch.from_numpy(left),
        right=torch.from_numpy(right),
        value=torch.from_numpy(value),
    )
