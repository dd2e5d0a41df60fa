"""Columns that are drawn anew, each given all the others: one round of a dependency network.

Given its noise the generator's columns are independent, so columns that hang together closely, such as six bills in a
row, come out blurred. Trees say how such a column is distributed given the others (Reiter 2005), and after the
generator has drawn a record its columns are drawn anew, one after another (pseudo-Gibbs sampling, Heckerman et al.
2000, section 4). A leaf holds many training records. See `synth.grow` for how the trees come to be.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from synth.errors import ArtifactError
from synth.layout import Layout
from synth.leaves import Ranking

DEPTH = 14
"""Splits above a leaf, at most."""
MOST_TREES = 16
"""Trees of a column, at most."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Redraw:
    """K columns in the order in which they are drawn anew, each by one of T trees; all trees together have N nodes."""

    column: Tensor
    """(K,) int64, learnt columns"""
    root: Tensor
    """(K, T) int64, where a column's trees begin"""
    feature: Tensor
    """(N,) int64, the learnt column that a node asks about"""
    cut: Tensor
    """(N,) int64, the highest rank that goes left"""
    left: Tensor
    """(N,) int64, the next node; a leaf is its own"""
    right: Tensor
    """(N,) int64"""
    rank: Tensor
    """(E,) int64, the ranks that the leaves draw, leaf after leaf"""
    upto: Tensor
    """(E,) float64, ascending: the number of the leaf, plus the share of its ranks up to and with this one"""

    def __len__(self) -> int:
        return len(self.column)

    def apply(
        self,
        codes: Tensor,
        ranking: Ranking,
        layout: Layout,
        random: torch.Generator,
        kept: Collection[int] = (),
    ) -> Tensor:
        """(B, C) codes with the columns drawn anew, but for those that are `kept` as they are."""
        if not len(self):
            return codes
        ranks = (ranking.place[codes + layout.starts] - layout.starts).T.contiguous()
        codes = codes.clone()
        for column, root in zip(self.column.tolist(), self.root, strict=True):
            if column in kept:
                continue
            node = root[torch.randint(len(root), (len(codes),), generator=random)]
            drawn = self.draw(self.leaf(ranks, node), random).clamp_max(int(layout.widths[column]) - 1)
            ranks[column] = drawn
            start = int(layout.starts[column])
            codes[:, column] = (ranking.order[start + drawn] - start).to(codes.dtype)
        return codes

    def leaf(self, ranks: Tensor, node: Tensor) -> Tensor:
        """(B,) the leaf of each record, from the (C, B) ranks of its columns and the (B,) node that it begins at."""
        # whole arrays are looked up by place, which takes two thirds of the time of picking from rows and columns
        by_place, records = ranks.view(-1), torch.arange(len(node))
        child = torch.stack([self.left, self.right], 1).view(-1)
        for _ in range(DEPTH):
            asked = by_place.take(self.feature.index_select(0, node).mul_(len(node)).add_(records))
            node = child.index_select(0, node.mul(2).add_(asked > self.cut.index_select(0, node)))
        return node

    def draw(self, leaf: Tensor, random: torch.Generator) -> Tensor:
        """(B,) a rank for each of (B,) leaves, by the shares that it has there."""
        # numbers of 24 bits: added to the number of a leaf they never come to that of the next
        share = torch.rand(len(leaf), generator=random).double()
        return self.rank[torch.searchsorted(self.upto, leaf + share, right=True).clamp_max(len(self.rank) - 1)]

    def tensors(self) -> dict[str, Tensor]:
        """The arrays by name; `from_tensors` reads them back."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor], widths: Sequence[int]) -> Redraw:
        """The trees in an untrusted file, for columns with so many codes. Raises ArtifactError where they are none."""
        if set(tensors) != {f.name for f in fields(Redraw)}:
            raise ArtifactError("redraw: expected the arrays of trees for columns")
        found = Redraw(**tensors)
        kinds = {name: torch.float64 if name == "upto" else torch.int64 for name in tensors}
        if any(tensors[name].dtype != kind for name, kind in kinds.items()):
            raise ArtifactError("redraw: expected integers of 64 bits and shares")
        nodes, entries = found.feature.shape, found.rank.shape
        flat = all(getattr(found, name).shape == nodes for name in ("cut", "left", "right"))
        one_way = found.column.ndim == len(nodes) == len(entries) == 1 and found.upto.shape == entries
        rooted = found.root.ndim == 2 and found.root.shape[:1] == found.column.shape
        if not (flat and one_way and rooted and 0 < found.root.shape[1] <= MOST_TREES and nodes[0] and entries[0]):
            raise ArtifactError("redraw: expected arrays that fit one another")
        limits = {"column": len(widths), "feature": len(widths), "rank": max(widths)}
        limits |= dict.fromkeys(("root", "left", "right"), nodes[0])
        if any(bool((tensors[n] < 0).any() or (tensors[n] >= most).any()) for n, most in limits.items()):
            raise ArtifactError("redraw: expected nodes, columns and ranks that there are")
        if len(torch.unique(found.column)) < len(found.column):
            raise ArtifactError("redraw: expected each column once")
        if not bool(torch.isfinite(found.upto).all()) or bool((torch.diff(found.upto) < 0).any()):
            raise ArtifactError("redraw: expected shares that add up")
        return found


def nothing_again() -> Redraw:
    """No column is drawn anew."""
    none = torch.zeros(0, dtype=torch.int64)
    return Redraw(
        column=none,
        root=none.reshape(0, 1),
        feature=none,
        cut=none,
        left=none,
        right=none,
        rank=none,
        upto=none.double(),
    )
