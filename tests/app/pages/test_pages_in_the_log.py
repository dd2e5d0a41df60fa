"""What is read and sent through the pages is in the audit log, and within the limits, as over the API."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.blobs import Stored
from app.db import transaction
from app.orm import ReleaseRow, ReportRow
from app.services.quotas import Limit
from app.states import ReleaseState, Role
from tests.app.pages.test_dataset_pages import upload, uploaded
from tests.app.pages.test_pages import decide
from tests.app.pages.test_people_pages import person_in, post
from tests.app.routes.test_audit_log import kinds
from tests.app.routes.test_quotas import limited
from tests.support.forms import fields_of
from tests.support.people import add_person
from tests.support.reports import document_bytes
from tests.support.rows import add_dataset, add_release
from tests.support.web import Web

PAGE = b"<!doctype html><body><header><h1>Report</h1></header><main></main></body>"


def test_the_preview_is_a_read_and_forms_that_show_no_record_are_none(web: Web) -> None:
    person = add_person(web, Role.UPLOADER)
    with person_in(web, person) as client, web.client() as api:
        path = uploaded(client)
        dataset = path.rpartition("/")[2]
        before = kinds(api, subject=dataset)
        assert before[-1] == "dataset.created"
        for form in ("schema", "reading", "delete"):
            assert client.get(f"{path}/{form}").status_code == 200
        assert client.get(f"/jobs/new?dataset={dataset}").status_code == 200
        assert kinds(api, subject=dataset) == before
        assert client.get(path).status_code == 200
        first, *rest = api.get("/v1/audit", params={"subject": dataset}).json()["items"]
        assert (first["kind"], first["details"]["facts"]) == ("dataset.read", {"purpose": "preview"})
        assert (first["details"]["by"], first["details"]["account"]) == (person.id, person.id)
        assert len(rest) == len(before)
        assert post(client, f"{path}/delete", name="people.csv").status_code == 303
        assert kinds(api, subject=dataset)[0] == "dataset.deleted"


def set_page(web: Web, release: ReleaseRow, stored: Stored | None) -> None:
    with transaction(web.backend.engine) as session:
        row = session.get_one(ReportRow, release.report_id)
        row.html_key, row.html_sha256 = (stored.key, stored.sha256) if stored else (row.html_key, None)


def test_reports_and_data_are_events_by_whoever_looks(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW, report=document_bytes())
    path = f"/reports/{release.report_id}"
    with person_in(web, add_person(web, Role.ADMIN)) as client, web.client() as api:
        set_page(web, release, None)
        assert client.get(path).status_code == 404
        assert kinds(api, subject=release.report_id) == [], "a page without a known hash is not given out"
        stored = web.backend.blobs.put_bytes(f"{release.tenant_id}/jobs/{release.job_id}/2-report/page.html", PAGE)
        set_page(web, release, stored)
        assert client.get(f"{path}.json").status_code == 200
        assert client.get(path).status_code == 200
        assert decide(client, release.id).status_code == 303
        assert "Approved by" in client.get(path).text
        read = api.get("/v1/audit", params={"subject": release.report_id}).json()["items"]
        assert [event["details"]["facts"]["form"] for event in read] == ["html", "html", "json"]
        assert client.get(f"{path}?audience=shareable").status_code == 200
        assert client.get(f"/compare?first={release.id}&second={release.id}").status_code == 200
        read = api.get("/v1/audit", params={"subject": release.report_id}).json()["items"]
        facts = [event["details"]["facts"] for event in read]
        assert facts[:2] == [{"form": "comparison", "audience": "internal"}] * 2
        assert facts[2] == {"form": "html", "audience": "shareable"}
        for suffix in ("csv", "parquet"):
            assert client.get(f"/releases/{release.id}/data.{suffix}").status_code == 200
        assert kinds(api, subject=release.id) == ["release.downloaded", "release.downloaded", "release.decided"]


def test_a_quota_is_refused_beside_the_form_and_nothing_typed_is_lost(web: Web, tmp_path: Path) -> None:
    row = add_dataset(web, tmp_path)
    person = add_person(web, Role.UPLOADER)
    with person_in(web, person) as client:
        with limited(web, Limit.DATASETS, 0):
            answer = upload(client, name="Kept <name>")
            assert (answer.status_code, "tenant_datasets" in answer.text) == (409, True)
            assert fields_of(answer.text, "/datasets/new")["name"] == "Kept <name>"
        with limited(web, Limit.STORED_BYTES, 1):
            answer = upload(client, name="Kept <name>")
            assert (answer.status_code, "tenant_stored_bytes" in answer.text) == (507, True)
            assert fields_of(answer.text, "/datasets/new")["name"] == "Kept <name>"
        form = fields_of(client.get(f"/jobs/new?dataset={row.id}").text, "/jobs/new") | {"seed": "7"}
        assert client.post("/jobs/new", data=form).status_code == 303
        form = fields_of(client.get(f"/jobs/new?dataset={row.id}").text, "/jobs/new") | {"seed": "8"}
        with limited(web, Limit.KEY_JOBS_AT_ONCE, 1):
            answer = client.post("/jobs/new", data=form)
            assert (answer.status_code, "key_jobs_at_once" in answer.text) == (409, True)
            assert fields_of(answer.text, "/jobs/new")["seed"] == "8"


def test_a_person_who_asks_too_often_sees_a_page(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    with person_in(web, add_person(web, Role.ANALYST)) as client:
        monkeypatch.setattr(web.backend.rates, "per_minute", 1)
        client.get("/jobs")
        answer = client.get("/jobs")
    assert (answer.status_code, answer.headers["content-type"]) == (429, "text/html; charset=utf-8")
    assert 0 < int(answer.headers["Retry-After"]) <= 60
