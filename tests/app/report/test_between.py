"""Rules between columns in the report, and nothing of the one who breaks a rule where it is passed on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from app.report.between import percent, rules_part, sentence_on
from app.report.rules import About, Each
from app.report.share_fields import HISTORIES, RULE
from app.stages.assess import often_of
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


def test_columns_that_are_often_the_same_are_told_of_where_the_model_has_learnt_them_so() -> None:
    same = {"step": "same", "shown": {"column": {"name": "april"}}, "others": ["march", "may"]}
    assert often_of({"rules": {"rules": [], "steps": [same]}}) == [
        parse_rule("april = march"),
        parse_rule("april = may"),
    ]
    snap = {"step": "snap", "shown": {"column": {"name": "june"}}, "others": [{"column": "april"}]}
    assert often_of({"rules": {"rules": [], "steps": [{"step": "within"}, snap]}}) == [parse_rule("june = april")]
    assert often_of({}) == []


def test_the_same_people_count_alike_on_both_sides() -> None:
    random = np.random.default_rng(0)
    table = pd.DataFrame({"who": np.repeat([f"p{i}" for i in range(300)], 20)})
    table["a"] = random.integers(0, 50, len(table)).astype(float)
    table["b"] = table["a"] + random.integers(0, 20, len(table))
    table.loc[random.random(len(table)) < 0.05, "b"] = -5.0
    schema = propose_schema(table).with_roles(person="who")
    (told,) = rule_scores(table, table.copy(), schema, {parse_rule("a <= b"): True}, random)
    assert told.real == told.synthetic
    assert told.real == pytest.approx(0.95**20, abs=0.06)


def test_what_is_said_of_a_rule_is_of_all_records_of_its_people() -> None:
    random = np.random.default_rng(0)
    table = pd.DataFrame({"who": np.repeat([f"p{i}" for i in range(2000)], 10)})
    start = pd.Timestamp("2024-01-01")
    table["low"] = start + pd.to_timedelta(random.integers(0, 300, len(table)), unit="D")
    table["high"] = table["low"] + pd.to_timedelta(random.integers(0, 90, len(table)), unit="D")
    table.loc[table.index[:150:10], "high"] = start - pd.Timedelta(days=9)
    told = rule_scores(table, table, propose_schema(table).with_roles(person="who"), {}, random)
    (rule,) = (each for each in told if each.origin is Origin.PROPOSED)
    assert rule.real == 1 - 15 / 2000
    assert rule.why.startswith("kept by 99.2 % of people in all their records; by chance ")


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


def test_a_share_of_the_few_people_who_have_all_cells_does_not_tell_of_few_of_them() -> None:
    rule = {"rule": "a <= b", "origin": "declared", "built_in": True, "synthetic": 1.0, "why": ""}
    about = About(people=10_000)
    few = [Each(RULE)([rule | {"real": real, "unknown": 0.9997}], about)[0] for real in (1.0, 2 / 3, 1 / 3)]
    assert [each["real"] for each in few] == [None] * 3
    some = [Each(RULE)([rule | {"real": 1 - broken / 100, "unknown": 0.99}], about)[0] for broken in range(20)]
    assert {each["real"] for each in some} == {0.8}
    assert Each(RULE)([rule | {"real": 1.0, "unknown": None}], about)[0]["real"] is None


def test_what_holds_for_all_people_with_several_records_is_not_told_from_what_holds_for_all_but_one() -> None:
    far = {"synthetic": 0.1, "floor": 0.1}
    shared = []
    for real in (1.0, 0.996):
        kept = {"column": "sex", "real": real, "synthetic": 1.0}
        part = {"records_real": 2.0, "records_synthetic": 2.0, "records": far, "constant": [kept], "ascends": kept}
        shared.append(HISTORIES(part | {"gaps": far, "transitions": [], "detection": far}, About(people=None)))
    assert shared[0] == shared[1]
    assert shared[0]["constant"][0]["real"] == 0.99
    assert shared[0]["ascends"] is None


def test_all_is_only_said_of_all() -> None:
    assert (percent(1.0), percent(0.99999), percent(None)) == ("100 %", "99.9 %", "not known")
