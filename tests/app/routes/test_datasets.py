"""Data sets: their schema is corrected before a job uses it, and deleting one deletes what came of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.states import JobState, ReleaseState
from tests.app.routes.test_uploads import is_problem
from tests.support.rows import add_dataset, add_job, add_release
from tests.support.web import Web


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
