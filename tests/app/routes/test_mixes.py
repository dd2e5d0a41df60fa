"""Mixes and more of a class: what can be known to fail is refused before a job is made, and no cell is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.blobs import Stored
from app.config import Settings
from app.errors import InvalidRequestError
from app.services import mixes
from app.states import ReleaseState
from app.wire_jobs import JobOptions
from synth.table.schema import ColumnKind, ColumnSpec, TableSchema
from tests.app.routes.test_uploads import is_problem
from tests.support.installation import installed
from tests.support.rows import add_dataset, add_release
from tests.support.web import Web, serve

Check = Callable[..., None]


@pytest.fixture(scope="module")
def dataset(web: Web, tmp_path_factory: pytest.TempPathFactory) -> str:
    return add_dataset(web, tmp_path_factory.mktemp("people"), rows=600).id


GOOD: list[dict[str, Any]] = [
    {"mix": ["city=Oslo:0.5,Bergen:0.5"]},
    {"mix": ["city=Oslo:1,Bergen:0", "code=1:0.1,2.0:0.9"]},
    {"mix": ["city & code=Oslo & 1:0.5,Bergen & 2:0.5"]},
    {"mix": ["city=Oslo:0.5,Bergen:0.5"], "conditions": {"age": {"to": 70}}},
    {"augment": "city=Oslo:0.6"},
]


@pytest.mark.parametrize("asked", GOOD, ids=str)
def test_a_mix_is_accepted_and_found_as_it_was_sent(web: Web, dataset: str, asked: dict[str, Any]) -> None:
    with web.client() as client:
        answer = client.post("/v1/jobs", json={"dataset_id": dataset, **asked})
        assert answer.status_code == 202, answer.text
        options = client.get(answer.headers["location"]).json()["options"]
        assert {name: options[name] for name in asked} == asked


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "does not add up": ({"mix": ["city=Oslo:0.5,Bergen:0.6"]}, "mix: column 'city': expected shares that add up to 1"),
    "no number": ({"mix": ["city=Oslo:nan,Bergen:1"]}, "mix: column 'city': expected shares from 0 to 1"),
    "no share": ({"mix": ["city=Oslo"]}, "mix: expected VALUE:SHARE"),
    "line break": ({"mix": ["city=Oslo\rBergen:1"]}, "mix: expected one line"),
    "a value twice": ({"mix": ["code=1:0.5,1.0:0.5"]}, "mix: column 'code': expected each value once"),
    "unknown column": ({"mix": ["town=Oslo:1"]}, "mix: expected names of the 5 columns"),
    "identifier": ({"mix": ["id=p0001:1"]}, "mix: expected columns that are learnt, got an identifier: 'id'"),
    "unknown category": ({"mix": ["city=Rome:1"]}, "mix: column 'city': expected values that 22 people or more have"),
    "two mixes of a column": ({"mix": ["city=Oslo:1", "city=Oslo:1"]}, "mix: expected each column in one mix"),
    "beside a condition": (
        {"mix": ["city=Oslo:1"], "conditions": {"city": "Oslo"}},
        "mix: expected each column in one mix or condition, got 'city' in two",
    ),
    "a condition that leaves few": (
        {"mix": ["city=Oslo:1"], "conditions": {"age": {"from": 20, "to": 22}}},
        "mix: column 'city': expected values that 22 people or more have beside conditions on 'age'",
    ),
    "few people": ({"mix": ["age=30:1"]}, "mix: column 'age': expected values that 22 people or more have"),
    "too many cells": (
        {"mix": ["age=" + ",".join(f"{i}:0.005" for i in range(200)), "city=Oslo:0.5,Bergen:0.5"]},
        "mix: expected at most 200 combinations of values, got 400",
    ),
    "more of an unknown class": ({"augment": "city=Rome:0.5"}, "augment: column 'city': expected a category"),
    "less of a class": ({"augment": "city=Oslo:0.1"}, "augment: column 'city': expected a share above"),
    "all of a class": ({"augment": "city=Oslo:1"}, "augment: column 'city': expected a share between 0 and 1"),
    "nearly all": ({"augment": "city=Oslo:0.9999999", "rows": 1000}, "augment: column 'city': expected a share for"),
    "more of a number": ({"augment": "age=30:0.5"}, "augment: expected a categorical column, got 'age'"),
    "both": ({"augment": "city=Oslo:0.5", "mix": ["code=1:1"]}, "augment: expected no mix and no conditions"),
}


@pytest.mark.parametrize(("asked", "says"), BAD.values(), ids=BAD.keys())
def test_a_mix_that_cannot_be_is_refused_before_a_job(web: Web, dataset: str, asked: dict[str, Any], says: str) -> None:
    with web.client() as client:
        problem = is_problem(client.post("/v1/jobs", json={"dataset_id": dataset, **asked}), 422)
        assert problem["detail"].startswith(says), problem["detail"]
        assert not any(city in problem["detail"] for city in ("Bergen", "Tromso"))
        assert client.post("/v1/jobs/quote", json={"dataset_id": dataset, **asked}).status_code == 422


def test_samples_of_a_model_are_held_to_the_same(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.RELEASED)
    with web.client() as client:
        path = f"/v1/models/{release.model_id}/samples"
        problem = is_problem(client.post(path, json={"mix": ["city=Rome:1"]}), 422)
        assert "'city'" in problem["detail"]
        answer = client.post(path, json={"mix": ["city=Oslo:1"], "rows": 10})
        assert answer.status_code == 202, answer.text


def test_requests_that_name_values_of_a_table_are_counted_by_the_day(tmp_path: Path, installation: Path) -> None:
    """Whether they are taken or refused: each answer tells something. Another table has a count of its own."""
    settings = Settings(home=tmp_path / "home", device="cpu", table_checks_per_day=2)
    with serve(installed(settings, installation)) as own, own.client() as client:
        first, other = (add_dataset(own, tmp_path, rows=600).id for _ in range(2))
        told = {"dataset_id": first, "conditions": {"city": "Oslo"}}
        assert client.post("/v1/jobs", json=told).status_code == 202
        assert client.post("/v1/jobs", json={"dataset_id": first, "mix": ["city=Rome:1"]}).status_code == 422
        answer = client.post("/v1/jobs", json=told)
        problem = is_problem(answer, 429)
        assert (problem["limit"], problem["limit_value"]) == ("table_checks_per_day", 2)
        assert 0 < int(answer.headers["Retry-After"]) <= 24 * 3600
        assert "Oslo" not in problem["detail"]
        assert client.post("/v1/jobs/quote", json=told).status_code == 429, "a quote tells as much"
        assert client.post("/v1/jobs", json={"dataset_id": first}).status_code == 202, "names no value"
        assert client.post("/v1/jobs", json={**told, "dataset_id": other}).status_code == 202


@pytest.fixture
def checked(web: Web, tmp_path: Path) -> Check:
    """Checks options against a table of a person's records."""

    def check(frame: pd.DataFrame, settings: Settings = web.settings, **asked: Any) -> None:
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), tmp_path / "table.parquet")
        stored: Stored = web.backend.blobs.put(f"tests/{tmp_path.name}.parquet", tmp_path / "table.parquet")
        options = JobOptions.model_validate(asked)
        schema = TableSchema(columns=tuple(ColumnSpec(name=n, kind=ColumnKind.CATEGORICAL) for n in frame))
        schema = schema.with_roles(person=options.person).with_rules(*options.rules, find=False)
        mixes.check_columns(schema, options)
        mixes.check_held(web.backend.blobs, stored, schema, options, settings)

    return check


