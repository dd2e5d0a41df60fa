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
from synth.randomness import Rng

BATCH = 8192
"""Records drawn at a time."""
BATCH_CELLS = 20_000_000
"""Records times codes drawn at a time, at most."""
FIXED_BATCH = 2048
"""Records under conditions drawn at a time."""
POOL_HITS, POOL_LEAST, POOL_MOST = 4, 8, 64
"""Candidates for each record that has to meet conditions: enough for so many to meet them, within these bounds."""
POOL_BATCH = 8192
"""Candidates generated at a time."""


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
    batch = max(1, min(FIXED_BATCH if fixed else BATCH, BATCH_CELLS // layout.codes))
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
        codes = draw_codes(softmax_by_column(_generate(model, condition, random), layout), layout, random)
        return codes, _residuals(n, layout, random)
    return _draw_fixed(model, n, frequencies, fixed, layout, random)


def _generate(model: TrainedModel, condition: Tensor, random: torch.Generator) -> Tensor:
    noise = torch.randn(len(condition), model.generator.noise, generator=random)
    logits: Tensor = model.generator(noise, condition)
    return logits


def _residuals(n: int, layout: Layout, random: torch.Generator) -> Tensor:
    """(n, R) in [-1, 1]: uniform, which is what ranks inside a mode piece are."""
    return 2 * torch.rand(n, len(layout.residual_columns), generator=random) - 1


def _draw_fixed(
    model: TrainedModel,
    n: int,
    frequencies: Conditions,
    fixed: Sequence[tuple[int, int]],
    layout: Layout,
    random: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Self-normalised importance sampling over noise and condition.

    Given both the columns are independent, so a candidate's weight is the product of the probabilities that it gives to
    the fixed codes; candidates are redrawn by weight, and then the other columns are drawn. Half of the candidates are
    generated under the fixed codes as conditions, where such records are frequent; as the generator's columns agree
    with the table only over all conditions together, weights undo that choice.
    """
    flat = torch.stack([layout.starts[column] + code for column, code in fixed])
    share = torch.diff(frequencies.cumulative, prepend=torch.zeros(1, dtype=torch.float64))
    drawn_share = 0.5 * share
    drawn_share[flat] += 0.5 / len(flat)
    held = model.counts[flat].double() / model.counts[: int(layout.widths[0])].sum()
    pool = int(torch.clamp(POOL_HITS / held.prod().clamp_min(1e-9), POOL_LEAST, POOL_MOST)) * n
    candidates = max(1, min(POOL_BATCH, BATCH_CELLS // layout.codes))
    noises, conditions, weights = [], [], []
    for begin in range(0, pool, candidates):
        some = min(candidates, pool - begin)
        own = flat[torch.randint(len(flat), (some,), generator=random)]
        condition = torch.where(torch.rand(some, generator=random) < 0.5, frequencies.draw(some, random), own)
        noise = torch.randn(some, model.generator.noise, generator=random)
        met = softmax_by_column(model.generator(noise, condition), layout)[:, flat].double()
        counted = (share / drawn_share.clamp_min(1e-300))[condition]
        weights.append(torch.log(met.clamp_min(1e-30)).sum(1) + torch.log(counted.clamp_min(1e-30)))
        noises.append(noise)
        conditions.append(condition)
    chosen = _systematic(torch.softmax(torch.cat(weights), 0), n, random)
    logits = model.generator(torch.cat(noises)[chosen], torch.cat(conditions)[chosen])
    codes = draw_codes(softmax_by_column(logits, layout), layout, random)
    for column, code in fixed:
        codes[:, column] = code
    return codes, _residuals(n, layout, random)


def _systematic(weights: Tensor, n: int, random: torch.Generator) -> Tensor:
    """(n,) candidates, each as often as its share of the weight asks for, up to rounding; in random order."""
    points = (torch.arange(n, dtype=torch.float64) + torch.rand(1, generator=random, dtype=torch.float64)) / n
    cumulative = torch.cumsum(weights, 0)
    chosen = torch.searchsorted(cumulative / cumulative[-1], points).clamp_max(len(weights) - 1)
    return chosen[torch.randperm(n, generator=random)]
