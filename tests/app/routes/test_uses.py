"""Uses over HTTP: what cannot be is refused before a job, and results are for whoever may have the records."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app import store
from app.blobs import Blobs
from app.db import reading, transaction
from app.errors import TooManyRequestsError
from app.jobs import ledger
from app.jobs.reaper import reap
from app.jobs.release import release
from app.orm import AuditEventRow, DatasetRow, JobRow, ModelRow, ReleaseRow, now
from app.services import quotas
from app.services.table_checks import count_check
from app.states import JobState, ReleaseState
from app.task import Output
from tests.app.routes.test_uploads import is_problem
from tests.support.rows import SCHEMA, add_dataset, add_release
from tests.support.web import Web

Ids = Mapping[str, str]
ARCHIVE = b"PK of real records"


def things(web: Web, tmp_path: Path, *, target: str | None = "city") -> dict[str, str]:
    """The ids of two data sets of the same columns, of a model of the first and its released table, and of others."""
    released = add_release(web, tmp_path, ReleaseState.RELEASED)
    with transaction(web.backend.engine) as session:
        job = session.get_one(JobRow, released.job_id)
        job.options = {**job.options, "target": target}
        files = {"key": f"{job.tenant_id}/jobs/{job.id}/weights", "sha256": "0" * 64, "bytes": 1}
        job.artifacts = dict.fromkeys(("weights", "model"), files)
    others = (add_dataset(web, tmp_path, rows=300), add_dataset(web, tmp_path))
    holed, several = add_dataset(web, tmp_path, gaps=True), add_dataset(web, tmp_path, gaps=True, each=2)
    with transaction(web.backend.engine) as session:
        for row in session.scalars(select(DatasetRow).where(DatasetRow.id.in_([released.dataset_id, others[0].id]))):
            row.table_schema = [{**each, "role": "feature"} for each in SCHEMA]
    ids = {"dataset_id": released.dataset_id, "model_id": released.model_id, "release_id": released.id}
    ids |= {"holed": holed.id, "several": several.id}
    return ids | {"like": others[0].id, "people": others[1].id}


@pytest.fixture(scope="module")
def ids(web: Web, tmp_path_factory: pytest.TempPathFactory) -> Ids:
    return things(web, tmp_path_factory.mktemp("things"))


def asked_of(ids: Ids, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The request in which names of things stand for their ids."""
    found = {name: ids[name] if value is ... else value for name, value in asked.items()}
    return found | {name: ids[found[name]] for name in ("dataset_id", "like") if found.get(name) in ids}


GOOD: list[dict[str, Any]] = [
    {"use": "complete", "dataset_id": ..., "model_id": ..., "times": 3},
    {"use": "impute", "dataset_id": "holed", "times": 5, "max_minutes": 2},
    {"use": "odd", "dataset_id": ..., "model_id": ...},
    {"use": "change", "dataset_id": ..., "model_id": ..., "conditions": {"city": "Oslo"}},
    {"use": "change", "release_id": ..., "conditions": {"age": {"from": 30, "to": 40}}},
    {"use": "adapt", "dataset_id": ..., "like": ...},
    {"use": "coreset", "dataset_id": ..., "model_id": ..., "rows": 20},
    {"use": "coreset", "release_id": ..., "rows": 20, "seed": 3, "priority": "low"},
    {"use": "impute", "dataset_id": "holed", "target": "city", "rules": ["0 <= age <= 120"], "find_rules": False},
]


