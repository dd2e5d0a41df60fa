"""Measures how far the synthetic table looks like the real one."""

from __future__ import annotations

from app.stage_context import StageContext
from app.stages.tables import read_tables
from synth.fidelity.asked.answer import answer
from synth.fidelity.asked.parse import parse_asked
from synth.fidelity.assess import assess
from synth.randomness import Rng


def run(context: StageContext) -> None:
    """Publish the fidelity of the synthetic table, the holdout's as the floor, and answers to the job's questions.

    Subgroups are those of the first secret that the job names, or of the target.
    """
    tables = read_tables(context)
    fidelity = assess(
        tables.train,
        tables.holdout,
        tables.synthetic,
        tables.schema,
        Rng(context.options.seed).spawn("assess").numpy,
        by=next(iter(context.options.secrets), None),
        progress=context.teller("measuring fidelity"),
    )
    asked = answer(
        tables.train,
        tables.holdout,
        tables.synthetic,
        tables.schema,
        parse_asked(context.options.ask),
        tolerance=context.options.tolerance,
    )
    context.publish_json("fidelity", {**fidelity.to_json(), "asked": [each.to_json() for each in asked]})
