"""Measures how far the synthetic table looks like the real one."""

from __future__ import annotations

from app.stage_context import StageContext
from app.stages.tables import read_tables
from synth.fidelity.assess import assess
from synth.randomness import Rng


def run(context: StageContext) -> None:
    """Publish the fidelity of the synthetic table, with the holdout's beside it as the floor."""
    tables = read_tables(context)
    fidelity = assess(
        tables.train,
        tables.holdout,
        tables.synthetic,
        tables.schema,
        Rng(context.options.seed).spawn("assess").numpy,
        progress=context.teller("measuring fidelity"),
    )
    context.publish_json("fidelity", fidelity.to_json())