@pytest.mark.parametrize("asked", GOOD, ids=str)
def test_each_use_is_a_job_that_says_what_was_asked_for(web: Web, ids: Ids, asked: dict[str, Any]) -> None:
    sent = asked_of(ids, asked)
    with web.client() as client:
        once = {"Idempotency-Key": f"use-{GOOD.index(asked)}"}
        answers = [client.post("/v1/uses", json=sent, headers=once) for _ in range(2)]
        assert answers[0].status_code == 202, answers[0].text
        job = client.get(answers[0].headers["location"]).json()
        assert answers[1].json()["id"] == job["id"]
        assert job["kind"] == "use"
        assert job["options"]["use"]["use"] == sent["use"]
        for name in {"conditions", "target", "rules", "find_rules"} & sent.keys():
            assert job["options"][name] == sent[name]
        assert is_problem(client.get(f"/v1/jobs/{job['id']}/result"), 409)
        assert client.post(f"/v1/jobs/{job['id']}/cancel").status_code == 200


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no records": ({"use": "impute"}, "dataset_id: expected dataset_id for impute, got none"),
    "no model": ({"use": "odd", "dataset_id": ...}, "model_id: expected model_id for odd"),
    "nothing to set": ({"use": "change", "release_id": ...}, "conditions: expected conditions for change"),
    "no other domain": ({"use": "adapt", "dataset_id": ...}, "like: expected like for adapt"),
    "no size": ({"use": "coreset", "release_id": ...}, "rows: expected rows for coreset"),
    "a model beside a release": (
        {"use": "coreset", "release_id": ..., "model_id": ..., "rows": 9},
        "model_id: expected nothing here for coreset of a release",
    ),
    "a release to impute": (
        {"use": "impute", "dataset_id": ..., "release_id": ...},
        "release_id: expected nothing here for impute",
    ),
    "rules of a trained model": (
        {"use": "odd", "dataset_id": ..., "model_id": ..., "rules": ["0 <= age <= 120"]},
        "rules: expected nothing here for odd",
    ),
    "a rule on no column": ({"use": "impute", "dataset_id": ..., "rules": ["age <= height"]}, "rules: "),
    "a target that is not there": ({"use": "impute", "dataset_id": ..., "target": "town"}, "target: expected one of"),
    "no gaps": ({"use": "impute", "dataset_id": ...}, "dataset_id: expected a table with missing cells"),
    "people with several records": (
        {"use": "impute", "dataset_id": "several"},
        "dataset_id: expected records of people with one record each to impute, got people with several by column 'id'",
    ),
    "once imputed": ({"use": "impute", "dataset_id": ..., "times": 1}, "times: expected 2 or more for impute"),
    "more than there are": ({"use": "coreset", "release_id": ..., "rows": 201}, "rows: expected at most the 200"),
    "an identifier": (
        {"use": "change", "release_id": ..., "conditions": {"id": "p1"}},
        "conditions: expected columns that are learnt, got an identifier: 'id'",
    ),
    "more than teach": ({"use": "coreset", "release_id": ..., "rows": 5_001}, "rows: expected at most 5,000"),
    "a table to be like itself": ({"use": "adapt", "dataset_id": ..., "like": "dataset_id"}, "like: expected another"),
    "people with records": ({"use": "adapt", "dataset_id": "people", "like": ...}, "dataset_id: expected records of p"),
    "like people with records": ({"use": "adapt", "dataset_id": ..., "like": "people"}, "like: expected records of p"),
    "a category that nobody has": (
        {"use": "change", "release_id": ..., "conditions": {"city": "Paris"}},
        "conditions: expected a category that column 'city' has in 10 records or more",
    ),
    "an unknown column": ({"use": "change", "release_id": ..., "conditions": {"town": "Oslo"}}, "conditions: expected"),
}


@pytest.mark.parametrize(("asked", "says"), BAD.values(), ids=BAD.keys())
def test_what_cannot_be_is_refused_before_a_job(web: Web, ids: Ids, asked: dict[str, Any], says: str) -> None:
    with web.client() as client:
        problem = is_problem(client.post("/v1/uses", json=asked_of(ids, asked)), 422)
        assert problem["detail"].startswith(says), problem["detail"]


