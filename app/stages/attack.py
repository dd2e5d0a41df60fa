"""Attacks the synthetic table."""

from __future__ import annotations

from app.stage_context import StageContext
from app.stages.artefacts import search_model
from app.stages.mixed import asked_for
from app.stages.shadow import attack_with_shadows
from app.stages.tables import read_tables
from app.stages.union import attack_with_earlier
from app.stages.white_box import ask_model
from privacy.audit import attacks_for, audit
from privacy.threat import AuditTables
from synth.randomness import Rng

AUDITED, TOGETHER = 0.4, 0.6
"""The parts of the stage before earlier tables are attacked together with this one, and before shadow models are
trained; where there are none, their part takes no time."""


def run(context: StageContext) -> None:
    """Publish what the attacks found."""
    tables = read_tables(context, lambda frame: asked_for(frame, context.options))
    attacked = AuditTables(
        train=tables.train,
        holdout=tables.holdout,
        reference=tables.reference,
        synthetic=tables.synthetic,
        schema=tables.schema,
    )
    options = context.options
    attacks = attacks_for(context.schema, secrets=options.secrets, source=options.source)
    tell = context.teller("attacking")
    result = audit(
        attacked,
        Rng(context.options.seed).spawn("attack").numpy,
        progress=lambda what, fraction: tell(what, AUDITED * fraction),
        attacks=attacks,
    )
    result = attack_with_earlier(
        context,
        result,
        attacked,
        lambda what, fraction: tell(what, AUDITED + (TOGETHER - AUDITED) * fraction),
        attacks=attacks,
    )
    shadows = attack_with_shadows(
        context, attacked, lambda what, fraction: tell(what, TOGETHER + (1 - TOGETHER) * fraction)
    )
    of_the_model = search_model(context) + ask_model(context, attacked)
    context.publish_json("audit", result.joined(shadows).joined(of_the_model).to_json())
