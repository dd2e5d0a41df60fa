"""Two-way tables without what is chance in them.

The table of two columns of a few hundred people is for the most part chance, and a generator that matches many such
tables to the letter learns these people by heart. So each table is drawn towards the one that a single number explains:
that of a Gaussian copula with the columns' frequencies and the correlation of their normal scores (Olsson 1979). It is
drawn by as much of its distance from that one as chance alone explains (James & Stein 1961, positive part; what
chance is expected to do is known, as cells are counts), of few records by more and of many by less, see CAUTION.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from synth.encode.layout import Layout

POINTS, LEAST_POINTS = 64, 8
"""Points of equal probability that stand for one of the two columns, and for each of its codes, at least."""
HIGHEST = 0.995
"""A correlation counts as so close to 1 at most."""
HALVINGS = 12
"""Halvings of the interval in which a correlation lies."""
CAUTION, CAUTIOUS = 2.5, 1_000
"""Up to so many records so many times what chance is expected to do is taken away, of more records less: what is left
of it is about people, of n records by an nth each. On 341 patients .59 of the generated records were nearer to train
than to holdout with 1, and .54 with 2.5, as many as of a Gaussian copula's; on 8,631 shoppers 2.5 only cost likeness.
"""
FITTING = 10
"""Rounds of iterative proportional fitting."""
OUTSIDE, FARTHEST, TINY = 1e-9, 40.0, 1e-15


def without_chance(pairs: Tensor, records: int, order: Tensor, layout: Layout, epsilon: float) -> Tensor:
    """(D, D) the tables of all two columns as so many records' `pairs` (D, D) are, but for chance.

    `order` (D,) are the flat codes, column after column, in an order in which codes that are alike lie side by side.
    Distances are squared and by expected frequency plus `epsilon`, as the generator's loss has them. Frequencies of
    single codes, and so the tables inside of a column, stay as they are.
    """
    table, column = pairs.double(), layout.column
    simple = copula_tables(table, order, layout)
    cost, other = 1 / (simple + epsilon), 1 - table.diagonal()
    # both tables have the same frequencies of single codes, so a cell varies by less than a count of its own would
    chance = _by_columns(simple * other[:, None] * other * cost, layout) / records
    chance *= CAUTION * min(1.0, CAUTIOUS / records) * _part(table.diagonal(), layout)
    away = _by_columns((table - simple).square() * cost, layout)
    kept = (1 - chance / away.clamp_min(TINY)).clamp(0, 1)
    shrunk = simple + kept[column][:, column] * (table - simple)
    return torch.where(column[:, None] == column, table, shrunk).to(pairs.dtype)


def _part(share: Tensor, layout: Layout) -> Tensor:
    """(C, C) the part of what chance is expected to do that is to be taken away: K - 2 of K degrees of freedom."""
    codes = share.new_zeros(layout.columns).index_add_(0, layout.column, (share > 0).to(share.dtype))
    free = (codes[:, None] - 1) * (codes - 1) - 1
    return ((free - 2) / free.clamp_min(1)).clamp_min(0)


def copula_tables(table: Tensor, order: Tensor, layout: Layout) -> Tensor:
    """(D, D) float64, the tables of Gaussian copulas with the frequencies of `table`, and with correlations as in it.

    Correlations are such that the codes' mean normal scores have as much in common as they have in `table`; the more
    two normal variables have in common the more their scores have, so halving an interval finds them.
    """
    share, column = table.diagonal(), layout.column
    below, upto = _ranks(share, order, layout)
    score = torch.where(share > 0, (_density(below) - _density(upto)) / share.clamp_min(TINY), 0.0)
    scored = torch.nn.functional.one_hot(column, layout.columns).double() * score[:, None]
    wanted = scored.T @ table @ scored
    low = torch.full_like(wanted, -HIGHEST)
    high = -low
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        more = scored.T @ _cells(middle, below, upto, share, layout) @ scored < wanted
        low, high = torch.where(more, middle, low), torch.where(more, high, middle)
    return _fitted(_cells((low + high) / 2, below, upto, share, layout), share, layout)


def _cells(correlation: Tensor, below: Tensor, upto: Tensor, share: Tensor, layout: Layout) -> Tensor:
    """(D, D) how likely normal variables of (C, C) correlations lie between each two codes' (D,) ranks.

    One of the two columns has its frequencies exactly, the other one but for rounding by POINTS.
    """
    column = layout.column
    low, high = (torch.special.ndtri(end).clamp(-FARTHEST, FARTHEST) for end in (below, upto))
    found = share.new_zeros(layout.codes, layout.codes)
    for own in range(layout.columns):
        mine = torch.nonzero(column == own)[:, 0]
        points = max(LEAST_POINTS, POINTS // len(mine))
        part = (torch.arange(points, dtype=torch.float64, device=share.device) + 0.5) / points
        at = below[mine, None] + part * (upto - below)[mine, None]
        point = torch.special.ndtri(at.clamp(OUTSIDE, 1 - OUTSIDE)).view(-1, 1)
        slope = correlation[own, column]
        spread = (1 - slope.square()).sqrt()
        ends = [torch.special.ndtr((end - slope * point) / spread) for end in (low, high)]
        found[mine] = (ends[1] - ends[0]).view(len(mine), points, -1).mean(1) * share[mine, None]
    return (found + found.T) / 2


def _ranks(share: Tensor, order: Tensor, layout: Layout) -> tuple[Tensor, Tensor]:
    """((D,) the share of records whose code comes before each code in its column, (D,) that with the code's own)."""
    column = layout.column[order]
    total = share.new_zeros(layout.columns).index_add_(0, layout.column, share)
    placed = share[order] / total[column].clamp_min(TINY)
    whole = torch.cumsum(placed, 0)
    begin = (whole - placed)[layout.starts][column]
    below, upto = torch.empty_like(share), torch.empty_like(share)
    below[order], upto[order] = (whole - placed - begin).clamp(0, 1), (whole - begin).clamp(0, 1)
    # sums that should be 1 may fall short of it by rounding
    return below, torch.where(upto > 1 - OUTSIDE, 1.0, upto)


def _density(rank: Tensor) -> Tensor:
    """The standard normal density at each rank in [0, 1]; 0 at its ends."""
    inner = torch.special.ndtri(rank.clamp(OUTSIDE, 1 - OUTSIDE))
    density = torch.exp(-inner.square() / 2) / math.sqrt(2 * math.pi)
    return torch.where((rank < OUTSIDE) | (rank > 1 - OUTSIDE), 0.0, density)


def _fitted(table: Tensor, share: Tensor, layout: Layout) -> Tensor:
    """The tables with (D,) frequencies of codes (iterative proportional fitting, Deming & Stephan 1940)."""
    column = layout.column
    for _ in range(FITTING):
        margin = table.new_zeros(layout.columns, layout.codes).index_add_(0, column, table)
        table = table * (share / margin.clamp_min(TINY))[column]
        table = (table + table.T) / 2
    return table


def _by_columns(cells: Tensor, layout: Layout) -> Tensor:
    """(C, C) sums of (D, D) cells over the codes of each two columns."""
    rows = cells.new_zeros(layout.columns, layout.codes).index_add_(0, layout.column, cells)
    return rows.new_zeros(layout.columns, layout.columns).index_add_(1, layout.column, rows)