def frame_of(n: int = 240) -> pd.DataFrame:
    """`land` is that of the `town`; each of 24 people has ten records."""
    town = ["Bern", "Wien", "Graz"] * (n // 3)
    return pd.DataFrame(
        {
            "town": town,
            "land": ["CH" if each == "Bern" else "AT" for each in town],
            "level": ["low", "high"] * (n // 2),
            "who": [f"p{i // 10}" for i in range(n)],
            "left": [None if i % 2 == 0 else "yes" for i in range(n)],
        }
    )


def test_what_contradicts_a_dependence_or_a_rule_is_refused_with_its_columns(checked: Check) -> None:
    together = "mix: columns 'town', 'land': expected values that 22 people or more have together"
    with pytest.raises(InvalidRequestError, match=together):
        checked(frame_of(), mix=["town & land=Bern & AT:0.5,Bern & CH:0.5"])
    checked(frame_of(), mix=["town=Bern:0.5,Wien:0.5", "land=CH:0.5,AT:0.5"])
    with pytest.raises(InvalidRequestError, match="expected shares that records can have together"):
        checked(frame_of(), mix=["town=Bern:0.5,Wien:0.5", "land=CH:0.9,AT:0.1"])
    broken = frame_of().assign(left="yes")
    rule = "missing(left) if level = low"
    with pytest.raises(InvalidRequestError, match=r"mix: columns 'left', 'level': .* the rule 'missing\(left\) if"):
        checked(broken, mix=["left & level=yes & low:1"], rules=[rule])
    checked(frame_of(), mix=["level=low:0.1,high:0.9"], rules=[rule])


def test_people_are_counted_and_not_their_records(checked: Check) -> None:
    checked(frame_of(480), mix=["level=low:0.1,high:0.9"], person="who")  # 48 people, more than ever is asked for
    few = frame_of(180)  # 18 people
    with pytest.raises(InvalidRequestError, match="'level'"):
        checked(few, mix=["level=low:0.1,high:0.9"], person="who")
    checked(few, mix=["level=low:0.1,high:0.9"])


def test_people_with_several_records_are_not_mixed(web: Web, tmp_path: Path) -> None:
    rows = add_dataset(web, tmp_path)
    with web.client() as client:
        for asked in ({"mix": ["code=1:1"]}, {"augment": "code=1:0.5"}):
            body = {"dataset_id": rows.id, "person": "age", **asked}
            problem = is_problem(client.post("/v1/jobs", json=body), 422)
            assert problem["detail"].startswith(f"{next(iter(asked))}: expected none where people have several records")


def refusal(checked: Check, frame: pd.DataFrame, **asked: Any) -> str:
    with pytest.raises(InvalidRequestError) as refused:
        checked(frame, **asked)
    return str(refused.value)


def test_one_person_and_nobody_are_told_alike_with_a_share_and_without(checked: Check) -> None:
    frame = frame_of()
    frame.loc[0, "town"] = "Linz"
    told = {
        refusal(checked, frame, mix=[f"town={town}"]) for town in ("Linz:1", "Rome:1", "Linz:0,Wien:1", "Rome:0,Wien:1")
    }
    assert len(told) == 1
    assert refusal(checked, frame, augment="town=Linz:0.5") == refusal(checked, frame, augment="town=Rome:0.5")


def test_a_rule_that_one_person_breaks_is_not_named(checked: Check) -> None:
    """Rules are free text: naming them would tell each attribute of the one person in a cell."""
    frame = frame_of()
    frame.loc[0, ["town", "left"]] = ["Linz", "yes"]
    told = {
        refusal(checked, frame, mix=["town=Linz:1"], rules=[rule])
        for rule in ("missing(left) if town = Linz", "missing(left) if town = Oslo")
    }
    assert len(told) == 1
    assert "rule" not in told.pop()


def test_records_that_name_nobody_are_no_more_than_one_person(checked: Check) -> None:
    frame = frame_of(480)
    frame.loc[:99, "who"] = None
    frame.loc[:99, "town"] = "Linz"
    assert "people or more" in refusal(checked, frame, mix=["town=Linz:1"], person="who")


def test_shares_are_compared_with_rounded_numbers_of_people(checked: Check) -> None:
    frame = frame_of(240).assign(town=["Bern"] * 69 + ["Wien"] * 171)
    assert "share above" in refusal(checked, frame, augment="town=Bern:0.249")
    checked(frame, augment="town=Bern:0.251")  # 60 of 240, where 69 are: between 50 and 70 it is the same
    checked(frame.assign(town=["Bern"] * 52 + ["Wien"] * 188), augment="town=Bern:0.251")
