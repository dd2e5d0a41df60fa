"""How flat codes lie side by side in the generator's output, and operations on all columns at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from synth.randomness import some_of

FAINT = 1e-25
"""Sums of exponentials below this are taken anew, each record's by its own largest."""
MANY_COLUMNS = 100
"""Over more columns than this codes are summed one by one: the time of products grows with codes times columns."""
WIDE = 1_000
"""Sums over more codes than this are taken in float64."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Layout:
    """The codes of all encoded columns numbered through; D codes in C columns."""

    starts: Tensor
    """(C,) the first flat code of each column"""
    widths: Tensor
    """(C,)"""
    column: Tensor
    """(D,) the column of each flat code"""
    member: Tensor
    """(D, C) 1 where a flat code belongs to a column: sums over a column are products with it"""
    residual_columns: Tensor
    """(R,) the columns that have a residual"""
    sizes: tuple[int, ...]
    """`widths` on the host"""

    @property
    def codes(self) -> int:
        """D."""
        return len(self.column)

    @property
    def columns(self) -> int:
        """C."""
        return len(self.widths)

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""
        return self.column.device


def make_layout(widths: Sequence[int], residual_columns: Sequence[int], device: str) -> Layout:
    """The layout of columns with these numbers of codes."""
    width = torch.tensor(widths, device=device)
    column = torch.repeat_interleave(torch.arange(len(widths), device=device), width)
    return Layout(
        starts=torch.cumsum(width, 0) - width,
        widths=width,
        column=column,
        member=torch.nn.functional.one_hot(column, len(widths)).float(),
        residual_columns=torch.tensor(residual_columns, dtype=torch.long, device=device),
        sizes=tuple(widths),
    )


def column_max(values: Tensor, layout: Layout) -> Tensor:
    """(B, C) the largest of each column's values, from (B, D). Carries no gradient."""
    values = values.detach()
    lowest = torch.full((len(values), layout.columns), -torch.inf, dtype=values.dtype, device=values.device)
    return lowest.scatter_reduce_(1, layout.column.expand(len(values), -1), values, "amax")


def softmax_by_column(logits: Tensor, layout: Layout) -> Tensor:
    """(B, D) probabilities that sum to 1 over each column."""
    largest = column_max(logits, layout)
    shifted = torch.exp(logits - largest[:, layout.column])
    if layout.columns > MANY_COLUMNS:
        total = shifted.new_zeros(len(shifted), layout.columns).index_add(1, layout.column, shifted)
        return shifted / total.index_select(1, layout.column)
    total = shifted @ layout.member
    return shifted / (total @ layout.member.T)


def one_hot(codes: Tensor, layout: Layout) -> Tensor:
    """(B, D) 1 at each record's codes, from (B, C) codes within their columns."""
    flat = codes.long() + layout.starts
    return torch.zeros(len(codes), layout.codes, device=codes.device).scatter_(1, flat, 1.0)


def draw_codes(probabilities: Tensor, layout: Layout, generator: torch.Generator) -> Tensor:
    """(B, C) codes within their columns, drawn from (B, D) probabilities; one search for all columns of a record."""
    cumulative = torch.cumsum(probabilities.double(), 1)
    before = torch.nn.functional.pad(cumulative, (1, 0))[:, layout.starts]
    last = cumulative[:, layout.starts + layout.widths - 1]
    share = torch.rand(before.shape, generator=generator, device=layout.device, dtype=torch.float64)
    flat = torch.searchsorted(cumulative, before + share * (last - before), right=True)
    return torch.minimum((flat - layout.starts).clamp_min(0), layout.widths - 1)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Absent:
    """Which records miss a column, and the code that says so."""

    code: int
    where: Tensor
    """(B, 1) bool"""


def draw_from_logits(
    logits: Tensor, layout: Layout, generator: torch.Generator, absent: Mapping[int, Absent] | None = None
) -> Tensor:
    """(B, C) codes within their columns, as `draw_codes` of the softmax would draw them, without working that out.

    Each column has sums of its own: in float32 those over all codes would blur the rare ones. `absent` tells of some
    columns in which records they are missing, and in no others.
    """
    share = torch.rand(layout.columns, len(logits), 1, generator=generator, device=layout.device)
    parts, absent = torch.split(logits, [*layout.sizes], 1), absent or {}
    return torch.stack([_draw_column(part, share[i], absent.get(i)) for i, part in enumerate(parts)], 1)


def _draw_column(logits: Tensor, share: Tensor, absent: Absent | None = None) -> Tensor:
    """(B,) codes, from (B, width) logits and (B, 1) uniform numbers; see `draw_from_logits`."""
    if absent is not None:
        others = logits.clone()
        others[:, absent.code] = -torch.inf
        drawn = _draw_column(others, share)
        # a share of nearly 1 may come to the last code, also where that is the one left out
        drawn = torch.where(drawn == absent.code, others.argmax(1), drawn)
        return torch.where(absent.where[:, 0], absent.code, drawn)
    kind = torch.float64 if logits.shape[1] > WIDE else torch.float32
    cumulative = torch.cumsum(torch.exp(logits - logits.max()), 1, dtype=kind)
    if bool((cumulative[:, -1] < FAINT).any()):
        # one record's largest lies so far below another's that its exponentials vanish
        cumulative = torch.cumsum(torch.exp(logits - logits.amax(1, keepdim=True)), 1, dtype=kind)
    return (cumulative <= share * cumulative[:, -1:]).sum(1).clamp_max(logits.shape[1] - 1)


def part_of(codes: Tensor, most: int, rng: np.random.Generator) -> Tensor:
    """At most so many of the records of (records, C) codes, drawn at random: their order may follow what they say."""
    rows = some_of(len(codes), most, rng)
    return codes if len(rows) == len(codes) else codes[torch.from_numpy(rows).to(codes.device)]
