"""Conditions as they come and as they are kept: categories as ever, ranges with ends that can be compared."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.wire_jobs import JobOptions
from synth.detect.correct import KINDS
from synth.table.ranges import Range, moment_of

NUMBERS = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
MOMENTS = (st.dates() | st.datetimes()).map(lambda moment: moment.isoformat())
ENDS = st.fixed_dictionaries({}, optional={"from": NUMBERS, "to": NUMBERS}) | st.fixed_dictionaries(
    {}, optional={"from": MOMENTS, "to": MOMENTS}
)


def is_range(ends: dict) -> bool:
    if len(ends) < 2:
        return len(ends) == 1
    low, high = ends["from"], ends["to"]
    if isinstance(low, str):
        return moment_of(low, last=False) <= moment_of(high, last=True)
    return low <= high


@given(st.dictionaries(st.text(), st.text() | ENDS, max_size=4))
def test_what_is_kept_of_conditions_is_what_came(conditions: dict) -> None:
    sent = json.dumps({"conditions": conditions})
    if not all(isinstance(wanted, str) or is_range(wanted) for wanted in conditions.values()):
        with pytest.raises(ValidationError):
            JobOptions.model_validate_json(sent)
        return
    options = JobOptions.model_validate_json(sent)
    kept = json.loads(json.dumps(options.model_dump(mode="json")))
    assert kept["conditions"] == conditions
    assert JobOptions.model_validate(kept) == options
    assert options.given() == {
        name: wanted if isinstance(wanted, str) else Range(wanted.get("from"), wanted.get("to"))
        for name, wanted in conditions.items()
    }


def test_the_options_of_a_job_from_before_there_were_ranges_are_read_and_kept_as_they_are() -> None:
    stored = {"rows": 10, "conditions": {"city": "Oslo", "age": "30..40"}, "policy": "internal", "seed": 7}
    options = JobOptions.model_validate(stored)
    assert options.given() == stored["conditions"]
    assert {name: options.model_dump(mode="json")[name] for name in stored} == stored


WRONG = [
    ({}, "conditions.x"),
    ([1], "conditions.x.0"),
    ([], "conditions.x"),
    (None, "conditions.x"),
    (30, "conditions.x"),
    ({"from": None}, "conditions.x.from"),
    ({"from": True}, "conditions.x.from"),
    ({"from": [5]}, "conditions.x.from"),
    ({"from": float("nan")}, "conditions.x.from"),
    ({"to": float("inf")}, "conditions.x.to"),
    ({"to": float("-inf")}, "conditions.x.to"),
    ({"from": 10**400}, "conditions.x.from"),
    ({"from": "30"}, "conditions.x.from"),
    ({"from": "Zaphod"}, "conditions.x.from"),
    ({"to": "2024-02-30"}, "conditions.x.to"),
    ({"to": "2024-01-01T00:00:00+02:00"}, "conditions.x.to"),
    ({"from": 1, "below": 3}, "conditions.x.below"),
    ({"from": 1, "to": "2024-01-01"}, "conditions.x"),
    ({"from": 3, "to": 1}, "conditions.x"),
    ({"from": "2024-01-02", "to": "2024-01-01"}, "conditions.x"),
    ({"from": "2024-01-01T00:00:01", "to": "2024-01-01T00:00:00"}, "conditions.x"),
]


@pytest.mark.parametrize(("wanted", "field"), WRONG, ids=[str(wanted)[:40] for wanted, _ in WRONG])
def test_a_range_that_cannot_be_is_refused_by_its_field_and_without_what_came(wanted: object, field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        JobOptions.model_validate({"conditions": {"x": wanted}})
    (error,) = refused.value.errors(include_input=False)
    assert ".".join(str(part) for part in error["loc"]) == field
    assert "Zaphod" not in error["msg"]
    assert not any(end in error["msg"] for end in ("30", "2024", "nan", "inf "))


def test_a_date_as_upper_end_takes_in_its_whole_day() -> None:
    options = JobOptions.model_validate({"conditions": {"x": {"from": "2024-01-01T18:00", "to": "2024-01-01"}}})
    assert options.given() == {"x": Range("2024-01-01T18:00", "2024-01-01")}


def test_every_kind_that_a_column_may_be_can_be_said() -> None:
    for kind in KINDS:
        assert JobOptions(kinds={"a": kind.value}).kinds == {"a": kind.value}
