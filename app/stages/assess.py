"""Measures how far the synthetic table looks like the real one."""

from __future__ import annotations

from app.desk import Desk
from app.stages.tables import read_tables
from synth.fidelity.asked.answer import answer
from synth.fidelity.asked.parse import parse_asked
from synth.fidelity.assess import assess
from synth.randomness import Rng


def run(desk: Desk) -> None:
    """Publish the fidelity of the synthetic table, the holdout's as the floor, and answers to the job's questions.

    Subgroups are those of the first secret that the job names, or of the target.
    """
    tables = read_tables(desk)
    fidelity = assess(
        tables.train,
        tables.holdout,
        tables.synthetic,
        tables.schema,
        Rng(desk.options.seed).spawn("assess").numpy,
        by=next(iter(desk.options.secrets), None),
        progress=desk.teller("measuring fidelity"),
    )
    asked = answer(
        tables.train,
        tables.holdout,
        tables.synthetic,
        tables.schema,
        parse_asked(desk.options.ask),
        tolerance=desk.options.tolerance,
    )
    desk.publish_json("fidelity", {**fidelity.to_json(), "asked": [each.to_json() for each in asked]})
