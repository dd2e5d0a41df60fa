"""Training-by-sampling: records that meet conditions, drawn without a loop (Xu et al. 2019, section 4.3)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from synth.encode.layout import Layout, one_hot
from synth.gan.step import Material


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RowSampler:
    """The training records, and which of them have each code; all of it on the training device."""

    codes: Tensor
    """(N, C)"""
    residuals: Tensor
    """(N, R)"""
    order: Tensor
    """(C * N,) int32 places of records, ordered by the codes of one column after another"""
    begin: Tensor
    """(D,) where in it the records with a flat code begin"""
    count: Tensor
    """(D,) how many there are"""

    def places(self, condition: Tensor, random: torch.Generator) -> Tensor:
        """(B,) places of records, each drawn uniformly among those that have the (B,) flat code."""
        share = torch.rand(len(condition), generator=random, device=condition.device, dtype=torch.float64)
        count = self.count[condition]
        inside = torch.minimum((share * count).long(), count - 1)
        return self.order[self.begin[condition] + inside].long()

    def draw(self, condition: Tensor, layout: Layout, random: torch.Generator) -> Tensor:
        """(B, D + R) such records as a critic sees them: their codes one-hot, beside their residuals."""
        places = self.places(condition, random)
        return torch.cat([one_hot(self.codes[places], layout), self.residuals[places]], 1)


def make_row_sampler(material: Material) -> RowSampler:
    """The sampler of the training records."""
    codes, counts = material.codes, material.counts
    order = torch.cat([torch.argsort(column, stable=True).int() for column in codes.T])
    # each column's part holds every record once, so that codes begin where those before them end
    return RowSampler(
        codes=codes,
        residuals=material.residuals.to(codes.device),
        order=order,
        begin=torch.cumsum(counts, 0) - counts,
        count=counts,
    )
