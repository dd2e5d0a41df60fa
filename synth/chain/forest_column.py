"""The link that redraws one column by the trees of a forest, freely or from what a condition allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from synth.chain.base import Allowed, Codebook, Records, log_weight
from synth.chain.forest import Forest, sizes_of
from synth.chain.stratified import BELOW_ONE, pick, stratified_points
from synth.trees.arrays import leaf_of

FARTHEST = 5.0
"""All weights together raise a group of a leaf by this factor at most, and lower it to one part in so many, before
shares are made to add up to 1 again."""
LARGEST_SUM = 40.0
"""Sums of logarithms are cut here: beyond it their exponentials are no longer finite."""
FAINT = 1e-30


def weighted(share: Tensor, logarithms: Tensor) -> Tensor:
    """(B, G) shares of groups with weights, not quite adding up to 1: no group is raised or lowered too far."""
    factor = logarithms.clamp(-LARGEST_SUM, LARGEST_SUM).exp()
    return share * (factor / (share * factor).sum(1, keepdim=True)).clamp(1 / FARTHEST, FARTHEST)


@dataclass(frozen=True, kw_only=True, eq=False)
class ForestColumn:
    """A column that is redrawn by one of T trees, with G groups in each leaf; nodes are counted from its first one."""

    forest: Forest
    column: int
    root: Tensor
    """(T,) where its trees begin"""
    begin: int
    """Its first node"""
    share: Tensor
    """(nodes, G) float32, the share of a leaf's records in each group"""
    before: Tensor
    """(nodes, G) float64, the share in the groups before"""
    weight: Tensor
    """(H, G) float32, the logarithms of weights"""

    def weighs(self, allowed: Mapping[int, Allowed]) -> bool:
        """Whether something is allowed of its column."""
        return self.column in allowed

    def draw(self, records: Records, allowed: Mapping[int, Allowed], random: torch.Generator) -> Tensor | None:
        """See `Conditional`."""
        leaf = self.reach(records, random)
        if self.column not in allowed:
            point = stratified_points(leaf, random) if records.even else _points(len(leaf), random)
            records.put_settled(self.column, self.draw_rank(leaf, records.groups, point))
            return None
        some = allowed_leaves(self, allowed[self.column], records.book)
        drawn, likely = some.draw_rank(self, leaf, records.groups, random)
        records.put(self.column, drawn)
        return log_weight(likely)

    def reach(self, records: Records, random: torch.Generator) -> Tensor:
        """(B,) the leaf of each record in one of the trees; what it has in the column itself is forgotten."""
        records.forget(self.column)
        node = self.root[torch.randint(len(self.root), (records.count,), generator=random)]
        prediction = self.forest.predictions.get(self.column)
        if prediction is not None:
            records.ranks[-1] = prediction.levels(records.ranks[:-1], random)
        return leaf_of(self.forest, records.ranks, node)

    def shares(self, at: Tensor, groups: Tensor) -> Tensor:
        """(B, G) shares of the groups in (B,) leaves, counted from the first, by the (B, C) groups of the records."""
        weight = torch.nn.functional.embedding_bag(groups, self.weight, mode="sum")
        return weighted(self.share[at], weight)

    def draw_rank(self, leaf: Tensor, groups: Tensor, point: Tensor) -> Tensor:
        """(B,) a rank for each of (B,) leaves, by the (B, C) groups of the records, at (B,) points in [0, 1)."""
        at = leaf - self.begin
        group, part = pick(self.shares(at, groups), point)
        within = self.before[at].gather(1, group) + part * self.share[at].gather(1, group)
        # the share of a leaf that is drawn stays below 1: added to the leaf's number it never comes to the next leaf
        place = torch.searchsorted(self.forest.upto, leaf + within[:, 0].clamp_max(BELOW_ONE), right=True)
        return self.forest.rank[place.clamp_max(len(self.forest.rank) - 1)]

    def log_prob(self, records: Records) -> Tensor:
        """See `Conditional`: the mean over trees, and over predictions, of what they say of the record's own rank."""
        own, groups = records.ranks[self.column].clone(), records.groups[:, self.column].clone()
        place = (groups - records.book.group[records.book.layout.starts[self.column]])[:, None]
        records.forget(self.column)
        chance, count = torch.zeros(records.count, dtype=torch.float64), 0
        for leaf in self._leaves(records):
            at = leaf - self.begin
            shares = self.shares(at, records.groups).double()
            of_group = (shares / shares.sum(1, keepdim=True)).gather(1, place)[:, 0]
            in_group = self._share_of(leaf, own) / self.share[at].double().gather(1, place)[:, 0].clamp_min(FAINT)
            chance, count = chance + of_group * in_group.clamp_max(1.0), count + 1
        records.groups[:, self.column] = groups
        return torch.log(chance / count)

    def _leaves(self, records: Records) -> Iterator[Tensor]:
        """(B,) leaves in each of the trees, by each of the predictions."""
        prediction = self.forest.predictions.get(self.column)
        for level in [None] if prediction is None else prediction.each(records.ranks[:-1]):
            if level is not None:
                records.ranks[-1] = level
            for root in self.root:
                yield leaf_of(self.forest, records.ranks, root.expand(records.count).clone())

    def _share_of(self, leaf: Tensor, rank: Tensor) -> Tensor:
        """(B,) float64 shares of (B,) ranks in (B,) leaves."""
        key, share, width = self._by_rank
        wanted = leaf * width + rank
        place = torch.searchsorted(key, wanted).clamp_max(len(key) - 1)
        return torch.where(key[place] == wanted, share[place], 0.0)

    @cached_property
    def _by_rank(self) -> tuple[Tensor, Tensor, int]:
        """((E,) leaf times width plus rank, ascending, (E,) its share of the leaf, the width)."""
        node, share = self.forest.entries()
        own, width = (node >= self.begin) & (node < self.begin + len(self.share)), int(self.forest.rank.max()) + 1
        key, place = torch.unique(node[own] * width + self.forest.rank[own], return_inverse=True)
        return key, torch.zeros(len(key), dtype=torch.float64).index_add_(0, place, share[own]), width


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class AllowedLeaves:
    """What a column is drawn by where only some of its ranks are allowed; nodes are counted from its first one."""

    share: Tensor
    """(nodes, G) float32, the share of a leaf's records in each group that is allowed"""
    before: Tensor
    """(nodes, G) float64, the sum of those before"""
    rank: Tensor
    """(E,) int64, the ranks that are allowed, leaf after leaf"""
    upto: Tensor
    """(E,) float64, the sum of their shares up to and with this one"""
    elsewhere: Tensor
    """(width,) float64, the shares of ranks that are drawn where a leaf holds none that is allowed"""

    def draw_rank(
        self, link: ForestColumn, leaf: Tensor, groups: Tensor, random: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """((B,) allowed ranks, (B,) float64 how likely the link draws one), as `ForestColumn.draw_rank` draws any."""
        at = leaf - link.begin
        free, share = link.shares(at, groups), self.share[at]
        met = free * (share / link.share[at].clamp_min(FAINT)).clamp_max(1.0)
        likely = met.double().sum(1) / free.double().sum(1)
        drawn = torch.multinomial(self.elsewhere, len(leaf), replacement=True, generator=random)
        if not len(self.rank):
            return drawn, torch.zeros_like(likely)
        group, part = pick(met, _points(len(leaf), random))
        within = (self.before[at].gather(1, group) + part * share.gather(1, group))[:, 0]
        place = torch.searchsorted(self.upto, within, right=True).clamp_max(len(self.rank) - 1)
        return torch.where(likely > 0, self.rank[place], drawn), likely


def _points(count: int, random: torch.Generator) -> Tensor:
    """(count,) float64 points in [0, 1), each by itself."""
    return torch.rand(count, generator=random, dtype=torch.float64)


def allowed_leaves(link: ForestColumn, allowed: Allowed, book: Codebook) -> AllowedLeaves:
    """What the link's column is drawn by where only so much of each code is allowed."""
    start, width = int(book.layout.starts[link.column]), len(allowed.shares)
    code = book.ranking.order[start : start + width]
    shares = allowed.shares[code - start]
    node, share = link.forest.entries()
    nodes, groups = link.share.shape
    rank = link.forest.rank.clamp_max(width - 1)
    share = share * shares[rank]
    some = (node >= link.begin) & (node < link.begin + nodes) & (share > 0)
    rank, share = rank[some], share[some]
    at = (node[some] - link.begin) * groups + book.group[start + rank] - book.group[start]
    table = torch.zeros(nodes * groups, dtype=torch.float64).index_add_(0, at, share)
    elsewhere = shares * book.counts[code].double()
    return AllowedLeaves(
        share=table.float().view(nodes, groups),
        before=(table.cumsum(0) - table).view(nodes, groups),
        rank=rank,
        upto=share.cumsum(0),
        elsewhere=elsewhere if float(elsewhere.sum()) > 0 else shares,
    )


def forest_columns(forest: Forest, book: Codebook) -> tuple[ForestColumn, ...]:
    """The links of a forest, in the order in which they redraw."""
    if not len(forest):
        return ()
    first, size = sizes_of(forest.group, book.layout.starts)
    node, share = forest.entries()
    begins = [*forest.root[:, 0].tolist(), len(forest.feature)]
    groups = int(forest.group[-1]) + 1
    found, used = [], 0
    for number, column in enumerate(forest.column.tolist()):
        begin, nodes, own = begins[number], begins[number + 1] - begins[number], int(size[column])
        some = (node >= begin) & (node < begin + nodes)
        held = forest.rank[some].clamp_max(book.layout.sizes[column] - 1) + book.layout.starts[column]
        at = (node[some] - begin) * own + forest.group[held] - first[column]
        table = torch.zeros(nodes * own, dtype=torch.float64).index_add_(0, at, share[some]).view(nodes, own)
        weight = forest.weight[used : used + groups * own].view(groups, own)
        used += groups * own
        found.append(
            ForestColumn(
                forest=forest,
                column=column,
                root=forest.root[number],
                begin=begin,
                share=table.float(),
                before=table.cumsum(1) - table,
                weight=weight,
            )
        )
    return tuple(found)
