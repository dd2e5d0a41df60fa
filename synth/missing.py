"""Columns that are missing together: whether their values are missing is drawn once for all columns of a group.

Given its noise, the generator's columns are independent. Columns that are missing in the same records, as the times of
a flight that was cancelled, would then each miss values of their own. Here the group as a whole gets a chance from the
generator, and one uniform number decides for all of its columns, each at its own rate (a comonotone coupling): the
records that miss one column are among those that miss another one more often, as in the real table.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from synth.encode.base import ColumnEncoder
from synth.encode.layout import Absent, Layout
from synth.errors import ArtifactError
from synth.model import TrainedModel

LEAST_RATE = 1e-9
COUNTED_AT_ONCE = 1 << 18
"""Records at a time; a float32 counts so many without an error."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """Which columns are missing together."""

    groups: tuple[tuple[int, ...], ...]
    """Learnt columns, two at least in each group."""
    rates: Mapping[int, float]
    """The share of training records that miss each of them."""
    codes: Mapping[int, int]
    """The code of each that says so."""

    def without(self, columns: Collection[int]) -> Missing:
        """The groups with none of these columns."""
        return replace(self, groups=tuple(group for group in self.groups if not set(group) & set(columns)))


def absent_with(codes: Tensor, columns: Sequence[ColumnEncoder], least: int) -> Tensor:
    """(C, C) bool, whether the second column is missing wherever the first one is, by (records, C) codes.

    Fewer than `least` records that miss the first have the second, and as many at least miss both.
    """
    found = torch.zeros(len(columns), len(columns), dtype=torch.bool)
    absent = {i: code for i, column in enumerate(columns) if (code := column.missing_code()) is not None}
    if not absent:
        return found
    able, wanted = list(absent), torch.tensor(list(absent.values()), device=codes.device)
    both = torch.zeros(len(able), len(able), dtype=torch.float64)
    for begin in range(0, len(codes), COUNTED_AT_ONCE):
        missing = (codes[begin : begin + COUNTED_AT_ONCE][:, able] == wanted).float()
        both += (missing.T @ missing).double().cpu()
    alone = both.diagonal()[:, None] - both
    found[torch.tensor(able)[:, None], torch.tensor(able)] = (both >= least) & (alone < least)
    return found


def missing_together(model: TrainedModel, layout: Layout) -> Missing:
    """The groups of columns of which one is missing wherever another one is, see `absent_with`."""
    if model.absent is None:
        return Missing(groups=(), rates={}, codes={})
    groups = [{i} for i in range(len(model.encoder.encoders))]
    for i, j in torch.nonzero(model.absent).tolist():
        merged = set.union(*(group for group in groups if group & {i, j}))
        groups = [*(group for group in groups if not group & merged), merged]
    found = sorted(tuple(sorted(group)) for group in groups if len(group) > 1)
    codes = {
        i: code for group in found for i in group if (code := model.encoder.encoders[i].missing_code()) is not None
    }
    if len(codes) < sum(map(len, found)):
        raise ArtifactError("absent: expected columns that have missing values")
    rates = {i: _rate(model.counts, layout, i, code) for i, code in codes.items()}
    return Missing(groups=tuple(found), rates=rates, codes=codes)


def _rate(counts: Tensor, layout: Layout, column: int, code: int) -> float:
    begin, end = int(layout.starts[column]), int(layout.starts[column] + layout.widths[column])
    return max(float(counts[begin + code] / counts[begin:end].sum()), LEAST_RATE)


def absences(missing: Missing, logits: Tensor, layout: Layout, generator: torch.Generator) -> dict[int, Absent]:
    """In which records the value is missing, for each column of a group, by (B, D) logits."""
    found: dict[int, Absent] = {}
    parts = torch.split(logits, [*layout.sizes], 1)
    for columns in missing.groups:
        rates = [missing.rates[column] for column in columns]
        likely = (torch.softmax(parts[i].float(), 1)[:, missing.codes[i], None] for i in columns)
        chance = sum(likely) / sum(rates)
        number = torch.rand(len(logits), 1, generator=generator)
        for column, rate in zip(columns, rates, strict=True):
            found[column] = Absent(code=missing.codes[column], where=number < chance * rate)
    return found
