"""Draws synthetic records from a trained model, under any conditions on categorical columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from synth.artifact import TrainedModel
from synth.condition import Conditions, make_conditions
from synth.encode.table_encoder import EncodedTable
from synth.errors import SynthError
from synth.layout import Layout, draw_codes, softmax_by_column
from synth.losses import draw_residuals
from synth.randomness import Rng

BATCH = 8192
"""Records drawn at a time."""
BATCH_CELLS = 20_000_000
"""Records times codes drawn at a time, at most."""
POOL = 8
"""Candidates for each record that has to meet conditions."""


def sample(
    model: TrainedModel,
    n: int,
    rng: Rng,
    *,
    conditions: Mapping[str, str] | None = None,
    progress: Callable[[float], None] | None = None,
) -> pd.DataFrame:
    """`n` synthetic records with the schema's columns and dtypes, every one of which meets the conditions.

    `progress` is told the fraction done, in [0, 1]. Raises SynthError on a negative `n`, and ConditionError where a
    column is unknown or not categorical, or where the model may not emit the category.
    """
    if n < 0:
        raise SynthError(f"expected 0 records or more, got {n}")
    layout = model.layout()
    fixed = [model.encoder.condition(name, category) for name, category in (conditions or {}).items()]
    random = rng.spawn("records").torch()
    frequencies = make_conditions(model.counts, layout, 0.0)
    batch = max(1, min(BATCH, BATCH_CELLS // layout.codes))
    codes, residuals = [], []
    with torch.inference_mode():
        for begin in range(0, n, batch):
            some = min(batch, n - begin)
            drawn, placed = _draw(model, some, frequencies, fixed, layout, random)
            codes.append(drawn.numpy().astype(np.int32))
            residuals.append(placed.numpy())
            if progress is not None:
                progress((begin + some) / n)
    return model.encoder.decode(
        EncodedTable(
            codes=np.concatenate(codes) if codes else np.zeros((0, layout.columns), dtype=np.int32),
            residuals=np.concatenate(residuals)
            if residuals
            else np.zeros((0, len(layout.residual_columns)), dtype=np.float32),
        ),
        rng.spawn("decode").numpy,
    )


def _draw(
    model: TrainedModel,
    n: int,
    frequencies: Conditions,
    fixed: Sequence[tuple[int, int]],
    layout: Layout,
    random: torch.Generator,
) -> tuple[Tensor, Tensor]:
    if not fixed:
        condition = frequencies.draw(n, random)
        logits, tilts = _generate(model, condition, random)
        return draw_codes(softmax_by_column(logits, layout), layout, random), draw_residuals(tilts, random)
    return _draw_fixed(model, n, fixed, layout, random)


def _generate(model: TrainedModel, condition: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
    noise = torch.randn(len(condition), model.generator.noise, generator=random)
    out: tuple[Tensor, Tensor] = model.generator(noise, condition)
    return out


def _draw_fixed(
    model: TrainedModel, n: int, fixed: Sequence[tuple[int, int]], layout: Layout, random: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Self-normalised importance sampling over the noise.

    Given noise and condition the columns are independent, so a candidate's weight is the product of the probabilities
    that it gives to the fixed codes; candidates are redrawn by weight, and then the other columns are drawn. Candidates
    come from the conditions on the fixed codes themselves, each counted by its true frequency: for a generator that
    meets its conditions that is frequency times the share of the other fixed codes, which is the same for all of them.
    """
    flat = torch.stack([layout.starts[column] + code for column, code in fixed])
    frequency = model.counts[flat].double().clamp_min(1)
    which = torch.randint(len(flat), (POOL * n,), generator=random)
    logits, tilts = _generate(model, flat[which], random)
    probabilities = softmax_by_column(logits, layout)
    log_weight = torch.log(probabilities[:, flat].double().clamp_min(1e-30)).sum(1) + torch.log(frequency)[which]
    chosen = _systematic(torch.softmax(log_weight, 0), n, random)
    codes = draw_codes(probabilities[chosen], layout, random)
    for column, code in fixed:
        codes[:, column] = code
    return codes, draw_residuals(tilts[chosen], random)


def _systematic(weights: Tensor, n: int, random: torch.Generator) -> Tensor:
    """(n,) candidates, each as often as its share of the weight asks for, up to rounding; in random order."""
    points = (torch.arange(n, dtype=torch.float64) + torch.rand(1, generator=random, dtype=torch.float64)) / n
    cumulative = torch.cumsum(weights, 0)
    chosen = torch.searchsorted(cumulative / cumulative[-1], points).clamp_max(len(weights) - 1)
    return chosen[torch.randperm(n, generator=random)]
