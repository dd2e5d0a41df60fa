"""The loss that matches all one- and two-way tables, and three-way slices of them.

Given its noise, the generator's columns are independent. So with P the (B, D) probabilities of a batch, P'P / B is an
unbiased estimate of every two-way table, with less variance than one from drawn codes (Rao-Blackwell).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from synth.layout import Layout, one_hot
from synth.randomness import some_of

EPSILON = 0.002
"""Added to a cell's frequency in the denominator, so that rare cells do not rule the loss."""
WHOLE_CODES = 1_200
"""Up to so many codes all tables are matched in every step; of more, a random part of so many codes at most."""
PART_CODES = 600
PART_RECORDS = 2_048
CHUNK = 8192
"""Records that are one-hot at the same time."""
PAIR_RECORDS = 1_000_000
"""Two-way tables are counted on at most this many records, drawn at random from a larger table."""
SLICE_RECORDS = 50_000
"""Three-way slices are counted on at most this many records."""
SLICE_BYTES = 128 * 2**20
"""Slices that are kept take at most this much memory."""
SLICES = 100
"""And they are at most so many."""


def count_pairs(codes: Tensor, layout: Layout) -> Tensor:
    """(D, D) share of records that have both codes; the share that has one on the diagonal."""
    total = torch.zeros(layout.codes, layout.codes, device=codes.device)
    for begin in range(0, len(codes), CHUNK):
        hot = one_hot(codes[begin : begin + CHUNK], layout)
        total += hot.T @ hot
    return total / max(len(codes), 1)


def part_of(codes: Tensor, most: int, rng: np.random.Generator) -> Tensor:
    """At most so many of the records of (records, C) codes, drawn at random: their order may follow what they say."""
    rows = some_of(len(codes), most, rng)
    return codes if len(rows) == len(codes) else codes[torch.from_numpy(rows).to(codes.device)]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TableTargets:
    """The tables of the training records."""

    pairs: Tensor
    """(D, D)"""
    across: Tensor
    """(D, D) 1 between different columns, 0 inside one: there a table says nothing"""
    slices: Tensor
    """(S, D, D) tables of the records that have one code, as a share of all records"""
    slice_codes: Tensor
    """(S,) that flat code"""

    def start(self) -> Tensor:
        """(D, D) the tables as the running ones begin: at the goal."""
        return self.pairs * self.across + torch.diag(self.pairs.diagonal())


def table_loss(probabilities: Tensor, weights: Tensor, running: Tensor, targets: TableTargets) -> tuple[Tensor, Tensor]:
    """(loss, updated running table): how far the one- and two-way tables of a batch are from the targets.

    The gradient is that of sum((Q - T)^2 / (T + eps)) / 2 with Q averaged over batches, so it is not ruled by the noise
    of one batch. `weights` is (B,), what each record counts.
    """
    share = weights / weights.sum()
    counted = probabilities * share[:, None]
    table = (counted.T @ probabilities) * targets.across + torch.diag(counted.sum(0))
    running = 0.9 * running + 0.1 * table.detach()
    columns = targets.pairs.diagonal().sum().clamp_min(1)
    return ((running - targets.start()) / (targets.pairs + EPSILON) * table).sum() / columns, running


def slice_loss(probabilities: Tensor, weights: Tensor, number: int, targets: TableTargets) -> Tensor:
    """How far the two-way tables of the records with one code are from the target slice `number`.

    The code's own column is left out: the square of a probability is not the frequency of one draw.
    """
    code, wanted = targets.slice_codes[number], targets.slices[number]
    others = targets.across[code]
    share = weights * probabilities[:, code] / weights.sum()
    loss = _by_halves(probabilities, share, wanted, targets.across * others * others[:, None] / (wanted + EPSILON))
    return loss / targets.pairs.diagonal().sum().clamp_min(1)


def part_loss(
    probabilities: Tensor, weights: Tensor, flat: Tensor, picked: Tensor, frequencies: Tensor, layout: Layout
) -> Tensor:
    """How far the tables of the `picked` (K,) flat codes are from those of some real records, (records, C) flat codes.

    For tables with too many codes to hold all pairs. The real tables are those of a batch, and the product of the (D,)
    frequencies stands in the denominator.
    """
    place = torch.full((layout.codes,), len(picked), device=flat.device)
    place[picked] = torch.arange(len(picked), device=flat.device)
    hot = torch.zeros(len(flat), len(picked) + 1, device=flat.device).scatter_(1, place[flat], 1.0)[:, :-1]
    often = frequencies[picked]
    across = layout.column[picked][:, None] != layout.column[picked][None, :]
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


def make_targets(
    codes: Tensor, layout: Layout, target_column: int | None, rng: np.random.Generator, *, with_slices: bool
) -> TableTargets:
    """The tables of (records, C) codes; slices through the target column's codes first, then the most frequent."""
    pairs = count_pairs(part_of(codes, PAIR_RECORDS, rng), layout)
    across = (layout.column[:, None] != layout.column[None, :]).float()
    rank = pairs.diagonal().clone()
    if target_column is not None:
        rank[layout.column == target_column] += 1
    rank[layout.widths[layout.column] == 1] = -1
    most = int(SLICE_BYTES // (4 * layout.codes**2)) if with_slices else 0
    chosen = torch.argsort(rank, descending=True, stable=True)[: min(most, SLICES, int((rank > 0).sum()))]
    sample = part_of(codes, SLICE_RECORDS, rng)
    slices = [_slice(sample, code, layout) for code in chosen]
    empty = torch.zeros(0, layout.codes, layout.codes, device=codes.device)
    return TableTargets(pairs=pairs, across=across, slices=torch.stack(slices) if slices else empty, slice_codes=chosen)


def _slice(codes: Tensor, code: Tensor, layout: Layout) -> Tensor:
    column = layout.column[code]
    mine = codes[codes[:, column] == code - layout.starts[column]]
    return count_pairs(mine, layout) * (len(mine) / len(codes))


def slice_schedule(
    targets: TableTargets | None, layout: Layout, target_column: int | None, steps: int, generator: torch.Generator
) -> Tensor:
    """(steps,) which slice each step matches: half of them through the target column, by frequency.

    Drawn at once from a generator of its own, so that a resumed training sees the same.
    """
    if targets is None or not len(targets.slice_codes):
        return torch.zeros(steps, dtype=torch.long)
    share = targets.pairs.diagonal()[targets.slice_codes].cpu().double()
    share = share / share.sum()
    if target_column is not None:
        mine = (layout.column[targets.slice_codes] == target_column).cpu() * share
        share = 0.5 * share + 0.5 * mine / mine.sum() if float(mine.sum()) > 0 else share
    return torch.multinomial(share, steps, replacement=True, generator=generator)
