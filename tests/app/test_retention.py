"""Real records go when their retention ends: from everything, audited, and nothing else with them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from app.blobs import open_blobs
from app.data_keys import dataset_key
from app.db import transaction
from app.errors import NotFoundError
from app.jobs.reaper import reap
from app.orm import AuditEventRow, DatasetRow, JobRow, ReportRow, now
from app.services.datasets import upload_key
from app.states import JobKind, JobState, ReleaseState
from app.wire_jobs import KeptOptions, UseOptions
from tests.app.pages.test_pages import browser
from tests.app.routes.test_uploads import is_problem
from tests.support.forms import fields_of
from tests.support.rows import add_dataset, add_job, add_release
from tests.support.web import Web

DAY = timedelta(days=1)
CSV = "age,city\n" + "\n".join(f"{20 + i % 50},{'Oslo' if i % 2 else 'Rome'}" for i in range(60))


def keep(web: Web, dataset: DatasetRow, days: int | None) -> None:
    with web.client() as client:
        answer = client.patch(f"/v1/datasets/{dataset.id}/retention", json={"retention_days": days})
        assert (answer.status_code, answer.json()["retention_days"]) == (200, days)


def ended(web: Web, job: JobRow, ago: timedelta, **values: object) -> None:
    with transaction(web.backend.engine) as session:
        row = session.get_one(JobRow, job.id)
        row.finished_at = now() - ago
        for name, value in values.items():
            setattr(row, name, value)


def reaped(web: Web, after: timedelta = timedelta(0)) -> int:
    return reap(web.settings, web.backend.engine, open_blobs(web.settings), at=now() + after).expired


def events(web: Web, subject: str) -> list[str]:
    with transaction(web.backend.engine) as session:
        return [row.kind for row in session.query(AuditEventRow).filter_by(subject=subject).order_by("number")]


def test_the_records_go_days_after_the_training_and_reports_and_releases_stay(web_on_both: Web, tmp_path: Path) -> None:
    web, blobs = web_on_both, web_on_both.backend.blobs
    dataset = add_dataset(web, tmp_path)
    job = add_job(web, dataset, JobState.FINISHED)
    split = blobs.put_bytes(
        f"{job.tenant_id}/jobs/{job.id}/1-seal/split", b"real", data_key=dataset_key(job.tenant_id, dataset.id)
    )
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW, dataset=dataset, job=job)
    keep(web, dataset, 30)
    with transaction(web.backend.engine) as session:
        report = session.get_one(ReportRow, release.report_id)
    names = {"split": split.key, "csv": release.csv_key, "synthetic": release.parquet_key, "assignment": "a"}
    names |= {"report": report.json_key, "page": report.html_key}
    artifacts = {name: {"key": key, "sha256": split.sha256} for name, key in names.items()}
    ended(web, job, 29 * DAY, artifacts=artifacts)
    copies = {key: (web.settings.home / "blobs" / key).read_bytes() for key in (dataset.table_key, split.key)}
    assert reaped(web) == 0
    assert reaped(web, 2 * DAY) == 1
    assert reaped(web, 2 * DAY) == 0
    for key, sha256 in ((dataset.table_key, dataset.table_sha256), (split.key, split.sha256)):
        with pytest.raises(NotFoundError):
            blobs.size(key)
        (web.settings.home / "blobs" / key).write_bytes(copies[key])  # as a backup brings it back
        with pytest.raises(NotFoundError, match="erased"):
            open_blobs(web.settings).read(key, sha256)
    assert events(web, dataset.id).count("dataset.expired") == 1
    with web.client() as client:
        seen = client.get(f"/v1/datasets/{dataset.id}").json()
        assert (seen["preview"], seen["records_erased_at"] is None) == (None, False)
        refused = client.post("/v1/jobs", json={"dataset_id": dataset.id})
        assert is_problem(refused, 409)["code"] == "records_erased"
        is_problem(client.patch(f"/v1/datasets/{dataset.id}/retention", json={"retention_days": None}), 409)
        is_problem(client.patch(f"/v1/datasets/{dataset.id}/reading", json={}), 409)
        assert dataset.id not in {each["dataset_id"] for each in client.get("/v1/models").json()["items"]}
        decision = {"action": "approve", "reason": "fine"}
        assert client.post(f"/v1/releases/{release.id}/decision", json=decision).status_code == 200
        assert client.get(f"/v1/releases/{release.id}/data.csv").status_code == 200
        assert client.get(f"/v1/reports/{release.report_id}.json").status_code == 200
    with browser(web, web.admin) as client:
        page = client.get(f"/datasets/{dataset.id}").text
        assert "records were erased" in page
        assert "Start a job" not in page
    assert not [key for key, _ in blobs.listed(f"{job.tenant_id}/datasets/{dataset.id}") if key not in copies]


def test_a_job_that_waits_holds_the_clock_and_a_sample_does_not_begin_it_anew(web: Web, tmp_path: Path) -> None:
    dataset = add_dataset(web, tmp_path)
    keep(web, dataset, 1)
    ended(web, add_job(web, dataset, JobState.FAILED), 3 * DAY)
    ended(web, add_job(web, dataset, JobState.FINISHED), DAY / 2, kind=JobKind.SAMPLE.value)
    waiting = add_job(web, dataset, JobState.QUEUED)
    assert reaped(web) == 0
    with web.client() as client:
        client.post(f"/v1/jobs/{waiting.id}/cancel")
    assert reaped(web) == 0, "a job that would have trained has just ended"
    ended(web, waiting, 2 * DAY)
    assert reaped(web) == 1


@pytest.mark.parametrize(("use", "trained"), [("adapt", True), ("odd", False)])
def test_the_days_begin_with_a_use_that_trains_and_not_with_others(
    web: Web, tmp_path: Path, use: str, *, trained: bool
) -> None:
    dataset, other = add_dataset(web, tmp_path), add_dataset(web, tmp_path)
    keep(web, dataset, 1)
    with transaction(web.backend.engine) as session:
        session.get_one(DatasetRow, dataset.id).created_at = now() - 9 * DAY
    asked = UseOptions.model_validate({"use": use, "like": dataset.id})
    options = KeptOptions(use=asked).model_dump(mode="json")
    ended(web, add_job(web, other, JobState.FINISHED), DAY / 2, kind=JobKind.USE.value, options=options)
    assert reaped(web) == (0 if trained else 1)
    assert reaped(web, DAY) == (1 if trained else 0)


def test_an_upload_that_nobody_trains_on_goes_too_and_without_retention_all_stays(web: Web) -> None:
    made = {}
    with web.client() as client:
        for query in ("", "?retention_days=2"):
            answer = client.post(f"/v1/datasets{query}", content=CSV)
            assert answer.status_code == 201
            made[query] = answer.json()
        is_problem(client.post("/v1/datasets?retention_days=-1", content=CSV), 422)
        is_problem(client.post("/v1/datasets?retention_days=4000", content=CSV), 422)
    assert [each["retention_days"] for each in made.values()] == [None, 2]
    assert reaped(web, DAY) == 0
    assert reaped(web, 3 * DAY) == 1
    left = {query: upload_key(web.admin.tenant_id, each["id"]) for query, each in made.items()}
    stored = {key for key, _ in web.backend.blobs.listed()}
    assert left[""] in stored
    assert left["?retention_days=2"] not in stored


def test_the_page_of_a_data_set_says_how_long_its_records_stay_and_changes_it(web: Web, tmp_path: Path) -> None:
    dataset = add_dataset(web, tmp_path)
    path = f"/datasets/{dataset.id}"
    with browser(web, web.admin) as client:
        form = fields_of(client.get(path).text, f"{path}/retention")
        refused = client.post(f"{path}/retention", data={**form, "retention_days": "soon"})
        assert refused.status_code == 422
        assert 'id="retention_days-fault"' in refused.text
        assert client.post(f"{path}/retention", data={**form, "retention_days": "7"}).status_code == 303
        page = client.get(path).text
        assert "7 days after the last training" in page
        form = fields_of(page, f"{path}/retention")
        assert form["retention_days"] == "7"
        assert client.post(f"{path}/retention", data={**form, "retention_days": ""}).status_code == 303
        assert "Until the data set is deleted" in client.get(path).text
    assert events(web, dataset.id).count("dataset.retention_set") == 2
    with web.client(web.reader) as client:
        is_problem(client.patch(f"/v1{path}/retention", json={"retention_days": 1}), 403)
    with web.client(web.stranger) as client:
        is_problem(client.patch(f"/v1{path}/retention", json={"retention_days": 1}), 404)