def test_tables_that_do_not_fit_are_refused(web: Web, tmp_path: Path) -> None:
    ids = things(web, tmp_path, target=None)
    with web.client() as client:
        wrong = is_problem(
            client.post("/v1/uses", json={"use": "coreset", "release_id": ids["release_id"], "rows": 9}), 422
        )
        assert "a model of a table with a target" in wrong["detail"]
        with transaction(web.backend.engine) as session:
            other = session.get_one(DatasetRow, ids["like"])
            other.table_schema = [{**other.table_schema[0], "name": "weight"}, *other.table_schema[1:4]]
        asked = asked_of(ids, {"use": "adapt", "dataset_id": ..., "like": ...})
        assert "3 differ, such as 'age'" in is_problem(client.post("/v1/uses", json=asked), 422)["detail"]
        for use in ("complete", "odd"):
            asked = {"use": use, "dataset_id": ids["like"], "model_id": ids["model_id"]}
            assert "1 are others, such as 'weight'" in is_problem(client.post("/v1/uses", json=asked), 422)["detail"]


def test_nobody_uses_what_is_not_theirs_or_not_released(web: Web, ids: Ids, tmp_path: Path) -> None:
    waiting = add_release(web, tmp_path, ReleaseState.IN_REVIEW)
    with web.client() as client, web.client(web.stranger) as stranger, web.client(web.reader) as reader:
        for asked in GOOD:
            assert is_problem(stranger.post("/v1/uses", json=asked_of(ids, asked)), 404)
            assert is_problem(reader.post("/v1/uses", json=asked_of(ids, asked)), 403)
        asked = {"use": "coreset", "release_id": waiting.id, "rows": 9}
        assert is_problem(client.post("/v1/uses", json=asked), 409)["code"] == "not_released"


def finished(web: Web, ids: Ids, asked: Mapping[str, Any]) -> str:
    """The id of a use that a worker has done."""
    with web.client() as client:
        answer = client.post("/v1/uses", json=asked_of(ids, asked))
        assert answer.status_code == 202, answer.text
        job_id: str = answer.json()["id"]
    engine, blobs = web.backend.engine, web.backend.blobs
    task = ledger.begin_stage(engine, job_id, "use")
    assert task is not None
    is_part = "release_id" in asked
    assert set(task.inputs) & {"table", "synthetic"} == {"synthetic" if is_part else "table"}
    stored = blobs.put_bytes(f"{task.prefix}/result.zip", ARCHIVE)
    assert ledger.heard(engine, task, Output(name="result", key=stored.key, bytes=stored.bytes, sha256=stored.sha256))
    assert release(engine, blobs, job_id)
    return job_id


def events(web: Web, subject: str) -> str:
    """What the audit log tells of a thing."""
    with transaction(web.backend.engine) as session:
        found = session.scalars(select(AuditEventRow).where(AuditEventRow.subject == subject))
        return " ".join(f"{row.kind} {row.details}" for row in found)


def test_a_result_with_real_cells_is_no_release_and_only_for_who_may_have_real_data(web: Web, tmp_path: Path) -> None:
    ids = things(web, tmp_path)
    job_id = finished(web, ids, {"use": "adapt", "dataset_id": ..., "like": ...})
    with transaction(web.backend.engine) as session:
        assert session.get_one(JobRow, job_id).state == JobState.FINISHED
        assert session.scalar(select(ReleaseRow).where(ReleaseRow.job_id == job_id)) is None
        assert session.scalar(select(ModelRow).where(ModelRow.job_id == job_id)) is None
    path = f"/v1/jobs/{job_id}/result"
    with web.client() as client, web.client(web.reader) as reader, web.client(web.stranger) as stranger:
        answer = client.get(path)
        assert (answer.status_code, answer.content) == (200, ARCHIVE)
        assert answer.headers["content-type"] == "application/zip"
        assert "internal" in answer.headers["content-disposition"]
        assert is_problem(reader.get(path), 403)
        assert is_problem(stranger.get(path), 404)
        for dataset in (ids["dataset_id"], ids["like"]):
            assert "result of adapt" in events(web, dataset), "the audit log says who got it"
        assert client.delete(f"/v1/datasets/{ids['like']}").status_code == 204
        assert is_problem(client.get(path), 404)
    assert not has_files(web.backend.blobs, job_id), "cells of both tables were in it"
    reap(web.settings, web.backend.engine, web.backend.blobs, at=now() + timedelta(hours=2))
    assert not any(job_id in name for name, _ in web.backend.blobs.data_keys())


