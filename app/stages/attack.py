"""Attacks the synthetic table."""

from __future__ import annotations

from functools import partial

from app.stage_context import StageContext
from app.stages.artefacts import search_model
from app.stages.in_shares import Shaped, Tell, attack_in_shares
from app.stages.learnt import learnt_part
from app.stages.mixed import asked_for
from app.stages.shadow import attack_with_shadows
from app.stages.tables import read_tables
from app.stages.union import attack_with_earlier
from app.stages.white_box import ask_model
from privacy.audit import AuditResult, attacks_for, audit
from privacy.finding import Finding
from privacy.limits import load_policy
from privacy.threat import AuditTables
from synth.randomness import Rng

AUDITED, TOGETHER = 0.4, 0.6
"""The parts of the stage before earlier tables are attacked together with this one, and before shadow models are
trained; where there are none, their part takes no time."""


def run(context: StageContext) -> None:
    """Publish what the attacks found."""
    learnt = learnt_part(context)
    tables = read_tables(context, lambda frame: asked_for(learnt.of(frame), context.options))
    attacked = AuditTables(
        train=tables.train,
        holdout=tables.holdout,
        reference=tables.reference,
        synthetic=tables.synthetic,
        schema=tables.schema,
    )
    attack = partial(_attack, context, attacked, search_model(context))
    policy = load_policy(context.options.policy)
    result = attack_in_shares(attacked, context.options, policy, attack, context.teller("attacking"))
    context.publish_json("audit", result.to_json())


def _attack(
    context: StageContext, tables: AuditTables, of_files: tuple[Finding, ...], shaped: Shaped, tell: Tell
) -> AuditResult:
    """What all attacks find on the people whom `shaped` leaves under attack."""
    options = context.options
    attacks = attacks_for(context.schema, secrets=options.secrets, source=options.source)
    attacked = shaped(tables)
    if attacked is None:
        raise ValueError("expected people to attack, got too few")
    result = audit(
        attacked,
        Rng(options.seed).spawn("attack").numpy,
        progress=lambda what, fraction: tell(what, AUDITED * fraction),
        attacks=attacks,
    )
    result = attack_with_earlier(
        context,
        result,
        tables,
        lambda what, fraction: tell(what, AUDITED + (TOGETHER - AUDITED) * fraction),
        attacks=attacks,
        shaped=shaped,
    )
    shadows = attack_with_shadows(
        context, attacked, lambda what, fraction: tell(what, TOGETHER + (1 - TOGETHER) * fraction)
    )
    return result.joined(shadows).joined(of_files + ask_model(context, attacked))
