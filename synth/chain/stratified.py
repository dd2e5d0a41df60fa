"""Stratified sampling: in a batch, values are as frequent as they are likely."""

from __future__ import annotations

from functools import lru_cache
from itertools import permutations

import torch
from torch import Tensor

BELOW_ONE = 1 - 2**-24
"""No point lies beyond: rounding must not take it to what comes after the last share."""
PARTS = 8
"""Blocks of neighbours that are joined into a larger one, and equal parts of [0, 1) that they take."""


def stratified_points(state: Tensor, random: torch.Generator) -> Tensor:
    """(B,) float64 points in [0, 1), each uniform, that lie evenly among records of much the same (B,) state.

    Records are sorted by their state, and stratified points are given to them, as array-RQMC does with the chains of a
    simulation at each step (L'Ecuyer, Lécot & Tuffin 2008, section 3): of 8, 64, 512 and so on neighbours that make up
    a block, each has a point in its own one of as many equal parts of [0, 1). Which one is chance in every block, and
    independent of the points of any other call.
    """
    order = torch.argsort(state, stable=True)
    size = have = 1
    while size < len(order):
        size *= PARTS
    orders = _orders()
    # in each row a block of neighbours, by the part of [0, 1) that their points lie in
    block = torch.arange(size).view(size, 1)
    while have < size:
        alike = block.view(-1, PARTS, have).transpose(1, 2).reshape(-1, PARTS)
        shuffled = orders.index_select(0, torch.randint(len(orders), (len(alike),), generator=random))
        have *= PARTS
        block = alike.gather(1, shuffled).view(-1, have)
    part = torch.empty_like(block[0]).scatter_(0, block[0], torch.arange(size))[: len(order)]
    inside = torch.rand(len(order), generator=random, dtype=torch.float64)
    return torch.empty_like(inside).scatter_(0, order, (part + inside) / size).clamp_max(BELOW_ONE)


@lru_cache(maxsize=1)
def _orders() -> Tensor:
    """(n!, n) all orders of PARTS parts: to choose one takes a fifth of the time of sorting random numbers."""
    return torch.tensor(list(permutations(range(PARTS))))


def pick(shares: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
    """((B, 1) the place of one of each record's (B, G) shares, (B, 1) float64 how far into it).

    (B,) points in [0, 1) say where in their sum, which need not be 1.
    """
    upto = shares.double().cumsum(1)
    wanted = at[:, None] * upto[:, -1:]
    place = (upto <= wanted).sum(1, keepdim=True).clamp_max(upto.shape[1] - 1)
    own = shares.gather(1, place).double().clamp_min(1e-30)
    return place, (1 - (upto.gather(1, place) - wanted) / own).clamp(0, 1)
