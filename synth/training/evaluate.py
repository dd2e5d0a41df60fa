"""How far a generator is from records that it was not trained on: the training curve, and what it warns of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from synth.encode.layout import Layout
from synth.gan.net import Generator
from synth.gan.step import Material, draw

PAIRS = 64
"""Pairs of columns that are compared, at most."""
RECORDS = 5_000
"""Records that are drawn for it, at most."""
CELLS = 4_000_000
"""Records times codes, at most."""
MOST_CELLS = 1_000_000
"""Cells of a table that are counted one by one."""
NEAREST_RECORDS = 1_000
"""Records whose distances are compared, at most."""
FEWEST_NEAREST = 200
"""With fewer records held out, nearness says nothing."""
COLLAPSED = 0.9
"""A column whose generated entropy is a smaller share of the real one has collapsed (research on CTGAN failures)."""
SURE = 4.0
"""Standard errors by which generated records must lie nearer to training records: there are many looks."""
NOTABLE = 0.02
"""And by how much at least."""
SHUFFLES = 20
"""Random exchanges of training and held-out records from which chance is measured."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Yardstick:
    """The records that the training curve is measured on."""

    codes: Tensor
    """(records, C)"""
    held_out: bool
    """Whether the generator has never seen them"""
    pairs: tuple[tuple[int, int], ...]
    """Pairs of columns"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """What one look at the generator showed."""

    one_way: float
    """Mean total variation distance of one-way tables, in [0, 1]"""
    two_way: float
    """The same of two-way tables"""
    nearer_train: float | None
    """Share of generated records that lie nearer to training records than to as many held out; None without those"""
    collapsed: tuple[int, ...]
    """Learnt columns that show far less variety than the real ones"""
    memorised: bool
    """Whether `nearer_train` lies above one half by more than chance"""


def make_yardstick(codes: Tensor, rng: np.random.Generator, *, held_out: bool) -> Yardstick:
    """The yardstick of (records, C) codes, with pairs drawn at random where there are too many."""
    columns = codes.shape[1]
    first, second = np.triu_indices(columns, 1)
    chosen = np.sort(rng.permutation(len(first))[:PAIRS])
    pairs = tuple(zip(first[chosen].tolist(), second[chosen].tolist(), strict=True))
    return Yardstick(codes=codes, held_out=held_out, pairs=pairs)


def judge(generator: Generator, yardstick: Yardstick, material: Material, random: torch.Generator) -> Judgement:
    """The judgement of a settled generator."""
    layout = material.layout
    records = max(min(RECORDS, CELLS // layout.codes), 100)
    made = draw(generator, records, material, random)
    one, two = distance(made, yardstick, layout)
    share, error = nearer_train(made, yardstick, material, random)
    return Judgement(
        one_way=one,
        two_way=two,
        nearer_train=share,
        collapsed=collapsed(made, material.counts, layout),
        memorised=share is not None and share - 0.5 > max(SURE * error, NOTABLE),
    )


def distance(made: Tensor, yardstick: Yardstick, layout: Layout) -> tuple[float, float]:
    """Mean total variation distance of one-way and of two-way tables, in [0, 1], between made and real codes."""
    widths = layout.widths.tolist()
    real = yardstick.codes
    one = [_variation(made[:, i], real[:, i], widths[i]) for i in range(layout.columns)]
    two = [
        _variation(_joint(made, i, j, widths), _joint(real, i, j, widths), widths[i] * widths[j])
        for i, j in yardstick.pairs
    ]
    return float(np.mean(one)), float(np.mean(two or one))


def nearer_train(
    made: Tensor, yardstick: Yardstick, material: Material, random: torch.Generator
) -> tuple[float | None, float]:
    """(share of made records nearer to training records than to as many held-out ones, its standard error by chance).

    Distance: ranks within columns, each column scaled to [0, 1], summed over columns. Were nothing learnt by heart, the
    two kinds of records could be exchanged: the error is the spread of the share over random exchanges.
    """
    n = min(len(yardstick.codes), len(material.codes), NEAREST_RECORDS)
    if not yardstick.held_out or n < FEWEST_NEAREST:
        return None, 0.0
    starts, scale = material.layout.starts, (material.layout.widths - 1).clamp_min(1)

    def spread(codes: Tensor) -> Tensor:
        return (material.ranking.place[codes.long() + starts] - starts) / scale

    pick = torch.randperm(len(material.codes), generator=random, device=made.device)[:n]
    others = torch.cat([spread(material.codes[pick]), spread(yardstick.codes[:n])])
    far = torch.cdist(spread(made[:NEAREST_RECORDS]), others, p=1)
    share = _share_nearer(far, torch.arange(2 * n, device=made.device) < n)
    chance = [
        _share_nearer(far, torch.randperm(2 * n, generator=random, device=made.device) < n) for _ in range(SHUFFLES)
    ]
    return share, float(np.std(chance))


def _share_nearer(far: Tensor, first: Tensor) -> float:
    """The share of rows whose smallest distance is to the `first` of the columns; ties count half."""
    one = torch.where(first, far, torch.inf).amin(1)
    other = torch.where(first, torch.inf, far).amin(1)
    return float(((one < other).double() + 0.5 * (one == other).double()).mean())


def collapsed(made: Tensor, counts: Tensor, layout: Layout) -> tuple[int, ...]:
    """The encoded columns whose entropy among made records is below COLLAPSED times the training table's."""
    found = []
    for column, (start, width) in enumerate(zip(layout.starts.tolist(), layout.widths.tolist(), strict=True)):
        real = _entropy(counts[start : start + width].double())
        own = _entropy(torch.bincount(made[:, column].long(), minlength=width).double())
        # a column that is all but constant has an entropy that a few records decide
        if real > 0.1 and own < COLLAPSED * real:
            found.append(column)
    return tuple(found)


def _entropy(counts: Tensor) -> float:
    share = counts / counts.sum().clamp_min(1)
    return float(-(share * torch.log(share.clamp_min(1e-12))).sum())


def _joint(codes: Tensor, i: int, j: int, widths: list[int]) -> Tensor:
    return codes[:, i].long() * widths[j] + codes[:, j].long()


def _variation(a: Tensor, b: Tensor, cells: int) -> float:
    if cells > MOST_CELLS:
        # of so many hardly any is filled: those that are get numbers
        _, both = torch.unique(torch.cat([a, b]), return_inverse=True)
        a, b, cells = both[: len(a)], both[len(a) :], len(both)
    shares = [torch.bincount(x.long(), minlength=cells).double() / len(x) for x in (a, b)]
    return float((shares[0] - shares[1]).abs().sum() / 2)
