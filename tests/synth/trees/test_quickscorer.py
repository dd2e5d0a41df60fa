"""Trees as masks say what a walk from node to node says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from synth.errors import ArtifactError
from synth.trees.quickscorer import make_quickscorer

DEPTH = 6
"""So deep no tree has more leaves than a mask has bits."""


@dataclass(frozen=True)
class Walked:
    feature: Tensor
    cut: Tensor
    left: Tensor
    right: Tensor
    value: Tensor

    def score(self, ranks: Tensor) -> Tensor:
        tree = torch.arange(len(self.feature)).expand(len(ranks), -1)
        node = torch.zeros_like(tree)
        for _ in range(DEPTH):
            goes_left = ranks.gather(1, self.feature[tree, node]) <= self.cut[tree, node]
            node = torch.where(goes_left, self.left[tree, node], self.right[tree, node])
        return self.value[tree, node].sum(1)


def grown(r: np.random.Generator, trees: int, columns: int, nodes: int, codes: int) -> Walked:
    """Trees that split leaves at random until there is no room for two more nodes."""
    own = np.tile(np.arange(nodes), (trees, 1))
    left, right = own.copy(), own.copy()
    for t in range(trees):
        depth, used = {0: 0}, 1
        while used + 2 <= nodes and (open_ := [n for n, d in depth.items() if d < DEPTH and left[t, n] == n]):
            node = int(r.choice(open_))
            left[t, node], right[t, node] = used, used + 1
            depth |= {used: depth[node] + 1, used + 1: depth[node] + 1}
            used += 2
    return arrays(r, left, right, columns, codes)


def arrays(r: np.random.Generator, left: np.ndarray, right: np.ndarray, columns: int, codes: int) -> Walked:
    return Walked(
        feature=torch.from_numpy(r.integers(columns, size=left.shape)),
        cut=torch.from_numpy((r.integers(-1, 8, size=left.shape) + r.choice([0, 0.25])).astype(np.float32)),
        left=torch.from_numpy(left),
        right=torch.from_numpy(right),
        value=torch.from_numpy(r.normal(size=(*left.shape, codes)).astype(np.float32)),
    )


@pytest.mark.parametrize("nodes", [1, 3, 31, 63, 127])
def test_masks_and_walks_agree(nodes: int) -> None:
    r = np.random.default_rng(nodes)
    for columns in (1, 2, 5):
        trees = grown(r, trees=7, columns=columns, nodes=nodes, codes=3)
        ranks = torch.from_numpy(np.r_[r.integers(-1, 9, (5000, columns)), r.uniform(-2, 9, (500, columns))]).float()
        torch.testing.assert_close(
            make_quickscorer(trees, trees.value, DEPTH).score(ranks), trees.score(ranks), rtol=1e-5, atol=1e-5
        )


def test_arrays_that_are_no_trees_are_walked_all_the_same() -> None:
    """A file that is not trusted may name any nodes: the way through them is the same."""
    r = np.random.default_rng(0)
    for _ in range(20):
        left, right = r.integers(5, size=(2, 4, 5))
        trees = arrays(r, left, right, 3, 2)
        ranks = torch.from_numpy(r.integers(0, 9, (300, 3))).float()
        torch.testing.assert_close(
            make_quickscorer(trees, trees.value, DEPTH).score(ranks), trees.score(ranks), rtol=1e-5, atol=1e-5
        )


def test_trees_with_more_leaves_than_bits_are_refused() -> None:
    trees = grown(np.random.default_rng(0), trees=2, columns=2, nodes=127, codes=2)
    looped = Walked(trees.feature, trees.cut, torch.zeros_like(trees.left), torch.ones_like(trees.left), trees.value)
    with pytest.raises(ArtifactError):
        make_quickscorer(looped, looped.value, DEPTH + 1)
