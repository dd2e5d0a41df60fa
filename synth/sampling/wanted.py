"""A column that is drawn anew to be as a condition asks, and how likely that was (`synth.sampling.smc`)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from synth.chain.forest import Inside, Redraw, Turn, entries_of
from synth.chain.stratified import pick


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Wanted:
    """What a column is drawn by where only some of its ranks will do; nodes are counted from its first one."""

    share: Tensor
    """(nodes, G) float32, the share of a leaf's records in each group that will do"""
    before: Tensor
    """(nodes, G) float64, the sum of those before"""
    rank: Tensor
    """(E,) int64, the ranks that will do, leaf after leaf"""
    upto: Tensor
    """(E,) float64, the sum of their shares up to and with this one"""
    elsewhere: Tensor
    """(width,) float64, the shares of ranks that are drawn where a leaf holds none that will do"""

    def draw(self, inside: Inside, leaf: Tensor, groups: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """((B,) ranks that will do, (B,) float64 how likely that was), as `Redraw.draw` without conditions."""
        at = leaf - inside.begin
        free, share = inside.shares(at, groups), self.share[at]
        met = free * (share / inside.share[at].clamp_min(1e-30)).clamp_max(1.0)
        likely = met.double().sum(1) / free.double().sum(1)
        drawn = torch.multinomial(self.elsewhere, len(leaf), replacement=True, generator=random)
        if not len(self.rank):
            return drawn, torch.zeros_like(likely)
        group, part = pick(met, torch.rand(len(leaf), generator=random, dtype=torch.float64))
        within = (self.before[at].gather(1, group) + part * share.gather(1, group))[:, 0]
        place = torch.searchsorted(self.upto, within, right=True).clamp_max(len(self.rank) - 1)
        return torch.where(likely > 0, self.rank[place], drawn), likely


def wanted_of(redraw: Redraw, turn: Turn, first: int, shares: Tensor, counts: Tensor) -> Wanted:
    """What the column of a turn is drawn by where so much of each rank will do.

    `first` is the column's first rank among those of all columns, `shares` are (width,) how much of its ranks will do,
    and `counts` are (width,) how many records have them.
    """
    node, share = entries_of(redraw)
    nodes, groups = turn.inside.share.shape
    rank = redraw.rank.clamp_max(len(shares) - 1)
    share = share * shares[rank]
    some = (node >= turn.inside.begin) & (node < turn.inside.begin + nodes) & (share > 0)
    rank, share = rank[some], share[some]
    at = (node[some] - turn.inside.begin) * groups + redraw.group[first + rank] - redraw.group[first]
    table = torch.zeros(nodes * groups, dtype=torch.float64).index_add_(0, at, share)
    elsewhere = shares * counts
    return Wanted(
        share=table.float().view(nodes, groups),
        before=(table.cumsum(0) - table).view(nodes, groups),
        rank=rank,
        upto=share.cumsum(0),
        elsewhere=elsewhere if float(elsewhere.sum()) > 0 else shares,
    )
