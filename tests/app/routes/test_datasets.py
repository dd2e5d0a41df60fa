"""Data sets: their schema is corrected before a job uses it, and deleting one deletes what came of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from app.auth import IssuedKey
from app.db import transaction
from app.orm import SharedPeopleRow, TenantKeyRow
from app.states import JobState, ReleaseState
from tests.app.routes.test_uploads import is_problem
from tests.support.rows import add_dataset, add_job, add_release
from tests.support.web import Web


def test_uploads_of_some_of_the_same_people_are_known_as_such_within_a_tenant(web_on_both: Web) -> None:
    """The file less one record, through either way in; not a file of others, and not another tenant's."""
    rng = np.random.default_rng(6)
    lines = [
        f"{age},{pay:.2f},{'FM'[i % 2]}" for i, (age, pay) in enumerate(zip(*rng.gamma(9, 5, (2, 300)), strict=True))
    ]

    def sent(rows: list[str], *, by: IssuedKey | None = None, path: str = "/v1/datasets") -> str:
        content = "\n".join(["age,pay,sex", *rows]).encode()
        with web_on_both.client(by) as client:
            answer = client.post(path, files={"file": ("people.csv", content)})
            assert answer.status_code in {201, 202}, answer.text
            return answer.json()["id"] if path == "/v1/datasets" else answer.json()["dataset_id"]

    first, others = sent(lines[:150]), sent(lines[150:])
    again, job = sent(lines[1:150]), sent(lines[149:20:-1], path="/v1/synthesize")
    theirs = sent(lines[:150], by=web_on_both.stranger)
    ours = {first, others, again, job, theirs}
    with transaction(web_on_both.backend.engine) as session:
        rows = session.scalars(select(SharedPeopleRow).where(SharedPeopleRow.dataset_id.in_(ours)))
        pairs = {(row.dataset_id, row.other_id) for row in rows}
        keys = {row.records for row in session.scalars(select(TenantKeyRow))}
    same = (first, again, job)
    assert pairs == {(one, other) for one in same for other in same if one != other}
    assert len(keys) >= 2


def test_a_column_is_corrected_and_the_others_stay(web_on_both: Web, tmp_path: Path) -> None:
    dataset = add_dataset(web_on_both, tmp_path)
    with web_on_both.client() as client:
        path = f"/v1/datasets/{dataset.id}/schema"
        change = {
            "columns": [
                {"name": "code", "kind": "numerical"},
                {"name": "city", "kind": "categorical", "role": "target"},
            ]
        }
        answer = client.patch(path, json=change)
        assert answer.status_code == 200, answer.text
        columns = {column["name"]: (column["kind"], column["role"]) for column in answer.json()["columns"]}
        assert columns["code"] == ("numerical", "feature")
        assert columns["city"] == ("categorical", "target")
        assert columns["id"] == ("identifier", "person")
        assert client.get(f"/v1/datasets/{dataset.id}").json()["columns"] == answer.json()["columns"]


WRONG_SCHEMAS = {
    "unknown column": [{"name": "salary", "kind": "numerical"}],
    "unknown kind": [{"name": "age", "kind": "ordinal"}],
    "text as number": [{"name": "city", "kind": "numerical"}],
    "number as moment": [{"name": "age", "kind": "datetime"}],
    "moment as category": [{"name": "joined", "kind": "categorical"}],
    "two targets": [
        {"name": "age", "kind": "numerical", "role": "target"},
        {"name": "city", "kind": "categorical", "role": "target"},
    ],
    "person that is learnt": [{"name": "city", "kind": "categorical", "role": "person"}],
    "nothing": [],
}


@pytest.mark.parametrize("name", WRONG_SCHEMAS)
def test_a_schema_that_the_table_cannot_have_is_refused(web: Web, tmp_path: Path, name: str) -> None:
    dataset = add_dataset(web, tmp_path)
    with web.client() as client:
        is_problem(client.patch(f"/v1/datasets/{dataset.id}/schema", json={"columns": WRONG_SCHEMAS[name]}), 422)
        kept = client.get(f"/v1/datasets/{dataset.id}").json()["columns"]
        assert [{key: c[key] for key in ("name", "kind", "role")} for c in kept] == dataset.table_schema


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING, JobState.FINISHED])
def test_a_schema_that_a_job_has_used_stays(web: Web, tmp_path: Path, state: JobState) -> None:
    dataset = add_dataset(web, tmp_path)
    add_job(web, dataset, state)
    change = {"columns": [{"name": "code", "kind": "numerical"}]}
    with web.client() as client:
        is_problem(client.patch(f"/v1/datasets/{dataset.id}/schema", json=change), 409)


def test_deleting_removes_the_table_and_what_came_of_it_but_not_what_was_released(web: Web, tmp_path: Path) -> None:
    dataset = add_dataset(web, tmp_path)
    released = add_release(web, tmp_path, ReleaseState.RELEASED, dataset=dataset)
    waiting = add_release(web, tmp_path, ReleaseState.IN_REVIEW, dataset=dataset)
    with web.client() as client:
        for _ in range(2):  # again: finishes what an interrupted deletion left
            assert client.delete(f"/v1/datasets/{dataset.id}").status_code == 204
        is_problem(client.get(f"/v1/datasets/{dataset.id}"), 404)
        assert dataset.id not in {d["id"] for d in client.get("/v1/datasets").json()["items"]}
        for release in (released, waiting):
            is_problem(client.get(f"/v1/models/{release.model_id}"), 404)
            is_problem(client.post(f"/v1/models/{release.model_id}/samples", json={}), 404)
            assert client.get(f"/v1/reports/{release.report_id}").status_code == 200
        is_problem(client.post("/v1/jobs", json={"dataset_id": dataset.id}), 404)
        assert client.get(f"/v1/releases/{released.id}/data").status_code == 200
        assert client.get(f"/v1/releases/{waiting.id}").json()["state"] == "rejected"
        is_problem(client.get(f"/v1/releases/{waiting.id}/data"), 409)
    kept = [key for key in web.stored_files() if dataset.id in key or released.job_id in key or waiting.job_id in key]
    assert sorted(Path(key).name for key in kept if released.job_id in key) == [
        "csv.csv",
        "page.html",
        "report.json",
        "synthetic.parquet",
    ]
    assert sorted(Path(key).name for key in kept if waiting.job_id in key) == ["page.html", "report.json"]
    assert not [key for key in kept if dataset.id in key]


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING])
def test_a_data_set_that_a_job_works_on_is_not_deleted(web_on_both: Web, tmp_path: Path, state: JobState) -> None:
    dataset = add_dataset(web_on_both, tmp_path)
    add_job(web_on_both, dataset, state)
    with web_on_both.client() as client:
        is_problem(client.delete(f"/v1/datasets/{dataset.id}"), 409)
        assert client.get(f"/v1/datasets/{dataset.id}").status_code == 200
