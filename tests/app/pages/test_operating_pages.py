"""The pages of auditors and administrators: the audit log, and how the service stands."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import delete, text

from app import checkpoints
from app.db import transaction
from app.jobs.heartbeat import Heart
from app.orm import WorkerRow
from app.states import JobState
from tests.app.pages.test_pages import browser
from tests.app.report.reader import Reader
from tests.support.rows import add_dataset, add_job
from tests.support.web import Web


def test_the_audit_log_shows_who_did_what_and_is_filtered(web: Web, tmp_path: Path) -> None:
    dataset, other = add_dataset(web, tmp_path), add_dataset(web, tmp_path)
    with web.client() as client:
        for each in (dataset, other):
            client.patch(f"/v1/datasets/{each.id}/retention", json={"retention_days": 9})
    with browser(web, web.admin) as client:
        page = Reader(client.get("/audit?kind=dataset.retention_set").text)
        assert page.unbalanced == []
        assert dataset.id in page.text
        assert "retention days: 9" in page.text
        assert "before: none" in page.text
        alone = client.get(f"/audit?subject={dataset.id}").text
        assert dataset.id in alone
        assert other.id not in alone
        for odd in ("<script>", "\u202e", "a b", "%00", "x" * 200):
            answer = client.get("/audit", params={"subject": odd, "kind": "no such"})
            assert answer.status_code == 200
            assert "<script>" not in answer.text.replace("<script src", "")
        assert client.get("/audit?cursor=event_zz").status_code == 422
        assert client.get(f"/audit?subject={'x' * 201}").status_code == 422
    with browser(web, web.stranger) as client:
        assert dataset.id not in client.get("/audit").text
    with browser(web, web.reader) as client:
        assert client.get("/audit").status_code == 403
        assert client.get("/service").status_code == 403
        assert "/audit" not in client.get("/datasets").text


def test_the_whole_log_is_checked_where_that_is_asked(web: Web, tmp_path: Path) -> None:
    engine = web.backend.engine
    with web.client() as client:
        client.patch(f"/v1/datasets/{add_dataset(web, tmp_path).id}/retention", json={"retention_days": 9})
    checkpoints.write(engine, web.backend.blobs, web.settings.home)
    with browser(web, web.admin) as client:
        page = client.get("/audit?check=1").text
        assert "The log is whole" in page
        assert "signed checkpoint" in page
        change = "UPDATE audit_events SET details = replace(details, '9', '8') WHERE kind = 'dataset.retention_set'"
        with engine.begin() as connection:
            connection.execute(text("DROP TRIGGER audit_events_unchanged"))
            connection.execute(text(change))
        page = client.get("/audit?check=1").text
        assert "The log is not as it was written" in page
        assert "details of the event were changed" in page


def test_an_administrator_sees_the_own_queue_who_works_and_what_is_used(web: Web, tmp_path: Path) -> None:
    engine = web.backend.engine
    dataset = add_dataset(web, tmp_path)
    with transaction(engine) as session:
        session.execute(delete(WorkerRow))
    with browser(web, web.stranger) as client:
        before = client.get("/service").text
        assert "No worker has said" in before
    add_job(web, dataset, JobState.QUEUED)
    Heart(engine, 3).beat()
    with browser(web, web.stranger) as client:
        after = client.get("/service").text
        assert "None waits" in after, "jobs of others are theirs"
    with browser(web, web.admin) as client:
        page = Reader(client.get("/service").text)
        assert page.unbalanced == []
        for said in ("The job that waits longest", "works", "bytes of stored files", "migrations", "version"):
            assert said in page.text
