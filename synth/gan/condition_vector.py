"""Condition vectors: one flat code that a record is to have, how they are drawn, and training-by-sampling.

Conditions are kept as integers and embedded by the networks; a dense condition vector is never built.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from synth.encode.layout import Layout


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Conditions:
    """A distribution over flat codes: a column drawn uniformly, then a code of it."""

    cumulative: Tensor
    """(D,) float64, ending in 1"""
    weights: Tensor
    """(D,) true over drawn frequency: what a record generated for a code counts in an unbiased average"""

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """(n,) flat codes."""
        share = torch.rand(n, generator=generator, device=self.cumulative.device, dtype=torch.float64)
        return torch.searchsorted(self.cumulative, share, right=True).clamp_max(len(self.cumulative) - 1)


def make_conditions(counts: Tensor, layout: Layout, log_share: float) -> Conditions:
    """Conditions of which `log_share` are drawn by log-frequency and the others by true frequency.

    Log-frequency is training-by-sampling (Xu et al. 2019, section 4.3): rare codes are seen often enough to be learnt.
    Sampling takes a share of 0. A mixture keeps every weight below 1 / (1 - log_share).

    `counts` is (D,) records with each flat code.
    """
    counts = counts.double()
    member = layout.member.double()
    true = counts / (counts @ member)[layout.column].clamp_min(1)
    logs = torch.log1p(counts)
    skewed = logs / (logs @ member)[layout.column].clamp_min(1e-12)
    varied = (layout.widths > 1).double()
    usable = varied if bool(varied.any()) else torch.ones_like(varied)
    drawn = (1 - log_share) * true + log_share * skewed
    cumulative = torch.cumsum(drawn * usable[layout.column] / usable.sum(), 0)
    weights = torch.where(drawn > 0, true / drawn.clamp_min(1e-30), 0.0)
    return Conditions(cumulative=cumulative / cumulative[-1], weights=weights.float())


def count_codes(codes: Tensor, layout: Layout) -> Tensor:
    """(D,) how many of the records of (records, C) codes have each flat code."""
    total = torch.zeros(layout.codes, dtype=torch.long, device=codes.device)
    for column in range(layout.columns):
        start, width = int(layout.starts[column]), int(layout.widths[column])
        total[start : start + width] = torch.bincount(codes[:, column].long(), minlength=width)
    return total


def condition_loss(probabilities: Tensor, condition: Tensor) -> Tensor:
    """Cross-entropy of the conditioned column with its condition (Xu et al. 2019, section 4.3)."""
    hit = probabilities.gather(1, condition[:, None])
    loss: Tensor = -torch.log(hit.clamp_min(1e-12)).mean()
    return loss
