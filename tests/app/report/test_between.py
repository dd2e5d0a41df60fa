"""Rules between columns in the report, and nothing of the one who breaks a rule where it is passed on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from app.report.between import percent, rules_part, sentence_on
from app.report.rules import About, Each
from app.report.share import RULE
from synth.detect.propose import propose_schema
from synth.fidelity.rules import Origin, rule_scores
from synth.rules.text import parse_rule
from tests.synth.rules.tables import visits


def scores(train: pd.DataFrame, synthetic: pd.DataFrame) -> dict[str, Any]:
    kept = {parse_rule("admitted <= discharged"): True, parse_rule("total = drugs + care"): False}
    found = rule_scores(train, synthetic, propose_schema(train), kept, np.random.default_rng(0))
    return {"rules": [each.to_json() for each in found]}


def test_rules_are_told_with_the_share_that_keeps_them_in_both_tables() -> None:
    train, synthetic = visits(800), visits(300, seed=1)
    train.loc[:19, "discharged"] = pd.Timestamp("2000-01-01")
    synthetic.loc[:29, "total"] += 1
    parts = {part.rule: part for part in rules_part(scores(train, synthetic))}
    declared, found = parts["admitted <= discharged"], parts["total = drugs + care"]
    assert (declared.origin, declared.real, declared.synthetic) == ("declared", 0.975, 1.0)
    assert (found.origin, found.built_in, found.synthetic) == ("found", True, 0.9)
    assert parts["low < high"].origin == "proposed"
    assert "not by every synthetic record" in sentence_on(list(parts.values()))


def test_an_order_that_names_suggest_and_the_table_breaks_is_told() -> None:
    train = visits(400).rename(columns={"low": "min", "high": "max"})
    train.loc[train.index % 4 == 0, "max"] = 10
    told = rule_scores(train, train, propose_schema(train), {}, np.random.default_rng(0))
    assert [each.rule for each in told if each.origin is Origin.EXPECTED and each.real == 0.75] == ["min <= max"]


def test_a_report_that_is_passed_on_does_not_tell_one_breaker_from_none() -> None:
    shared = []
    for breakers in (0, 1, 4):
        train = visits(400)
        train.loc[train.index < breakers, "discharged"] = pd.Timestamp("2000-01-01")
        rules = [part.model_dump(mode="json") for part in rules_part(scores(train, visits(300, seed=1)))]
        shared.append(Each(RULE)(rules, About(people=400))[0])
    assert shared[0] == shared[1] == shared[2]
    assert shared[0]["real"] < 1
    assert "unknown" not in shared[0]


def test_all_is_only_said_of_all() -> None:
    assert (percent(1.0), percent(0.99999), percent(None)) == ("100 %", "99.9 %", "not known")
