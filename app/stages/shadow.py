"""Shadow models of the records that stand out most: trained where the policy asks for them and there is an accelerator,
or where the job does.

This is where the attack, which knows no networks, is given the generators that it asks for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from app.stage_context import StageContext
from app.stages.train import configure
from app.wire_fields import ShadowModels
from privacy.attacks.shadow import MODELS, TARGETS, most_isolated, not_run, shadow
from privacy.evidence import gather
from privacy.finding import Finding
from privacy.limits import Policy, load_policy
from privacy.running import Crash, attempt, crashed
from privacy.threat import AuditTables
from synth.config import DEFAULT_OBJECTIVE
from synth.errors import TableError
from synth.randomness import Rng
from synth.shadow.generators import ShadowConfig, device_of, shadow_tables

MOST_ROWS = 50_000
"""Shadow tables have as many records as the table under audit, but not more than this."""

CPU_TARGETS, CPU_MODELS = 5, 64
"""On a CPU, where a job asks for it: some 12 CPU seconds for each model of 30,000 records of Adult. With so few models
the upper end is about .75 where nothing leaks: they may prove a leak, and seldom rule one out."""
CPU_NOTE = f"On a CPU {CPU_TARGETS} records and {CPU_MODELS} models: enough to prove a leak, seldom to rule one out."

IN_SHARES = (
    "Shadow models draw tables in the shares of the real one: what a table that was made to a mix, or with more of a "
    "category, gives away, they would not show."
)
DRAWN = 0.9
"""The part of the attack in which generators are trained and looked at."""

Tell = Callable[[str, float], None]


def why_not(policy: Policy, device: str, switch: ShadowModels = "policy", objective: str = DEFAULT_OBJECTIVE) -> str:
    """Why no shadow models are trained; empty where they are. The switch is the job's, the objective the model's."""
    if objective != DEFAULT_OBJECTIVE:
        return (
            f"Shadow models stand in for generators of the objective {DEFAULT_OBJECTIVE}: what one of the objective "
            f"{objective} leaks, they would not show."
        )
    if switch == "on":
        return ""
    if switch == "off":
        return "The job left the shadow models out."
    if not policy.requires(Finding(attack="shadow", statistic="max_auc")):
        return f"The policy {policy.name} does not ask for shadow models."
    if device == "cpu":
        return (
            f"Training {MODELS} shadow models takes an accelerator, and this installation has none. A job may ask for "
            f"{CPU_MODELS} all the same."
        )
    return ""


def attack_with_shadows(context: StageContext, tables: AuditTables, tell: Tell) -> tuple[Finding, ...]:
    """The finding `shadow.max_auc`: measured, or with the reason why it was not. A crash is a finding, never a pass.

    The generators learn one record of each person in train, as all attacks see them. Where the job asked for
    conditions they learn the records that meet them, in which one record counts for more than in all of train.
    """
    config = ShadowConfig(device=context.settings.device)
    policy, switch = load_policy(context.options.policy), context.options.shadow_models
    is_mixed = context.options.made_to_shares()
    reason = IN_SHARES if is_mixed else why_not(policy, device_of(config), switch, _objective(context))
    if reason:
        return not_run(reason)
    found = attempt(lambda: _attack(context, tables, config, tell))
    return (crashed("shadow", found),) if isinstance(found, Crash) else found


def _objective(context: StageContext) -> str:
    """What the model under audit was trained for; a job that samples from it need not say so itself."""
    if "model" not in context.task.inputs:
        return context.options.generator.objective
    state = json.loads(context.fetch("model").read_text(encoding="utf-8"))
    objective: str = state["config"].get("objective", DEFAULT_OBJECTIVE)
    return objective


def _attack(context: StageContext, tables: AuditTables, config: ShadowConfig, tell: Tell) -> tuple[Finding, ...]:
    rng = Rng(context.options.seed).spawn("shadow")
    thin = tables.one_record_per_person(rng.spawn("people").numpy)
    on_cpu = device_of(config) == "cpu"
    evidence = gather(thin, rng.spawn("evidence").numpy, whole=tables)
    targets = most_isolated(evidence, CPU_TARGETS if on_cpu else TARGETS)
    config = replace(config, rows=min(len(tables.synthetic), MOST_ROWS), encoding=configure(context))
    told = rising(tell)

    def synthesize(base: pd.DataFrame, special: pd.DataFrame, membership: NDArray[np.bool_]) -> Iterator[pd.DataFrame]:
        return shadow_tables(
            base,
            special,
            membership,
            tables.schema,
            rng=rng.spawn("generators"),
            config=config,
            progress=lambda fraction: told("training shadow models", DRAWN * fraction),
        )

    try:
        models = CPU_MODELS if on_cpu else MODELS
        found = shadow(thin, synthesize, targets, models=models, rng=rng.spawn("attack").numpy, progress=told)
    except TableError as error:
        return not_run(f"Shadow models could not learn this table: {error}.")
    return tuple(replace(each, note=f"{each.note} {CPU_NOTE}") for each in found) if on_cpu else found


def rising(tell: Tell) -> Tell:
    """The same, but never less than before: generators are trained many at a time and then looked at one by one."""
    highest = 0.0

    def told(what: str, fraction: float) -> None:
        nonlocal highest
        highest = max(highest, fraction)
        tell(what, highest)

    return told
