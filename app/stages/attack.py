"""Attacks the synthetic table."""

from __future__ import annotations

from app.desk import Desk
from app.stages.tables import read_tables
from privacy.audit import audit
from privacy.threat import AuditTables
from synth.randomness import Rng


def run(desk: Desk) -> None:
    """Publish what the attacks found."""
    tables = read_tables(desk)
    result = audit(
        AuditTables(
            train=tables.train,
            holdout=tables.holdout,
            reference=tables.reference,
            synthetic=tables.synthetic,
            schema=tables.schema,
        ),
        Rng(desk.options.seed).spawn("attack").numpy,
        progress=desk.teller("attacking"),
    )
    desk.publish_json("audit", result.to_json())
