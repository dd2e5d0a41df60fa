"""Boosted trees evaluated column by column (QuickScorer, Lucchese et al. 2015): no walk from node to node.

Each value of a column rules out some leaves of every tree. A record's leaf is the one that no column rules out, so all
trees take one look-up and one bitwise AND for each column, over memory that lies together.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synth.errors import ArtifactError
from synth.trees.arrays import Trees

MOST_LEAVES = 64
"""Leaves of a tree, at most: bits of a mask."""
MOST_MASKS = 2**24
"""Masks at most: so much memory a file may ask for, and no more."""
CHUNK = 4096
"""Records that are evaluated at a time, so that their masks stay near the processor."""

Places = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class QuickScorer:
    """T trees as masks of the leaves that the values of each column leave open."""

    features: tuple[int, ...]
    """The columns that some tree asks about"""
    cuts: tuple[Tensor, ...]
    """For each of them (cuts,) where its values are cut, ascending"""
    masks: tuple[Tensor, ...]
    """For each of them (cuts + 1, T): in every tree the leaves, as bits, that values between two cuts leave open"""
    first: Tensor
    """(T,) where each tree's leaves begin in `values`"""
    values: Tensor
    """(all leaves, K) what they add"""

    @property
    def count(self) -> int:
        """How many masks there are."""
        return sum(part.numel() for part in self.masks)

    def score(self, columns: Tensor) -> Tensor:
        """(B, K) the sum over trees, by (B, C) values of the columns."""
        return torch.cat([self._score(some) for some in torch.split(columns, CHUNK)])

    def _score(self, columns: Tensor) -> Tensor:
        open_ = None
        for feature, cuts, masks in zip(self.features, self.cuts, self.masks, strict=True):
            found = masks.index_select(0, torch.bucketize(columns[:, feature].contiguous(), cuts))
            open_ = found if open_ is None else open_.bitwise_and_(found)
        if open_ is None:
            return self.values.index_select(0, self.first.long()).sum(0).expand(len(columns), -1)
        leaf = _bit(open_).add_(self.first)
        return torch.nn.functional.embedding_bag(leaf, self.values, mode="sum")


def _bit(masks: Tensor) -> Tensor:
    """Which bit is set, where one is: the exponent of the mask as a float, whose sign the highest bit may be."""
    if masks.dtype == torch.int64:
        return (masks.double().abs_().view(torch.int64) >> 52) - 1023
    return (masks.float().abs_().view(torch.int32) >> 23) - 127


def make_quickscorer(trees: Trees, value: Tensor, depth: int) -> QuickScorer:
    """The masks of trees of (T, N) nodes, of which a leaf adds its (T, N, K) `value`, walked `depth` steps at most.

    Where a path is longer its end is a leaf too.

    Any arrays will do that name nodes and columns which are there: paths are followed, whatever shape they have. Raises
    ArtifactError where a tree has more paths than a mask has bits, or where there would be more than MOST_MASKS.
    """
    arrays = (part.cpu().numpy() for part in (trees.feature, trees.cut, trees.left, trees.right))
    leaves = [_few_leaves(depth, *nodes) for nodes in zip(*arrays, strict=True)]
    sizes = [len(found) for found in leaves]
    kind = next(k for k in ("int16", "int32", "int64") if max(sizes, default=1) <= 8 * np.dtype(k).itemsize)
    asked = sorted({column for found in leaves for leaf in found for column in leaf.bounds})
    cuts, masks = [], []
    left_over = MOST_MASKS
    for column in asked:
        edges, masked = _masks(leaves, column, left_over)
        left_over -= masked.size
        cuts.append(torch.from_numpy(edges.astype(np.float32)))
        masks.append(torch.from_numpy(masked.astype(f"u{kind}").view(kind)))
    tree = np.repeat(np.arange(len(leaves)), sizes)
    node = np.array([leaf.node for found in leaves for leaf in found], dtype=np.int64)
    device = value.device
    return QuickScorer(
        features=tuple(asked),
        cuts=tuple(part.to(device) for part in cuts),
        masks=tuple(part.to(device) for part in masks),
        first=torch.tensor([0, *accumulate(sizes)][:-1], device=device, dtype=torch.int32),
        values=value[torch.from_numpy(tree).to(device), torch.from_numpy(node).to(device)],
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Leaf:
    node: int
    bounds: Mapping[int, tuple[float, float]]
    """By column: values above the first, up to the second"""


def _few_leaves(depth: int, feature: Places, cut: NDArray[np.float32], left: Places, right: Places) -> list[_Leaf]:
    """The leaves of one tree. Raises ArtifactError where they are more than a mask has bits."""
    found = list(islice(_leaves(feature, cut, left, right, depth), MOST_LEAVES + 1))
    if len(found) > MOST_LEAVES:
        raise ArtifactError(f"trees: expected at most {MOST_LEAVES} leaves")
    return found


def _leaves(feature: Places, cut: NDArray[np.float32], left: Places, right: Places, depth: int) -> Iterator[_Leaf]:
    """The leaves of one tree, with what leads to each."""
    waiting: list[tuple[int, int, dict[int, tuple[float, float]]]] = [(0, 0, {})]
    while waiting:
        node, steps, path = waiting.pop()
        if steps == depth or int(left[node]) == int(right[node]) == node:
            yield _Leaf(node=node, bounds=path)
            continue
        column, edge = int(feature[node]), float(cut[node])
        low, high = path.get(column, (-math.inf, math.inf))
        waiting.append((int(left[node]), steps + 1, {**path, column: (low, min(high, edge))}))
        waiting.append((int(right[node]), steps + 1, {**path, column: (max(low, edge), high)}))


def _masks(leaves: Sequence[Sequence[_Leaf]], column: int, most: int) -> tuple[NDArray[np.float64], NDArray[np.uint64]]:
    """(where the column is cut, (cuts + 1, T) which leaves are open between two cuts).

    Raises ArtifactError where there would be more than `most` masks.
    """
    bounded = [
        (tree, bit, leaf.bounds[column])
        for tree, found in enumerate(leaves)
        for bit, leaf in enumerate(found)
        if column in leaf.bounds
    ]
    tree, bit = np.array([place[:2] for place in bounded]).T
    low, high = np.array([place[2] for place in bounded]).T
    ends = np.concatenate([low, high])
    edges = np.unique(ends[np.isfinite(ends)])
    if (len(edges) + 1) * len(leaves) > most:
        raise ArtifactError(f"trees: expected cuts for at most {MOST_MASKS} masks")
    # a leaf is closed up to its lower bound and beyond its upper one: noted there, and carried on from there
    full = np.array([(1 << len(found)) - 1 for found in leaves], dtype=np.uint64)
    below, above = np.tile(full, (len(edges) + 1, 1)), np.tile(full, (len(edges) + 1, 1))
    closed = ~(np.uint64(1) << bit.astype(np.uint64))
    first, last = np.searchsorted(edges, low, side="right"), np.searchsorted(edges, high) + 1
    some = first > 0
    np.bitwise_and.at(below, (first[some] - 1, tree[some]), closed[some])
    some = last <= len(edges)
    np.bitwise_and.at(above, (last[some], tree[some]), closed[some])
    below = np.bitwise_and.accumulate(below[::-1])[::-1]
    masks = below & np.bitwise_and.accumulate(above)
    return edges, masks
