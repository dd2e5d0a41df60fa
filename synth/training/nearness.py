"""Finds, by records of the finished model, how near numbers have to be to become the same (`Snap`)."""

from __future__ import annotations

from dataclasses import replace

import torch

from synth.encode.rules.steps import Snap
from synth.encode.table_encoder import EncodedTable, TableEncoder
from synth.gan.condition_vector import make_conditions
from synth.missing import missing_together
from synth.model import TrainedModel
from synth.proposals import Free
from synth.randomness import Rng

RECORDS = 10_000
"""Generated records on which distances are found."""
BATCH = 2_048
"""Records generated at a time."""
FOUND = 0.1
"""Time that this takes, as a share of the time for the weights of trees: .09 on the table default."""


def has_near(encoder: TableEncoder) -> bool:
    """Whether columns are often the same as others."""
    return any(isinstance(step, Snap) for step in encoder.rules.steps)


def with_distances(model: TrainedModel, rng: Rng) -> TrainedModel:
    """The model whose columns are the same as often as in the table."""
    if not has_near(model.encoder):
        return model
    encoded = generated(model, RECORDS, rng.spawn("records").torch())
    return replace(model, encoder=model.encoder.with_distances(encoded, rng.spawn("decode").numpy))


def generated(model: TrainedModel, n: int, random: torch.Generator) -> EncodedTable:
    """At least `n` records of the model, in whole batches, under no conditions. Their order is not random."""
    book = model.codebook()
    free = Free(
        generator=model.proposer(),
        frequencies=make_conditions(model.counts, book.layout, 0.0),
        missing=missing_together(model, book.layout),
        links=model.chain.links(book),
        critic=model.chain.critic,
        book=book,
    )
    with torch.inference_mode():
        parts = [free.draw(BATCH, random) for _ in range(-(-n // BATCH))]
    return EncodedTable(
        codes=torch.cat([codes for codes, _, _ in parts]).numpy(),
        residuals=torch.cat([residuals for _, residuals, _ in parts]).numpy(),
    )
