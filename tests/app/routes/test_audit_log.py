"""What the audit log of a tenant tells its auditors and administrators, and what it never holds."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import rfc8785
from sqlalchemy import select

from app import checkpoints, credentials, sessions
from app.db import reading
from app.jobs import ledger
from app.orm import AuditEventRow
from app.services import keys
from app.services.audit_log import verify
from app.services.tenants import delete_tenant
from app.states import ReleaseState, Role, Scope
from app.task import Failure
from app.wire import NewKeyRequest
from tests.app.routes.test_uploads import is_problem
from tests.support.people import PASSWORD, add_person, key_of
from tests.support.rows import add_release
from tests.support.web import Web

NEXT = "nine red foxes before noon"
CSV = b"age,city\n" + b"".join(b"%d,%s\n" % (20 + i % 20, (b"Zwolle", b"Ghent")[i % 2]) for i in range(80))


def kinds(client, **query: str) -> list[str]:
    return [event["kind"] for event in client.get("/v1/audit", params=query).json()["items"]]


def expect_clean(web: Web) -> None:
    """No event holds a cell, a reason or a token, and all logs verify."""
    with reading(web.backend.engine) as session:
        rows = session.scalars(select(AuditEventRow)).all()
    everything = json.dumps([[row.kind, row.subject, row.details] for row in rows])
    secrets = [key.token.split("_", 2)[2] for key in (web.admin, web.reader, web.stranger)]
    for marker in ("Zwolle", "Ghent", "lk_", *secrets):
        assert marker not in everything
    checkpoints.write(web.backend.engine, web.backend.blobs, web.settings.home)
    found = checkpoints.read(web.backend.blobs, web.settings.home)
    assert verify(web.backend.engine, found).faults == ()


def test_changes_and_reads_of_real_records_are_events(web_on_both: Web) -> None:
    web = web_on_both
    with web.client() as client:
        dataset = client.post("/v1/datasets?name=Zwolle", content=CSV).json()
        columns = {"columns": [{"name": "age", "kind": "categorical"}]}
        assert client.patch(f"/v1/datasets/{dataset['id']}/schema", json=columns).status_code == 200
        assert client.patch(f"/v1/datasets/{dataset['id']}/reading", json={"header_rows": 1}).status_code == 200
        options = {"conditions": {"city": "Ghent"}, "rows": 20}
        job = client.post("/v1/jobs", json={"dataset_id": dataset["id"], **options}).json()
        task = ledger.begin_stage(web.backend.engine, job["id"], "train")
        assert ledger.heard(web.backend.engine, task, Failure(code="stage_crashed", detail="Ghent"))
        assert client.delete(f"/v1/datasets/{dataset['id']}").status_code == 204
        assert kinds(client, subject=dataset["id"])[::-1] == [
            *("dataset.created", "dataset.read", "dataset.read", "dataset.corrected"),
            *("dataset.read", "dataset.read_anew", "dataset.read", "dataset.read", "dataset.deleted"),
        ]
        assert kinds(client, subject=job["id"])[::-1] == ["job.created", "job.moved", "stage.begun", "job.moved"]
        (begun,) = client.get("/v1/audit", params={"kind": "stage.begun"}).json()["items"]
    facts = {"stage": "train", "attempt": 1, "dataset": dataset["id"], "real_data": ["table"]}
    assert begun["details"]["facts"] == facts
    assert begun["details"]["by"] == "worker"
    assert begun["details_sha256"] == hashlib.sha256(rfc8785.dumps(begun["details"])).hexdigest()
    expect_clean(web)


def test_decisions_downloads_keys_and_withdrawals_are_events(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW)
    said = {"reason": "Mrs Zwolle agreed"}
    with web.client() as client:
        path = f"/v1/releases/{release.id}"
        assert client.post(f"{path}/decision", json={"action": "approve", **said}).status_code == 200
        for each in ("data.csv", "data?format=spreadsheet", "certificate"):
            assert client.get(f"{path}/{each}").status_code == 200
        assert client.get(f"/v1/reports/{release.report_id}.json").status_code == 200
        assert client.post(f"{path}/withdrawal", json=said).status_code == 200
        assert client.delete(path).status_code == 204
        assert kinds(client, subject=release.id)[::-1] == [
            *("release.decided", "release.downloaded", "release.downloaded", "certificate.issued"),
            *("release.withdrawn", "release.deleted"),
        ]
        assert kinds(client, subject=release.report_id) == ["report.read"]
        made = client.post("/v1/keys", json={"scopes": ["review"], "person": "Ada"}).json()
        rotated = client.post(f"/v1/keys/{made['id']}/rotation", json={}).json()
        assert client.delete(f"/v1/keys/{rotated['id']}").status_code == 204
        assert kinds(client)[:4] == ["key.revoked", "key.rotated", "key.created", "key.created"]
        decided = client.get("/v1/audit", params={"kind": "release.decided"}).json()["items"][0]
        assert decided["details"]["by"] == web.admin.key_id
    expect_clean(web)


def test_a_refused_request_leaves_no_event_of_a_change(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.BLOCKED)
    with web.client() as client:
        is_problem(client.get(f"/v1/releases/{release.id}/data"), 409)
        is_problem(client.post(f"/v1/releases/{release.id}/withdrawal", json={"reason": "no more"}), 409)
        assert kinds(client, subject=release.id) == []


def test_the_log_is_paged_filtered_and_for_auditors_and_administrators_of_the_tenant(web: Web) -> None:
    with web.client() as client:
        whole = client.get("/v1/audit", params={"limit": 200}).json()["items"]
        first = client.get("/v1/audit", params={"limit": 2}).json()
        second = client.get("/v1/audit", params={"limit": 2, "cursor": first["next"]}).json()
        assert first["items"] + second["items"] == whole[:4]
        assert client.get("/v1/audit", params={"cursor": "event_1"}).json() == {"items": [], "next": None}
        assert client.get("/v1/audit", params={"cursor": f"job_{'f' * 90}"}).json()["items"] == []
        is_problem(client.get("/v1/audit", params={"kind": "nothing"}), 422)
    with web.client(web.stranger) as client:
        assert kinds(client) == ["key.created", "tenant.created"]
    for key in (web.reader, web.reviewer):
        with web.client(key) as client:
            is_problem(client.get("/v1/audit"), 403)
    auditor = add_person(web, Role.AUDITOR)
    with web.client(key_of(web, auditor, Scope.AUDIT)) as client:
        assert kinds(client)[0] == "key.created"
        is_problem(client.get("/v1/jobs"), 403)


def test_what_happens_to_people_and_what_they_do_is_an_event_without_their_secrets(web_on_both: Web) -> None:
    web = web_on_both
    engine, passwords = web.backend.engine, web.backend.passwords
    with web.client() as client:
        made = client.post("/v1/people", json={"name": "Ada", "email": "ada@example.org", "roles": ["analyst"]}).json()
        for change in ({"roles": ["uploader"]}, {"disabled": True}, {"disabled": False}):
            assert client.patch(f"/v1/people/{made['id']}", json=change).status_code == 200
        code = client.post(f"/v1/people/{made['id']}/reset").json()["code"]
        credentials.use_code(engine, passwords, code, PASSWORD)
        known = credentials.know(engine, passwords, made["email"], PASSWORD)
        known = credentials.change_password(engine, passwords, known, NEXT)
        cookie = sessions.begin_by_password(engine, known)
        caller = sessions.resume(engine, cookie).caller
        own = keys.create(web.backend, caller, NewKeyRequest(scopes=[Scope.WRITE]))
        sessions.end(engine, cookie)
        events = client.get("/v1/audit", params={"subject": made["id"]}).json()["items"][::-1]
        assert [event["kind"] for event in events] == [
            *("person.created", "person.changed", "person.disabled", "person.enabled", "person.reset"),
            *("password.set", "password.set", "session.begun", "session.ended"),
        ]
        (created,) = client.get("/v1/audit", params={"subject": own.id}).json()["items"]
    for event in events[:5]:
        assert event["details"]["by"] == web.admin.key_id
    for event in (*events[5:], created):
        said = event["details"]
        assert (said["by"], said["person"], said["account"]) == (made["id"], "Ada", made["id"])
    assert events[0]["details"]["facts"] == {"name": "Ada", "roles": ["analyst"]}
    assert events[1]["details"]["facts"] == {"roles": ["uploader"], "before": ["analyst"]}
    everything = json.dumps(events)
    for secret in (made["email"], made["code"], code, PASSWORD, NEXT, cookie):
        assert secret not in everything
    expect_clean(web)


def test_a_key_of_an_account_acts_in_the_name_of_its_person(web: Web) -> None:
    person = add_person(web, Role.UPLOADER, name="Grace Hopper")
    key = key_of(web, person, Scope.WRITE, Scope.READ)
    with web.client(key) as client:
        dataset = client.post("/v1/datasets", content=CSV).json()["id"]
    with web.client() as client:
        events = client.get("/v1/audit", params={"subject": dataset}).json()["items"]
    for event in events:
        said = event["details"]
        assert (said["by"], said["person"], said["account"]) == (key.key_id, "Grace Hopper", person.id)


def test_an_erased_tenant_s_log_names_nobody(web: Web) -> None:
    tenant = web.stranger.tenant_id
    person = add_person(web, Role.ADMIN, name="Grace Hopper", tenant_id=tenant)
    with web.client(key_of(web, person, Scope.ADMIN)) as client:
        assert client.post("/v1/datasets", content=CSV).status_code == 201
    delete_tenant(web.backend.engine, web.backend.blobs, tenant)
    with reading(web.backend.engine) as session:
        rows = session.scalars(select(AuditEventRow).where(AuditEventRow.tenant_id == tenant)).all()
    assert "Grace" not in json.dumps([[row.kind, row.subject, row.details] for row in rows])
    assert verify(web.backend.engine, checkpoints.read(web.backend.blobs, web.settings.home)).faults == ()
