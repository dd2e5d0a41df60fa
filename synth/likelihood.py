"""How likely a trained model finds given records: what somebody who holds the model can ask it about a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from synth.chain.forest import Redraw, entries_of
from synth.encode.layout import Layout, one_hot, softmax_by_column
from synth.gan.condition_vector import make_conditions
from synth.gan.inference_net import freeze
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.table.frame import validate

NOISES = 4_096
"""Draws of noise and condition over which the generator's likelihood is averaged."""
TREES = 4
"""Draws of a tree over which a conditional probability is averaged."""
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
    Raises TableError where the table does not fit the model's schema.
    """
    table = validate(table, model.schema)
    codes = torch.from_numpy(model.encoder.encode(table, rng.spawn("encode")).codes.astype(np.int64))
    layout = model.layout()
    with torch.inference_mode():
        drawn = _log_probabilities(model, layout, rng.spawn("noise").torch())
        random = rng.spawn("trees").torch()
        blocks = [codes[begin : begin + BATCH] for begin in range(0, len(codes), BATCH)]
        by_generator = [_averaged(one_hot(block, layout) @ drawn.T) for block in blocks]
        leaves = _leaf_shares(model.redraw, int(layout.widths.max()))
        by_conditionals = [_pseudo(model, block, layout, leaves, random) for block in blocks]
    return {"generator": _joined(by_generator), "conditionals": _joined(by_conditionals)}


def _joined(parts: list[Tensor]) -> Scores:
    if not parts:
        return np.empty(0)
    scores: Scores = torch.cat(parts).double().numpy()
    return scores


def _log_probabilities(model: TrainedModel, layout: Layout, random: torch.Generator) -> Tensor:
    """(NOISES, D) log-probabilities of the codes."""
    generator = freeze(model.generator)
    conditions = make_conditions(model.counts, layout, 0.0)
    noise = torch.randn(NOISES, generator.noise, generator=random)
    probabilities = softmax_by_column(generator.logits(noise, conditions.draw(NOISES, random)), layout)
    return probabilities.clamp_min(LEAST).log()


def _averaged(logs: Tensor) -> Tensor:
    """(B,) the logarithm of the mean of (B, NOISES) likelihoods."""
    return torch.logsumexp(logs, 1) - float(np.log(logs.shape[1]))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _LeafShares:
    """What share of a leaf's records has a rank, for the ranks that occur in it."""

    width: int
    key: Tensor
    """(E,) ascending: leaf x width + rank"""
    share: Tensor
    """(E,) float64"""

    def of(self, leaf: Tensor, rank: Tensor) -> Tensor:
        """(B,) the shares of (B,) ranks in (B,) leaves."""
        wanted = leaf * self.width + rank
        place = torch.searchsorted(self.key, wanted).clamp_max(len(self.key) - 1)
        return torch.where(self.key[place] == wanted, self.share[place], 0.0)


def _leaf_shares(redraw: Redraw, width: int) -> _LeafShares:
    node, share = entries_of(redraw)
    key, order = torch.sort(node * width + redraw.rank)
    return _LeafShares(width=width, key=key, share=share[order])


def _pseudo(model: TrainedModel, codes: Tensor, layout: Layout, leaves: _LeafShares, random: torch.Generator) -> Tensor:
    """(B,) the sum over redrawn columns of the log-probability of each record's own value given its others."""
    redraw = model.redraw
    total = torch.zeros(len(codes), dtype=torch.float64)
    if not len(redraw):
        return total
    records = redraw.begin(codes, model.ranking, layout)
    for turn in redraw.turns(layout):
        own, group = records.ranks[turn.column].clone(), records.groups[:, turn.column].clone()
        first = redraw.group[layout.starts[turn.column]]
        chance = torch.zeros(len(codes), dtype=torch.float64)
        for _ in range(TREES):
            leaf = redraw.reach(turn, records, random)
            at, chosen = leaf - turn.inside.begin, (group - first)[:, None]
            of_group = turn.inside.shares(at, records.groups).gather(1, chosen)[:, 0].double()
            in_leaf = turn.inside.share[at].gather(1, chosen)[:, 0].double()
            of_rank = leaves.of(leaf, own)
            chance += torch.where(in_leaf > 0, of_group * of_rank / in_leaf.clamp_min(LEAST), 0.0) / TREES
        records.groups[:, turn.column] = group
        total += chance.clamp_min(LEAST).log()
    return total
