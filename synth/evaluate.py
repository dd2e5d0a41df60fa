"""How far a generator is from records, in tables of codes: the training curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from synth.condition import make_conditions
from synth.layout import Layout, draw_codes, softmax_by_column
from synth.nets import Generator

PAIRS = 64
"""Pairs of columns that are compared, at most."""
RECORDS = 5_000
"""Records that are drawn for it, at most."""
CELLS = 4_000_000
"""Records times codes, at most."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Yardstick:
    """The records that the training curve is measured on."""

    codes: Tensor
    """(records, C)"""
    pairs: tuple[tuple[int, int], ...]
    """Pairs of columns"""


def make_yardstick(codes: Tensor, rng: np.random.Generator) -> Yardstick:
    """The yardstick of (records, C) codes, with pairs drawn at random where there are too many."""
    columns = codes.shape[1]
    first, second = np.triu_indices(columns, 1)
    chosen = np.sort(rng.permutation(len(first))[:PAIRS])
    return Yardstick(codes=codes, pairs=tuple(zip(first[chosen].tolist(), second[chosen].tolist(), strict=True)))


def distance(
    generator: Generator, yardstick: Yardstick, counts: Tensor, layout: Layout, seed: torch.Generator
) -> tuple[float, float]:
    """Mean total variation distance of one-way and of two-way tables, in [0, 1], between drawn and held records."""
    conditions = make_conditions(counts, layout, 0.0)
    with torch.no_grad():
        records = max(min(RECORDS, CELLS // layout.codes), 100)
        condition = conditions.draw(records, seed)
        noise = torch.randn(records, generator.noise, generator=seed, device=layout.device)
        codes = draw_codes(softmax_by_column(generator(noise, condition)[0], layout), layout, seed)
    widths = layout.widths.tolist()
    one = [_variation(codes[:, i], yardstick.codes[:, i], widths[i]) for i in range(layout.columns)]
    two = [
        _variation(_joint(codes, i, j, widths), _joint(yardstick.codes, i, j, widths), widths[i] * widths[j])
        for i, j in yardstick.pairs
    ]
    return float(np.mean(one)), float(np.mean(two or one))


def _joint(codes: Tensor, i: int, j: int, widths: list[int]) -> Tensor:
    return codes[:, i].long() * widths[j] + codes[:, j].long()


def _variation(a: Tensor, b: Tensor, cells: int) -> float:
    shares = [torch.bincount(x.long(), minlength=cells).double() / len(x) for x in (a, b)]
    return float((shares[0] - shares[1]).abs().sum() / 2)
