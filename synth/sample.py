"""Draws synthetic records from a trained model, under any conditions on categories and on ranges of quantities."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from synth.artifact import TrainedModel
from synth.condition import Conditions, make_conditions
from synth.encode.ranges import Range
from synth.encode.table_encoder import EncodedTable
from synth.errors import ConditionWarning, SynthError
from synth.given import draw_given, given_of, too_rare
from synth.layout import Layout, draw_codes, softmax_by_column
from synth.leaves import rank_codes
from synth.randomness import Rng
from synth.target import draw_last

BATCH = 8192
"""Records drawn at a time."""
BATCH_CELLS = 20_000_000
"""Records times codes drawn at a time, at most."""
GIVEN_BATCH = 2048
"""Records under conditions drawn at a time."""


def sample(
    model: TrainedModel,
    n: int,
    rng: Rng,
    *,
    conditions: Mapping[str, str | Range] | None = None,
    progress: Callable[[float], None] | None = None,
) -> pd.DataFrame:
    """`n` synthetic records with the schema's columns and dtypes, every one of which meets the conditions.

    A condition is a category of a categorical column, or a `Range` of a numerical or datetime one. `progress` is told
    the fraction done, in [0, 1]. Warns (ConditionWarning) where by what the model knows fewer training records meet the
    conditions than have to back whatever is emitted. Raises SynthError on a negative `n`, and ConditionError where a
    column is unknown or of another kind, or where the model may emit nothing of what is asked.
    """
    if n < 0:
        raise SynthError(f"expected 0 records or more, got {n}")
    layout = model.layout()
    given = given_of(model.encoder, conditions or {})
    random = rng.spawn("records").torch()
    frequencies = make_conditions(model.counts, layout, 0.0)
    ranking = rank_codes(model.encoder.learnt, model.counts.numpy(), "cpu")
    # a target that is given has met the trees already
    last = model.target if model.target and int(model.target.column) not in {g.column for g in given} else None
    batch = max(1, min(GIVEN_BATCH if given else BATCH, BATCH_CELLS // layout.codes))
    codes, residuals, found = [], [], []
    with torch.inference_mode():
        for begin in range(0, n, batch):
            some = min(batch, n - begin)
            if given:
                met = draw_given(model, some, frequencies, given, ranking, layout, random)
                drawn, placed = met.codes, met.residuals
                found.append(met.probability)
            else:
                drawn, placed = _draw(model, some, frequencies, layout, random)
            if last is not None:
                drawn = draw_last(last, drawn, ranking, layout, random)
            codes.append(drawn.numpy().astype(np.int32))
            residuals.append(placed.numpy())
            if progress is not None:
                progress((begin + some) / n)
    if found and too_rare(model, given, float(np.mean(found)), layout):
        warnings.warn(
            f"Fewer than {model.config.least} of the {model.records} training records meet the conditions, by what the"
            " model knows of them: sampled records meet the conditions, but the rest of them is extrapolation.",
            ConditionWarning,
            stacklevel=2,
        )
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
    model: TrainedModel, n: int, frequencies: Conditions, layout: Layout, random: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Codes and residuals; ranks inside a mode piece are uniform."""
    condition = frequencies.draw(n, random)
    noise = torch.randn(n, model.generator.noise, generator=random)
    codes = draw_codes(softmax_by_column(model.generator(noise, condition), layout), layout, random)
    return codes, 2 * torch.rand(n, len(layout.residual_columns), generator=random) - 1
