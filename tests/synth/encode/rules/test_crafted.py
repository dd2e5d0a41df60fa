"""A plan from a crafted file that does not fit what its columns hold is refused when it is loaded."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from synth.config import TrainConfig
from synth.detect.propose import propose_schema
from synth.encode.fit_encoder import fit_encoder
from synth.encode.rules.saved import plan_from_json, plan_to_json
from synth.encode.table_encoder import TableEncoder
from synth.errors import ArtifactError
from synth.randomness import Rng
from synth.table.frame import validate
from tests.synth.rules.tables import flights, visits

FAST = TrainConfig(device="cpu", max_modes=1)


@pytest.fixture(scope="module")
def encoder() -> TableEncoder:
    random = np.random.default_rng(0)
    paid = random.gamma(2, 20_000, 500).round(2)
    more = {
        "paid": paid,
        "billed": np.where(random.random(500) < 0.5, paid, random.gamma(2, 20_000, 500).round(2)),
        "seen": pd.Timestamp("2022-01-01") + pd.to_timedelta(random.integers(0, 900, 500), unit="D"),
    }
    frame = pd.concat([visits(500).drop(columns=["hour", "minute", "time"]), flights(500)], axis=1).assign(**more)
    schema = propose_schema(frame).with_rules("combination(smoker, price)", "care >= 0", "low < high")
    return fit_encoder(validate(frame, schema), schema, FAST, Rng(0))


def read(encoder: TableEncoder, plan: dict[str, Any], columns: list[dict[str, Any]] | None = None) -> TableEncoder:
    saved = json.loads(json.dumps(encoder.to_json())) if columns is None else columns
    return TableEncoder.from_json(saved, encoder.schema, plan_from_json(plan, encoder.schema))


def plan_and_step(encoder: TableEncoder, kind: str, column: str = "") -> tuple[dict[str, Any], dict[str, Any]]:
    plan = json.loads(json.dumps(plan_to_json(encoder.rules)))
    some = [step for step in plan["steps"] if step["step"] == kind]
    found = [step for step in some if not column or step["shown"]["column"]["name"] == column]
    return plan, found[0]


def test_what_was_saved_is_read(encoder: TableEncoder) -> None:
    plan = json.loads(json.dumps(plan_to_json(encoder.rules)))
    kinds = {step["step"] for step in plan["steps"]}
    assert kinds >= {"gap", "computed", "computed_time", "time_of_day", "group", "together", "within", "snap"}
    assert read(encoder, plan).rules.steps == encoder.rules.steps


@pytest.mark.parametrize("name", ["carrier", "seen", "billed", "nothing"])
def test_a_number_that_is_the_same_as_a_text_a_date_or_itself_is_refused(encoder: TableEncoder, name: str) -> None:
    plan, step = plan_and_step(encoder, "snap")
    assert step["shown"]["column"]["name"] == "billed"
    step["others"][0]["column"] = name
    with pytest.raises(ArtifactError):
        read(encoder, plan)


@pytest.mark.parametrize(
    "wrong", [{"scale": 5e-324}, {"scale": 1e300}, {"scale": 0}, {"ends": [1.0, 1.0]}, {"low": 2.0, "high": 1.0}]
)
def test_distances_that_are_none_are_refused(encoder: TableEncoder, wrong: dict[str, Any]) -> None:
    plan, step = plan_and_step(encoder, "snap")
    ends = wrong.get("ends", step["ends"])
    for each in step["others"]:
        each |= {"shares": [0.01] * (len(ends) + 1), "within": []}
    step |= {"ends": ends}
    read(encoder, plan) if "ends" not in wrong else None
    step |= wrong
    with pytest.raises(ArtifactError):
        read(encoder, plan)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("gap", {"others": [{"column": "carrier", "differs": False}]}),
        ("gap", {"others": [{"column": "nothing", "differs": False}]}),
        ("computed", {"rule": "{name} = carrier + stay"}),
        ("computed", {"rule": "{name} = carrier * stay"}),
        ("computed", {"rule": "{name} = {name2} + stay"}),
        ("computed_time", {"rule": "{name} = clock(sched_arr_time + carrier)"}),
        ("computed_time", {"rule": "{name} = clock(carrier + arr_delay)"}),
        ("computed", {"rule": "{name} = month(seen)"}),
        ("computed", {"rule": "{name} = month(care)"}),
    ],
)
def test_a_column_that_is_restored_from_text_is_refused(
    encoder: TableEncoder, kind: str, change: dict[str, Any]
) -> None:
    plan, step = plan_and_step(encoder, kind)
    name = step["shown"]["column"]["name"]
    step |= {key: text.format(name=name, name2=name) if isinstance(text, str) else text for key, text in change.items()}
    with pytest.raises(ArtifactError):
        read(encoder, plan)


@pytest.mark.parametrize("kind", ["gap", "computed", "time_of_day", "within", "snap"])
@pytest.mark.parametrize("other", ["carrier", "seen"])
def test_a_step_for_a_column_of_another_kind_is_refused(encoder: TableEncoder, kind: str, other: str) -> None:
    plan, step = plan_and_step(encoder, kind)
    if "rule" in step:
        step["rule"] = step["rule"].replace(step["shown"]["column"]["name"], other, 1)
    dates = step["shown"]["dates"]
    step["shown"]["column"] |= {"name": other}
    if dates and other == "seen":
        step["shown"]["column"] |= {"name": "care"}
    with pytest.raises(ArtifactError):
        read(encoder, plan)


@pytest.mark.parametrize("member", [{"on": "yes"}, {"off": 1}, {"on": 0}])
def test_a_group_of_other_values_than_0_and_1_is_refused(encoder: TableEncoder, member: dict[str, Any]) -> None:
    plan = json.loads(json.dumps(plan_to_json(encoder.rules)))
    (group,) = (step for step in plan["steps"] if step["step"] == "group")
    group["members"][0] |= member | ({"stored": "object", "off": "no"} if member.get("on") == "yes" else {})
    with pytest.raises(ArtifactError):
        read(encoder, plan)


@pytest.mark.parametrize("column", ["ward_a", "smoker"])
@pytest.mark.parametrize("category", ["99", "first"])
def test_a_category_that_stands_for_no_member_or_combination_is_refused(
    encoder: TableEncoder, column: str, category: str
) -> None:
    plan = json.loads(json.dumps(plan_to_json(encoder.rules)))
    columns = json.loads(json.dumps(encoder.to_json()))
    (state,) = (each for each in columns if each.get("name") == column)
    state["categories"][-1] = category
    with pytest.raises(ArtifactError):
        read(encoder, plan, columns)
