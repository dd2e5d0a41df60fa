"""Trees as arrays that many records walk through at a time, and how such arrays are checked in an untrusted file."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeRegressor
from torch import Tensor

from synth.errors import ArtifactError

DEPTH = 14
"""Splits above a leaf, at most."""
FEWEST, FILLED_BY, OFTEN = 2, 160_000, 8
"""Trees of a column, at least; records that fill the leaves of all of them together, about; and trees, at most."""
MOST_TREES = 16
"""Trees of a column in a file, at most."""


class Trees(Protocol):
    """T trees for each of K columns; all trees together have N nodes, one tree after another."""

    @property
    def root(self) -> Tensor:
        """(K, T) int64, where a column's trees begin"""

    @property
    def feature(self) -> Tensor:
        """(N,) int64, the learnt column that a node asks about"""

    @property
    def cut(self) -> Tensor:
        """(N,) the highest value that goes left"""

    @property
    def left(self) -> Tensor:
        """(N,) int64, the next node; a leaf is its own"""

    @property
    def right(self) -> Tensor:
        """(N,) int64"""


def tree_count(records: int) -> int:
    """Trees for each column of a table of so many records.

    Each is cut elsewhere, so records are drawn from what more people say; of a large table any one has enough of them.
    """
    return max(FEWEST, min(OFTEN, FILLED_BY // max(records, 1)))


def leaf_of(trees: Trees, values: Tensor, node: Tensor) -> Tensor:
    """(B,) the leaf of each record, from the (C, B) values of its columns and the (B,) node that it begins at."""
    # whole arrays are looked up by place, which takes two thirds of the time of picking from rows and columns
    by_place, records = values.view(-1), torch.arange(len(node))
    child = torch.stack([trees.left, trees.right], 1).view(-1)
    for _ in range(DEPTH):
        asked = by_place.take(trees.feature.index_select(0, node).mul_(len(node)).add_(records))
        node = child.index_select(0, node.mul(2).add_(asked > trees.cut.index_select(0, node)))
    return node


def nodes_of(tree: DecisionTreeRegressor, begin: int) -> dict[str, NDArray[Any]]:
    """`feature`, `cut`, `left` and `right` of a tree whose first node is number `begin`."""
    inner = tree.tree_
    own, ends = np.arange(inner.node_count), inner.children_left < 0
    return {
        "feature": np.where(ends, 0, inner.feature),
        "cut": np.where(ends, 0.0, inner.threshold),
        "left": begin + np.where(ends, own, inner.children_left),
        "right": begin + np.where(ends, own, inner.children_right),
    }


def check_trees(name: str, trees: Trees, columns: int, count: int) -> None:
    """Raises ArtifactError where the arrays are no trees of `count` columns that ask about `columns` ones."""
    nodes = trees.feature.shape
    flat = all(getattr(trees, side).shape == nodes for side in ("cut", "left", "right"))
    if not (flat and len(nodes) == 1 and nodes[0] and trees.root.ndim == 2 and len(trees.root) == count):
        raise ArtifactError(f"{name}: expected arrays that fit one another")
    roots = trees.root.flatten()
    if not 0 < trees.root.shape[1] <= MOST_TREES or not len(roots):
        raise ArtifactError(f"{name}: expected 1 to {MOST_TREES} trees for each column")
    limits = {"feature": columns, "root": nodes[0], "left": nodes[0], "right": nodes[0]}
    if any(bool((getattr(trees, n) < 0).any() or (getattr(trees, n) >= most).any()) for n, most in limits.items()):
        raise ArtifactError(f"{name}: expected nodes and columns that there are")
    tree = torch.searchsorted(roots, torch.arange(nodes[0]), right=True)
    apart = bool((torch.diff(roots) > 0).all()) and int(roots[0]) == 0
    if not apart or any(bool((tree[side] != tree).any()) for side in (trees.left, trees.right)):
        raise ArtifactError(f"{name}: expected each tree by itself, one after another")
