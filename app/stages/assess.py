"""Measures how far the synthetic table looks like the real one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.stage_context import StageContext
from app.stages.mixed import compared, more_of_class
from app.stages.tables import read_tables
from synth.fidelity.asked.answer import answer
from synth.fidelity.asked.parse import parse_asked
from synth.fidelity.assess import assess
from synth.fidelity.rules import rule_scores
from synth.randomness import Rng
from synth.rules.rule import AnyRule, Linear
from synth.rules.text import parse_rule


def run(context: StageContext) -> None:
    """Publish the fidelity of the synthetic table, the holdout's as the floor, and answers to the job's questions.

    Subgroups are those of the first secret that the job names, or of the target. Of a table that was made to a mix,
    fidelity and answers are against real records in the same shares.
    """
    tables = read_tables(context)
    real, mix = compared(tables, context.options, Rng(context.options.seed).spawn("mix").numpy)
    fidelity = assess(
        real.train,
        real.holdout,
        tables.synthetic,
        tables.schema,
        Rng(context.options.seed).spawn("assess").numpy,
        by=next(iter(context.options.secrets), None),
        progress=context.teller("measuring fidelity"),
    )
    asked = answer(
        real.train,
        real.holdout,
        tables.synthetic,
        tables.schema,
        parse_asked(context.options.ask),
        tolerance=context.options.tolerance,
    )
    model = context.fetch_json("model")
    rules = rule_scores(
        tables.train,
        tables.synthetic,
        tables.schema,
        rules_of(model),
        Rng(context.options.seed).spawn("rules").numpy,
        often_of(model),
    )
    told = {"asked": [each.to_json() for each in asked], "rules": [each.to_json() for each in rules]}
    mixed = {"mix": mix, "augmentation": more_of_class(tables, context.options)}
    context.publish_json("fidelity", {**fidelity.to_json(), **told, **mixed})


def rules_of(model: Mapping[str, Any]) -> dict[AnyRule, bool]:
    """The rules that a saved model keeps, and whether each was declared; none in models of older versions."""
    kept = (model.get("rules") or {}).get("rules") or []
    return {parse_rule(each["rule"]): each["declared"] for each in kept}


def often_of(model: Mapping[str, Any]) -> list[AnyRule]:
    """That columns are the same of which a saved model has learnt how often they are."""
    steps = (model.get("rules") or {}).get("steps") or []
    found: list[AnyRule] = []
    for step in steps:
        if step["step"] in {"same", "snap"}:  # models of earlier versions have `same`, with plain names
            others = [each if isinstance(each, str) else each["column"] for each in step["others"]]
            found += [Linear(target=step["shown"]["column"]["name"], terms=((1, other),)) for other in others]
    return found
