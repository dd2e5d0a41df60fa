"""The adversarial loss: the generator is to fill every leaf of the critic's trees as often as real records do.

Given its noise the generator's columns are independent, so the frequency of a leaf is the mean over noise of a product
over columns: exact in expectation and differentiable, where a critic network needs relaxed draws. As in MWEM (Hardt et
al. 2012) a working set of the queries with the largest error is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from synth.encode.layout import Layout
from synth.encode.ranking import Ranking
from synth.gan.table_loss import EPSILON
from synth.protection import LEAF_RECORDS
from synth.trees.critic import DEPTH, Boxes

CHUNK, BLOCK = 4_096, 128
"""Records and leaves that are looked up at the same time."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Leaves:
    """The working set of leaves, K of them, as intervals of places in `Ranking.order`."""

    low: Tensor
    """(K, DEPTH) where an interval begins"""
    high: Tensor
    """(K, DEPTH) where it ends, exclusive; an unused place holds the whole first column"""
    real: Tensor
    """(K,) share of the training records"""
    running: Tensor
    """(K,) share of generated records, averaged over batches"""

    def __len__(self) -> int:
        return len(self.real)


def no_leaves(device: torch.device) -> Leaves:
    """An empty working set."""
    bounds = torch.zeros(0, DEPTH, dtype=torch.long, device=device)
    return Leaves(low=bounds, high=bounds, real=torch.zeros(0, device=device), running=torch.zeros(0, device=device))


def add_boxes(leaves: Leaves, boxes: Boxes, layout: Layout) -> Leaves:
    """The working set with these boxes added; shares are to be measured by `measure`."""
    used = torch.from_numpy(boxes.column >= 0).to(layout.device)
    start = layout.starts[torch.from_numpy(np.maximum(boxes.column, 0)).to(layout.device)]
    whole = layout.widths[0].expand_as(start)
    low = torch.where(used, start + torch.from_numpy(boxes.low).to(layout.device), torch.zeros_like(start))
    high = torch.where(used, start + torch.from_numpy(boxes.high).to(layout.device) + 1, whole)
    blank = torch.zeros(len(boxes), device=layout.device)
    return Leaves(
        low=torch.cat([leaves.low, low]),
        high=torch.cat([leaves.high, high]),
        real=torch.cat([leaves.real, blank]),
        running=torch.cat([leaves.running, blank]),
    )


def measure(leaves: Leaves, real: Tensor, generated: Tensor, layout: Layout, most: int) -> Leaves:
    """The `most` leaves in which real and generated records differ most beyond chance, with both shares.

    `real` and `generated` are (records, C) places. A leaf with fewer than LEAF_RECORDS real records is dropped.
    """
    truth, made = (_shares(leaves, places, layout) for places in (real, generated))
    deviation = torch.sqrt(((truth + made) / 2).clamp_min(1e-6) / len(generated))
    told = torch.where(truth * len(real) >= LEAF_RECORDS, (truth - made).abs() / deviation, -1.0)
    kept = torch.argsort(told, descending=True, stable=True)[: min(most, int((told >= 0).sum()))]
    return Leaves(low=leaves.low[kept], high=leaves.high[kept], real=truth[kept].float(), running=made[kept].float())


def _shares(leaves: Leaves, places: Tensor, layout: Layout) -> Tensor:
    """(K,) float64 share of the (records, C) places that lie in each leaf.

    Columns are looked up whole, in blocks that stay in a processor's cache.
    """
    narrow = torch.int16 if layout.codes < torch.iinfo(torch.int16).max else torch.int32
    by_column = places.T.to(narrow).contiguous()
    low, high, column = leaves.low.to(narrow), leaves.high.to(narrow), layout.column[leaves.low]
    total = torch.zeros(len(leaves), dtype=torch.long, device=places.device)
    for begin in range(0, len(places), CHUNK):
        some = by_column[:, begin : begin + CHUNK]
        for block in range(0, len(leaves), BLOCK):
            which = slice(block, block + BLOCK)
            inside = torch.ones(len(total[which]), some.shape[1], dtype=torch.bool, device=places.device)
            for depth in range(DEPTH):
                place = some.index_select(0, column[which, depth])
                inside &= (place >= low[which, depth, None]) & (place < high[which, depth, None])
            total[which] += inside.sum(1)
    return total.double() / max(len(places), 1)


def leaf_loss(
    probabilities: Tensor, weights: Tensor, leaves: Leaves, ranking: Ranking, layout: Layout
) -> tuple[Tensor, Leaves]:
    """(loss, leaves with updated running shares) of (B, D) probabilities; `weights` is (B,), what each record counts.

    The gradient is that of sum((Q - T)^2 / (T + eps)) / 2 over leaves with Q averaged over batches, as `table_loss`.
    """
    below = torch.nn.functional.pad(torch.cumsum(probabilities.T.index_select(0, ranking.order), 0), (0, 0, 1, 0))
    loss, running = _LeafLoss.apply(below, weights / weights.sum(), leaves)  # type: ignore[no-untyped-call]
    return loss / layout.columns, replace(leaves, running=running)


class _LeafLoss(torch.autograd.Function):
    """(D + 1, B) chances below each place and (B,) shares of the records to the loss and the running shares.

    The gradient is reckoned on the way there, in blocks of leaves that stay in a processor's cache: half the time of
    what autograd would record. A product's derivative by one factor is the product of those before and those behind.
    """

    @staticmethod
    def forward(context: Any, below: Tensor, share: Tensor, leaves: Leaves) -> tuple[Tensor, Tensor]:  # noqa: ANN401
        gradient, running = torch.zeros_like(below), torch.empty_like(leaves.running)
        loss = below.new_zeros(())
        # an accelerator wants few launches
        size = len(leaves) if below.is_cuda else BLOCK
        for begin in range(0, len(leaves), size):
            which = slice(begin, begin + size)
            low, high = leaves.low[which], leaves.high[which]
            before = [share.expand(len(low), -1)]
            inside = []
            for depth in range(DEPTH):
                inside.append(below.index_select(0, high[:, depth]).sub_(below.index_select(0, low[:, depth])))
                before.append(before[-1] * inside[-1])
            filled = before.pop().sum(1)
            running[which] = 0.9 * leaves.running[which] + 0.1 * filled
            steepness = (running[which] - leaves.real[which]) / (leaves.real[which] + EPSILON)
            loss += steepness @ filled
            behind = steepness[:, None]
            for depth in reversed(range(DEPTH)):
                part = before[depth] * behind
                gradient.index_add_(0, high[:, depth], part)
                gradient.index_add_(0, low[:, depth], part, alpha=-1)
                behind = behind * inside[depth]
        context.save_for_backward(gradient)
        context.mark_non_differentiable(running)
        return loss, running

    @staticmethod
    def backward(context: Any, *upstream: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401
        (gradient,) = context.saved_tensors
        return upstream[0] * gradient, None, None
