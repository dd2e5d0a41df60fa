"""The loss that matches all one- and two-way tables.

Given its noise, the generator's columns are independent. So with P the (B, D) probabilities of a batch, P'P / B is an
unbiased estimate of every two-way table, with less variance than one from drawn codes (Rao-Blackwell).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from synth.encode.layout import Layout, make_layout, one_hot, part_of
from synth.gan.shrinkage import without_chance

EPSILON = 0.002
"""Added to a cell's frequency in the denominator, so that rare cells do not rule the loss."""
WHOLE_CODES = 1_200
"""All tables of so many codes are matched in every step, those of columns of few codes first."""
PART_CODES = 600
"""Of other columns' tables a random part is matched in a step, of so many codes at most."""
PART_RECORDS = 2_048
CHUNK = 8192
"""Records that are one-hot at the same time."""
PAIR_RECORDS = 1_000_000
"""Two-way tables are counted on at most this many records, drawn at random from a larger table."""


def count_pairs(codes: Tensor, layout: Layout) -> Tensor:
    """(D, D) share of records that have both codes; the share that has one on the diagonal."""
    total = torch.zeros(layout.codes, layout.codes, device=codes.device)
    for begin in range(0, len(codes), CHUNK):
        hot = one_hot(codes[begin : begin + CHUNK], layout)
        total += hot.T @ hot
    return total / max(len(codes), 1)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TableTargets:
    """The tables of the training records, of the columns whose tables are matched in every step; D codes of them."""

    flat: Tensor | None
    """(D,) these flat codes; None where they are all there are"""
    codes: int
    """How many there are"""
    pairs: Tensor
    """(D, D) as they are to be matched"""
    counted: Tensor
    """(D, D) as they are, with what is chance in them"""
    across: Tensor
    """(D, D) 1 between different columns, 0 inside one: there a table says nothing"""

    def open_codes(self) -> Tensor:
        """(all codes,) bool, those of the other columns."""
        others = torch.full((self.codes,), self.flat is not None, device=self.pairs.device)
        return others if self.flat is None else others.index_fill_(0, self.flat, False)

    def of(self, probabilities: Tensor) -> Tensor:
        """(B, D) those of (B, all codes) probabilities that the tables are about."""
        return probabilities if self.flat is None else probabilities.index_select(1, self.flat)

    def start(self) -> Tensor:
        """(D, D) the tables as the running ones begin: at the goal."""
        return self.pairs * self.across + torch.diag(self.pairs.diagonal())


def table_loss(probabilities: Tensor, weights: Tensor, running: Tensor, targets: TableTargets) -> tuple[Tensor, Tensor]:
    """(loss, updated running table): how far the one- and two-way tables of (B, D) probabilities are from the targets.

    The gradient is that of sum((Q - T)^2 / (T + eps)) / 2 with Q averaged over batches, so it is not ruled by the noise
    of one batch. `weights` is (B,), what each record counts.
    """
    share = weights / weights.sum()
    counted = probabilities * share[:, None]
    table = (counted.T @ probabilities) * targets.across + torch.diag(counted.sum(0))
    running = 0.9 * running + 0.1 * table.detach()
    columns = targets.pairs.diagonal().sum().clamp_min(1)
    return ((running - targets.start()) / (targets.pairs + EPSILON) * table).sum() / columns, running


def part_loss(
    probabilities: Tensor,
    weights: Tensor,
    flat: Tensor,
    picked: Tensor,
    frequencies: Tensor,
    wide: Tensor,
    layout: Layout,
) -> Tensor:
    """How far the tables of the `picked` (K,) flat codes are from those of some real records, (records, C) flat codes.

    For tables with too many codes to hold all pairs: those count of which one code at least is `wide` (all codes,). The
    real tables are those of a batch, and the product of the (all codes,) frequencies stands in the denominator.
    """
    place = torch.full((layout.codes,), len(picked), device=flat.device)
    place[picked] = torch.arange(len(picked), device=flat.device)
    hot = torch.zeros(len(flat), len(picked) + 1, device=flat.device).scatter_(1, place[flat], 1.0)[:, :-1]
    often = frequencies[picked]
    column, open_ = layout.column[picked], wide[picked]
    across = (column[:, None] != column[None, :]) & (open_[:, None] | open_[None, :])
    scale = across / (often[:, None] * often[None, :] + EPSILON)
    loss = _by_halves(probabilities[:, picked], weights / weights.sum(), hot.T @ hot / len(flat), scale)
    return loss / often.sum().clamp_min(1)


def _by_halves(probabilities: Tensor, share: Tensor, wanted: Tensor, scale: Tensor) -> Tensor:
    """One half of the batch measures the difference and the other carries the gradient, so that is unbiased."""
    half = len(share) // 2
    first = 2 * (probabilities[:half] * share[:half, None]).T @ probabilities[:half]
    second = 2 * (probabilities[half:] * share[half:, None]).T @ probabilities[half:]
    forward = ((first.detach() - wanted) * scale * second).sum()
    backward = ((second.detach() - wanted) * scale * first).sum()
    return (forward + backward) / 2


def wide_columns(layout: Layout, target_column: int | None) -> Tensor:
    """(C,) whether a column has too many codes for its tables to be matched in every step.

    A target that fits never is; the others are from where they no longer fit beside it, those of fewest codes first.
    """
    key = layout.widths.clone()
    if target_column is not None and layout.sizes[target_column] <= WHOLE_CODES:
        key[target_column] = 0
    order = torch.argsort(key, stable=True)
    wide = torch.zeros(layout.columns, dtype=torch.bool, device=layout.device)
    wide[order] = torch.cumsum(layout.widths[order], 0) > WHOLE_CODES
    return wide


def make_targets(
    codes: Tensor,
    layout: Layout,
    target_column: int | None,
    rng: np.random.Generator,
    *,
    order: Tensor | None,
) -> TableTargets:
    """The tables of (records, C) codes, of the columns that are not wide.

    With an `order` of the flat codes (see `synth.gan.shrinkage`) what is
    chance in them is not to be matched.
    """
    counted = part_of(codes, PAIR_RECORDS, rng)
    wide, flat, whole = wide_columns(layout, target_column), None, layout.codes
    if bool(wide.all()):
        return _no_targets(layout)
    if bool(wide.any()):
        narrow = torch.nonzero(~wide)[:, 0]
        flat = torch.nonzero(~wide[layout.column])[:, 0]
        counted = counted[:, narrow]
        if order is not None:
            order = torch.argsort(torch.argsort(order)[flat])
        layout = make_layout(layout.widths[narrow].tolist(), [], str(layout.device))
    pairs = count_pairs(counted, layout)
    wanted = pairs if order is None else without_chance(pairs, len(counted), order, layout, EPSILON)
    across = (layout.column[:, None] != layout.column[None, :]).float()
    return TableTargets(flat=flat, codes=whole, pairs=wanted, counted=pairs, across=across)


def _no_targets(layout: Layout) -> TableTargets:
    none, table = (torch.zeros(*shape, device=layout.device) for shape in ((0,), (0, 0)))
    return TableTargets(flat=none.long(), codes=layout.codes, pairs=table, counted=table, across=table)
