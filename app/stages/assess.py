"""Measures how far the synthetic table looks like the real one."""

from __future__ import annotations

from app.desk import Desk
from app.stages.tables import read_tables
from synth.fidelity.assess import assess
from synth.randomness import Rng


def run(desk: Desk) -> None:
    """Publish the fidelity of the synthetic table, with the holdout's beside it as the floor.

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
    desk.publish_json("fidelity", fidelity.to_json())