def has_files(blobs: Blobs, job_id: str) -> bool:
    return any(f"/jobs/{job_id}/" in key for key, _ in blobs.listed())


def test_few_records_of_a_release_are_for_whoever_gets_it_as_long_as_it_is_released(web: Web, tmp_path: Path) -> None:
    ids = things(web, tmp_path)
    part = finished(web, ids, {"use": "coreset", "release_id": ..., "rows": 9})
    changed = finished(web, ids, {"use": "change", "release_id": ..., "conditions": {"city": "Oslo"}})
    with web.client() as client, web.client(web.reader) as reader:
        answer = reader.get(f"/v1/jobs/{part}/result")
        assert answer.status_code == 200
        assert ids["release_id"] in answer.headers["content-disposition"]
        assert is_problem(reader.get(f"/v1/jobs/{changed}/result"), 403)
        assert "coreset" in events(web, ids["release_id"])
        gone = client.post(f"/v1/releases/{ids['release_id']}/withdrawal", json={"reason": "sent to a wrong address"})
        assert gone.status_code == 200
        for who, job_id in ((reader, part), (client, changed)):
            assert is_problem(who.get(f"/v1/jobs/{job_id}/result"), 409)["code"] == "not_released"


def test_a_job_that_makes_a_release_has_no_result(web: Web, tmp_path: Path) -> None:
    released = add_release(web, tmp_path, ReleaseState.RELEASED)
    with web.client() as client:
        assert is_problem(client.get(f"/v1/jobs/{released.job_id}/result"), 404)


def changed(web: Web, dataset_id: str, **values: Any) -> None:
    with transaction(web.backend.engine) as session:
        row = session.get_one(DatasetRow, dataset_id)
        for name, value in values.items():
            setattr(row, name, value)


