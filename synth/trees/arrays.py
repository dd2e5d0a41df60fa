"""Trees as arrays that many records walk through at a time, and how such arrays are checked in an untrusted file."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeRegressor
from torch import Tensor

from synth.arrays import check_range
from synth.errors import ArtifactError

DEPTH = 14
"""Splits above a leaf, at most."""
FEWEST, FILLED_BY, OFTEN = 2, 160_000, 8
"""Trees of a column, at least; records that fill the leaves of all of them together, about; and trees, at most."""
MOST_TREES = 16
"""Trees of a column in a file, at most."""

Ranks: TypeAlias = NDArray[np.float32]
"""(records, C): a rank numbers the codes of one column in an order in which intervals make sense, see
`synth.encode.ranking.Ranking`."""


class Trees(Protocol):
    """The nodes of trees: (N,) numbered through all trees, or (T, N) numbered inside of each of T trees."""

    @property
    def feature(self) -> Tensor:
        """The encoded column that a node asks about"""

    @property
    def cut(self) -> Tensor:
        """The highest value that goes left"""

    @property
    def left(self) -> Tensor:
        """The next node; a leaf is its own"""

    @property
    def right(self) -> Tensor:
        """The same"""


def tree_count(records: int) -> int:
    """Trees for each column of a table of so many records.

    Each is cut elsewhere, so records are drawn from what more people say; of a large table any one has enough of them.
    """
    return max(FEWEST, min(OFTEN, FILLED_BY // max(records, 1)))


def leaf_of(trees: Trees, values: Tensor, node: Tensor) -> Tensor:
    """(B,) the leaf of each record in trees of (N,) nodes, from (C, B) values of columns and the (B,) first nodes."""
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


def check_trees(part: str, trees: Trees, root: Tensor, columns: int, count: int) -> None:
    """Raises ArtifactError where (N,) nodes and their (K, T) roots are not `count` times trees of `columns` columns."""
    nodes = len(trees.feature)
    flat = all(len(each) == nodes for each in (trees.cut, trees.left, trees.right))
    if not (flat and nodes and len(root) == count and count and 0 < root.shape[1] <= MOST_TREES):
        raise ArtifactError(f"{part}: expected nodes of 1 to {MOST_TREES} trees for each column")
    held = {"feature": trees.feature, "root": root, "left": trees.left, "right": trees.right}
    check_range(part, held, {"feature": columns, "root": nodes, "left": nodes, "right": nodes})
    roots = root.flatten()
    tree = torch.searchsorted(roots, torch.arange(nodes), right=True)
    apart = bool((torch.diff(roots) > 0).all()) and int(roots[0]) == 0
    if not apart or any(bool((tree[side] != tree).any()) for side in (trees.left, trees.right)):
        raise ArtifactError(f"{part}: expected each tree by itself, one after another")
