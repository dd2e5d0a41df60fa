"""How likely a trained model finds given records: what somebody who holds the model can ask it about a person."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from synth.chain.base import Conditional, Records
from synth.chain.forest_column import forest_columns
from synth.encode.layout import Layout, one_hot, softmax_by_column
from synth.errors import TableError
from synth.gan.condition_vector import make_conditions
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.table.frame import validate

NOISES = 4_096
"""Draws of noise and condition over which the generator's likelihood is averaged."""
BATCH = 512
LEAST = 1e-6
"""A value that the model never draws counts as this likely."""

Scores = NDArray[np.float64]


def record_scores(model: TrainedModel, table: pd.DataFrame, rng: Rng) -> Mapping[str, Scores]:
    """Log-likelihoods of the records of `table`, by the part of the model that gives them: float64, one per record.

    `generator`: log of the mean over noise z and conditions of the product over columns of p(value | z), before any
    column is redrawn. Given z the columns are independent, so this is the generator's own likelihood up to the error of
    NOISES draws (Wu et al. 2017, arXiv 1611.04273, estimate it for generators in the same way). `conditionals`: the sum
    over redrawn columns of log p(value | all other columns), a pseudo-likelihood (Besag 1975); 0 where the model
    redraws none. Both look at codes, that is at numbers to within a piece of a mode, and leave the trees of the target
    column, functional dependencies and residuals out. Two tables are only comparable with the same `rng`.
    Raises TableError where the table does not fit the model's schema, and where the model is of people with several
    records: it knows no likelihood of a record by itself.
    """
    if model.sequences is not None:
        raise TableError("expected a model of records that are each of another person, got one of people's sequences")
    table = validate(table, model.schema)
    codes = torch.from_numpy(model.encoder.encode(table, rng.spawn("encode")).codes.astype(np.int64))
    layout = model.layout()
    with torch.inference_mode():
        drawn = _log_probabilities(model, layout, rng.spawn("noise").torch())
        blocks = [codes[begin : begin + BATCH] for begin in range(0, len(codes), BATCH)]
        by_generator = [_averaged(one_hot(block, layout) @ drawn.T) for block in blocks]
        book = model.codebook()
        links = forest_columns(model.chain.forest, book)
        by_conditionals = [_pseudo(links, Records.of(block, book)) for block in blocks]
    return {"generator": _joined(by_generator), "conditionals": _joined(by_conditionals)}


def _joined(parts: list[Tensor]) -> Scores:
    if not parts:
        return np.empty(0)
    scores: Scores = torch.cat(parts).double().numpy()
    return scores


def _log_probabilities(model: TrainedModel, layout: Layout, random: torch.Generator) -> Tensor:
    """(NOISES, D) log-probabilities of the codes."""
    generator = model.proposer()
    conditions = make_conditions(model.counts, layout, 0.0)
    noise = torch.randn(NOISES, generator.noise, generator=random)
    probabilities = softmax_by_column(generator.logits(noise, conditions.draw(NOISES, random)), layout)
    return probabilities.clamp_min(LEAST).log()


def _averaged(logs: Tensor) -> Tensor:
    """(B,) the logarithm of the mean of (B, NOISES) likelihoods."""
    return torch.logsumexp(logs, 1) - float(np.log(logs.shape[1]))


def _pseudo(links: Sequence[Conditional], records: Records) -> Tensor:
    """(B,) the sum over links of the log-likelihood of each record's own value given its others."""
    total = torch.zeros(records.count, dtype=torch.float64)
    for link in links:
        total += link.log_prob(records).clamp_min(math.log(LEAST))
    return total