def test_tables_of_other_kinds_or_sizes_are_refused_by_the_field(web: Web, tmp_path: Path) -> None:
    ids = things(web, tmp_path)
    plain = [{**each, "role": "feature"} for each in SCHEMA]
    changed(web, ids["like"], table_schema=[{**plain[0], "kind": "categorical"}, *plain[1:]])
    most = web.backend.settings.max_sample_rows
    adapt, impute = {"use": "adapt", "dataset_id": ..., "like": ...}, {"use": "impute", "dataset_id": ...}
    odd = {"use": "odd", "dataset_id": "like", "model_id": ...}
    with web.client() as client:

        def said(asked: Mapping[str, Any]) -> str:
            answer = client.post("/v1/uses", json=asked_of(ids, asked))
            return str(is_problem(answer, 422)["detail"])

        assert said(adapt).startswith("like: expected columns of the kinds of dataset_id, got 'age'")
        assert said(odd).startswith("dataset_id: expected columns of the kinds of the model, got 'age'")
        changed(web, ids["like"], table_schema=plain, rows=49)
        assert said(adapt).startswith("like: expected 50 records or more")
        changed(web, ids["like"], rows=299)
        assert said(adapt).startswith("like: expected 500 records or more in both data sets together")
        changed(web, ids["dataset_id"], rows=most // 3)
        assert said(impute).startswith("times: expected at most"), "five tables are made where it does not say"
        changed(web, ids["like"], rows=most + 1)
        assert said(odd).startswith("dataset_id: expected at most")


def test_conditions_are_those_of_the_table_and_asked_about_no_more_often_than_those_of_jobs(
    web: Web, tmp_path: Path
) -> None:
    ids = things(web, tmp_path)
    asked = asked_of(ids, {"use": "change", "release_id": ..., "conditions": {"code": "2.0"}})
    with web.client() as client:
        job = client.post("/v1/uses", json=asked).json()
        assert job["options"]["conditions"] == {"code": "2"}
        assert "checks before a job" in events(web, ids["dataset_id"])
        rare = asked_of(ids, {"use": "change", "release_id": ..., "conditions": {"age": {"from": 1, "to": 2}}})
        assert "10 records or more" in is_problem(client.post("/v1/uses", json=rare), 422)["detail"]
        with reading(web.backend.engine) as session:
            row = session.get_one(DatasetRow, ids["dataset_id"])
        for _ in range(web.settings.table_checks_per_day):
            with suppress(TooManyRequestsError):
                count_check(web.backend.engine, web.settings, row)
        is_problem(client.post("/v1/uses", json=asked), 429)


def test_the_trail_tells_of_no_policy_and_of_no_read_before_there_is_one(web: Web, tmp_path: Path) -> None:
    ids = things(web, tmp_path)
    with web.client() as client:
        job_id = client.post("/v1/uses", json=asked_of(ids, GOOD[5])).json()["id"]
    assert '"policy":null' in events(web, job_id)
    assert "dataset.read" not in events(web, ids["dataset_id"]) + events(web, ids["like"])
    assert ledger.begin_stage(web.backend.engine, job_id, "use") is not None
    assert f'"like":"{ids["like"]}"' in events(web, job_id)
    assert '"real_data":["like","table"]' in events(web, job_id)


@pytest.mark.parametrize("which", ["like", "trained_on"])
def test_a_data_set_is_not_deleted_or_changed_while_a_use_of_it_waits(
    web_on_both: Web, tmp_path: Path, which: str
) -> None:
    web = web_on_both
    ids = things(web, tmp_path)
    adapt: dict[str, Any] = {"use": "adapt", "dataset_id": ..., "like": ...}
    complete: dict[str, Any] = {"use": "complete", "dataset_id": "like", "model_id": ...}
    used = ids["like" if which == "like" else "dataset_id"]
    with web.client() as client:
        sent = client.post("/v1/uses", json=asked_of(ids, adapt if which == "like" else complete))
        assert sent.status_code == 202, sent.text
        job_id = sent.json()["id"]
        with reading(web.backend.engine) as session:
            assert used not in {row.id for row in store.unused_datasets(session, web.admin.tenant_id, 100)}
            assert ids["people"] in {row.id for row in store.unused_datasets(session, web.admin.tenant_id, 100)}
        is_problem(client.delete(f"/v1/datasets/{used}"), 409)
        column = {"columns": [{"name": "code", "kind": "numerical"}]}
        is_problem(client.patch(f"/v1/datasets/{used}/schema", json=column), 409)
        is_problem(client.patch(f"/v1/datasets/{used}/reading", json={}), 409)
        assert client.patch(f"/v1/datasets/{used}/retention", json={"retention_days": 1}).status_code == 200
        far = now() + timedelta(days=9)
        assert reap(web.settings, web.backend.engine, web.backend.blobs, at=far).expired == 0
        assert reaching(web, used) == [job_id]
        assert client.post(f"/v1/jobs/{job_id}/cancel").status_code == 200
        assert client.delete(f"/v1/datasets/{used}").status_code == 204


def reaching(web: Web, dataset_id: str) -> list[str]:
    """The jobs that hold up deleting a data set."""
    with reading(web.backend.engine) as session:
        rows = store.jobs_of_dataset(session, web.admin.tenant_id, dataset_id, store.ACTIVE)
    return [row.id for row in rows]


@pytest.mark.parametrize("what", ["like", "dataset_id", "release"])
def test_what_was_changed_since_it_was_checked_is_not_used(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    ids = things(web, tmp_path)
    asked = {"like": GOOD[5], "dataset_id": GOOD[0] | {"dataset_id": "like"}, "release": GOOD[4]}[what]
    checked = quotas.require_room_for_bytes

    def meanwhile(*given: Any) -> None:
        checked(*given)
        if what != "release":
            changed(web, ids[what], table_schema=[{**SCHEMA[0], "kind": "categorical"}, *SCHEMA[1:]])
            return
        with transaction(web.backend.engine) as session:
            session.get_one(ReleaseRow, ids["release_id"]).state = ReleaseState.WITHDRAWN.value

    monkeypatch.setattr(quotas, "require_room_for_bytes", meanwhile)
    with web.client() as client:
        is_problem(client.post("/v1/uses", json=asked_of(ids, asked)), 409)
