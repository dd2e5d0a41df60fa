"""The trees that say how each column of a record is distributed given a person and the records before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synth.arrays import array, arrays_of, check_arrays, check_range
from synth.errors import ArtifactError
from synth.sequences.grow import Grown
from synth.trees.arrays import check_trees, leaf_of

PART = "sequences"
"""Of the arrays in a model file."""
TREES = 2
"""Trees of each column, of which any one draws a record."""

Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SequenceForest:
    """N nodes of the trees of K columns, and L levels in their leaves."""

    feature: Tensor = field(metadata=array(torch.int64, 1))
    """(N,) the feature that a node asks about"""
    cut: Tensor = field(metadata=array(torch.int64, 1))
    """(N,) the highest level that goes left"""
    left: Tensor = field(metadata=array(torch.int64, 1))
    """(N,) the next node; a leaf is its own"""
    right: Tensor = field(metadata=array(torch.int64, 1))
    """(N,) the same"""
    root: Tensor = field(metadata=array(torch.int64, 2))
    """(K, T) the first node of each tree"""
    begin: Tensor = field(metadata=array(torch.int64, 1))
    """(N,) where a leaf's levels begin"""
    count: Tensor = field(metadata=array(torch.int64, 1))
    """(N,) how many there are; 0 for an inner node"""
    levels: Tensor = field(metadata=array(torch.int32, 1))
    """(L,) levels of training records, from which a leaf is drawn"""

    def draw(self, column: int, features: NDArray[np.int64], rng: np.random.Generator) -> Ints:
        """(B,) levels of the column number `column`, for records of (F, B) features."""
        size = features.shape[1]
        tree = torch.from_numpy(rng.integers(self.root.shape[1], size=size))
        leaf = leaf_of(self, torch.from_numpy(features), self.root[column][tree]).numpy()
        at = self.begin.numpy()[leaf] + (rng.random(size) * self.count.numpy()[leaf]).astype(np.int64)
        found: Ints = self.levels.numpy()[at].astype(np.int64)
        return found

    def tensors(self) -> Mapping[str, Tensor]:
        """The arrays by name."""
        return arrays_of(self)

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor], seen: Sequence[int], sizes: Sequence[int]) -> SequenceForest:
        """The forest in an untrusted file, of columns that see so many features and have so many levels.

        Raises ArtifactError where it is none.
        """
        check_arrays(PART, SequenceForest, tensors)
        forest = SequenceForest(**tensors)
        nodes = len(forest.feature)
        check_trees(PART, forest, forest.root, max([*seen, 1]), len(sizes))
        if len(forest.begin) != nodes or len(forest.count) != nodes or not len(forest.levels):
            raise ArtifactError(f"{PART}: expected levels for each node")
        check_range(PART, tensors, {"begin": len(forest.levels) + 1, "count": len(forest.levels) + 1})
        leaf = forest.left == torch.arange(nodes)
        if bool((forest.begin + forest.count > len(forest.levels)).any() or (forest.count[leaf] == 0).any()):
            raise ArtifactError(f"{PART}: expected levels in each leaf, inside of those that there are")
        ends = [*forest.root[1:, 0].tolist(), nodes]
        for first, end, known, size in zip(forest.root[:, 0].tolist(), ends, seen, sizes, strict=True):
            held = forest.levels[_spans(forest.begin[first:end], forest.count[first:end])]
            if bool((forest.feature[first:end] >= max(known, 1)).any() or (held < 0).any() or (held >= size).any()):
                raise ArtifactError(f"{PART}: expected features that a column sees, and levels that it has")
        return forest


def _spans(begin: Tensor, count: Tensor) -> Tensor:
    """The places of all spans, one after another."""
    start = torch.repeat_interleave(begin - (torch.cumsum(count, 0) - count), count)
    return start + torch.arange(int(count.sum()))


def joined(trees: Sequence[Sequence[Grown]]) -> SequenceForest:
    """The forest of the trees of each column."""
    nodes, held = 0, 0
    root: list[list[int]] = []
    parts: dict[str, list[Ints]] = {name: [] for name in ("feature", "cut", "left", "right", "begin", "count")}
    levels: list[Ints] = []
    for column in trees:
        root.append([])
        for tree in column:
            root[-1].append(nodes)
            for name, held_so_far in parts.items():
                shift = {"left": nodes, "right": nodes, "begin": held}.get(name, 0)
                held_so_far.append(np.asarray(getattr(tree, name), dtype=np.int64) + shift)
            levels += tree.levels
            nodes, held = nodes + len(tree.feature), held + sum(tree.count)
    none = np.zeros(0, dtype=np.int64)  # where nothing changes from one record of a person to the next
    arrays = {name: torch.from_numpy(np.concatenate([none, *each])) for name, each in parts.items()}
    flat = torch.from_numpy(np.concatenate([none, *levels]).astype(np.int32))
    return SequenceForest(**arrays, root=torch.tensor(root, dtype=torch.int64), levels=flat)
