"""Grows the last critic: on what the finished model makes, beside real records (`synth.chain.last_critic`)."""

from __future__ import annotations

import numpy as np
import torch

from synth.chain.base import fold
from synth.chain.last_critic import MADE, LastCritic, fit_last_critic
from synth.gan.condition_vector import make_conditions
from synth.missing import missing_together
from synth.model import TrainedModel
from synth.proposals import propose_records
from synth.randomness import Rng, some_of
from synth.training.fit_forest import ranks_of_codes
from synth.trees.arrays import Ranks

RECORDS, FEWEST_RECORDS = 20_000, 4_000
"""Real records that the critic is grown on, at most and at least: of fewer it would know who they are."""
JUDGED = 0.9
"""Time that this takes, as a part of that in which weights of trees are found: .9 on adult and default, .6 on magic and
.3 on shoppers."""
BATCH = 4_096
"""Records made at a time."""


def judge_chain(model: TrainedModel, codes: torch.Tensor, rng: Rng) -> LastCritic | None:
    """The critic of what the model makes, by the (records, C) training codes; None where it would be of no use."""
    if len(codes) < FEWEST_RECORDS:
        return None
    rows = some_of(len(codes), RECORDS, rng.spawn("real").numpy)
    real = ranks_of_codes(codes[torch.from_numpy(rows).to(codes.device)].cpu(), model.ranking, model.layout())
    made = made_by(model, MADE * len(real), rng.spawn("made").torch())
    return fit_last_critic(real, made, rng.spawn("trees").numpy)


def made_by(model: TrainedModel, n: int, random: torch.Generator) -> Ranks:
    """(n, C) ranks of records that the model makes, all of them kept."""
    book, generator = model.codebook(), model.proposer()
    frequencies, missing = make_conditions(model.counts, book.layout, 0.0), missing_together(model, book.layout)
    links = model.chain.links(book)[:-1]
    parts = []
    with torch.inference_mode():
        for begin in range(0, n, BATCH):
            some = min(BATCH, n - begin)
            records = propose_records(generator, frequencies, missing, book, some, random)
            parts.append(fold(links, records, random)[0].ranks[:-1].T.numpy().astype(np.float32))
    return np.concatenate(parts)
