"""A synthetic table is downloaded in the state released, and in no other."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from app.db import transaction
from app.orm import ReleaseRow
from app.states import ReleaseState, Role, Scope
from tests.app.routes.test_uploads import is_problem
from tests.support.people import add_person, key_of
from tests.support.rows import add_dataset, add_release, table
from tests.support.web import Web

PARQUET = "application/vnd.apache.parquet"
REASON = {"reason": "read the report, the limit is met"}


@pytest.mark.parametrize("state", [s for s in ReleaseState if s is not ReleaseState.RELEASED])
def test_before_it_is_released_a_download_says_why_not(web_on_both: Web, tmp_path: Path, state: ReleaseState) -> None:
    release = add_release(web_on_both, tmp_path, state, verdict="BLOCK")
    with web_on_both.client() as client:
        for path in ("data", "data.csv", "data.parquet"):
            problem = is_problem(client.get(f"/v1/releases/{release.id}/{path}"), 409)
            assert (problem["code"], problem["state"], problem["verdict"]) == ("not_released", state.value, "BLOCK")
            assert problem["reasons"] == release.reasons
            assert state.value in problem["detail"]
            assert "0.61" in problem["detail"]


def test_a_released_table_is_served_as_csv_and_parquet(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.RELEASED)
    path = f"/v1/releases/{release.id}/data"
    with web.client() as client:
        for answer in (
            client.get(path),
            client.get(path, headers={"Accept": "text/csv"}),
            client.get(f"{path}.csv"),
            client.get(path, params={"format": "csv"}, headers={"Accept": PARQUET}),
        ):
            assert answer.headers["content-type"].startswith("text/csv")
            assert answer.headers["etag"] == f'"{release.csv_sha256}"'
            assert "attachment" in answer.headers["content-disposition"]
            assert hashlib.sha256(answer.content).hexdigest() == release.csv_sha256
            assert pyarrow.csv.read_csv(io.BytesIO(answer.content)).num_rows == 200
        for answer in (
            client.get(path, headers={"Accept": f"text/csv;q=0.5, {PARQUET}"}),
            client.get(f"{path}.parquet"),
            client.get(path, params={"format": "parquet"}),
        ):
            assert answer.headers["content-type"] == PARQUET
            assert hashlib.sha256(answer.content).hexdigest() == release.parquet_sha256
            assert pq.read_table(io.BytesIO(answer.content)).equals(table())
        is_problem(client.get(path, headers={"Accept": "application/xml"}), 406)
        is_problem(client.get(path, params={"format": "xlsx"}), 422)


def test_a_spreadsheet_gets_no_formulas_and_an_unreleased_table_not_at_all(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.RELEASED)
    waiting = add_release(web, tmp_path, ReleaseState.IN_REVIEW)
    changed = web.backend.blobs.put_bytes("other/csv.csv", b'"=cmd",n\n"=1+1",-5\n')
    with transaction(web.backend.engine) as session:
        row = session.get_one(ReleaseRow, release.id)
        row.csv_key, row.csv_sha256 = changed.key, changed.sha256
    with web.client() as client:
        answer = client.get(f"/v1/releases/{release.id}/data", params={"format": "spreadsheet"})
        assert (answer.status_code, answer.text) == (200, "'=cmd,n\r\n'=1+1,-5\r\n")
        assert "attachment" in answer.headers["content-disposition"]
        assert "etag" not in answer.headers, "these are not the bytes that were published"
        is_problem(client.get(f"/v1/releases/{waiting.id}/data", params={"format": "spreadsheet"}), 409)


def test_what_the_client_has_is_not_sent_again(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.RELEASED)
    tag = f'"{release.csv_sha256}"'
    with web.client() as client:
        for known in (tag, f'"x", W/{tag}', "*"):
            answer = client.get(f"/v1/releases/{release.id}/data", headers={"If-None-Match": known})
            assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
        assert client.get(f"/v1/releases/{release.id}/data", headers={"If-None-Match": '"x"'}).status_code == 200


def test_a_part_is_served_as_asked(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.RELEASED)
    with web.client() as client:

        def get(wanted: str, **more: str):
            return client.get(f"/v1/releases/{release.id}/data", headers={"Range": wanted, **more})

        whole = client.get(f"/v1/releases/{release.id}/data").content
        size = len(whole)
        parts = {"bytes=0-9": whole[:10], "bytes=100-": whole[100:], "bytes=-7": whole[-7:], "bytes=5-5": whole[5:6]}
        parts |= {f"bytes=10-{size * 2}": whole[10:], f"bytes=-{size * 2}": whole}
        for wanted, part in parts.items():
            answer = get(wanted)
            assert (answer.status_code, answer.content) == (206, part)
            start = whole.index(part)
            assert answer.headers["content-range"] == f"bytes {start}-{start + len(part) - 1}/{size}"
        for wanted in (f"bytes={size}-", f"bytes={10**18}-{10**18 + 1}", "bytes=-0"):
            answer = get(wanted)
            is_problem(answer, 416)
            assert answer.headers["content-range"] == f"bytes */{size}"
        for wanted in ("bytes=0-1,5-6", "lines=1-2", "bytes=9-2", "bytes=-", "bytes=a-b"):
            assert (get(wanted).status_code, get(wanted).content) == (200, whole)
        assert get("bytes=0-1", **{"If-Range": f'"{release.csv_sha256}"'}).status_code == 206
        assert get("bytes=0-1", **{"If-Range": '"older"'}).content == whole


@pytest.mark.parametrize(("action", "state"), [("approve", "released"), ("reject", "rejected")])
def test_a_reviewer_decides_once(web_on_both: Web, tmp_path: Path, action: str, state: str) -> None:
    release = add_release(web_on_both, tmp_path, ReleaseState.IN_REVIEW)
    path = f"/v1/releases/{release.id}"
    with web_on_both.client(web_on_both.reviewer) as client:
        key = {"Idempotency-Key": f"decide-{release.id}"}
        answer = client.post(f"{path}/decision", json={"action": action, **REASON}, headers=key)
        assert answer.status_code == 200, answer.text
        decided = answer.json()
        assert (decided["state"], decided["decided_by"]) == (state, web_on_both.reviewer.key_id)
        assert decided["decision_reason"] == REASON["reason"]
        assert decided["decided_at"]
        assert client.get(path).json() == decided
        assert client.get(f"{path}/data").status_code == (200 if state == "released" else 409)
        assert client.post(f"{path}/decision", json={"action": action, **REASON}, headers=key).json() == decided
        for again in ("approve", "reject"):
            is_problem(client.post(f"{path}/decision", json={"action": again, **REASON}), 409)


@pytest.mark.parametrize("state", [ReleaseState.BLOCKED, ReleaseState.VOID, ReleaseState.REJECTED])
def test_nobody_approves_what_the_audit_refused(web: Web, tmp_path: Path, state: ReleaseState) -> None:
    release = add_release(web, tmp_path, state)
    with web.client() as client:
        is_problem(client.post(f"/v1/releases/{release.id}/decision", json={"action": "approve", **REASON}), 409)
        assert client.get(f"/v1/releases/{release.id}").json()["state"] == state.value


@pytest.mark.parametrize("report", ["gone", "changed"])
def test_nobody_approves_without_the_report_as_it_was_published(web: Web, tmp_path: Path, report: str) -> None:
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW)
    folder = f"{release.tenant_id}/jobs/{release.job_id}/1-sample"
    if report == "gone":
        web.backend.blobs.delete(f"{folder}/report.json")
    else:
        web.backend.blobs.put_bytes(f"{folder}/report.json", b'{"version": 1, "verdict": "PASS"}')
    path = f"/v1/releases/{release.id}"
    with web.client() as client:
        problem = is_problem(client.post(f"{path}/decision", json={"action": "approve", **REASON}), 409)
        assert problem["code"] == "unreadable_report"
        assert client.get(path).json()["state"] == "in_review"
        assert client.post(f"{path}/decision", json={"action": "reject", **REASON}).json()["state"] == "rejected"


def test_a_decision_needs_the_scope_and_a_reason(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW)
    path = f"/v1/releases/{release.id}/decision"
    with web.client(web.reader) as client:
        is_problem(client.post(path, json={"action": "approve", **REASON}), 403)
    with web.client(web.reviewer) as client:
        for body in ({"action": "approve"}, {"action": "approve", "reason": ""}, {"action": "sign", **REASON}):
            is_problem(client.post(path, json=body), 422)
        is_problem(client.post(path, json={"action": "approve", "reason": "a\0bc"}), 422)
        assert client.get(f"/v1/releases/{release.id}").json()["state"] == "in_review"


def test_under_four_eyes_whoever_sent_the_job_may_reject_and_not_approve(web: Web, tmp_path: Path) -> None:
    sender, other = (key_of(web, add_person(web, Role.REVIEWER), Scope.REVIEW) for _ in range(2))
    first, second = (
        add_release(web, tmp_path, ReleaseState.IN_REVIEW, four_eyes=True, created_by=sender.key_id) for _ in range(2)
    )
    path = f"/v1/releases/{first.id}/decision"
    for key in (sender, web.reviewer, web.admin):  # the last two belong to nobody, and may be the sender's
        with web.client(key) as client:
            assert is_problem(client.post(path, json={"action": "approve", **REASON}), 403)["code"] == "four_eyes"
    with web.client(other) as client:
        assert client.post(path, json={"action": "approve", **REASON}).json()["state"] == "released"
    with web.client(sender) as client:
        answer = client.post(f"/v1/releases/{second.id}/decision", json={"action": "reject", **REASON})
        assert answer.json()["state"] == "rejected"


def test_beside_a_table_that_its_audit_knew_nothing_of_a_release_is_not_approved(web: Web, tmp_path: Path) -> None:
    dataset = add_dataset(web, tmp_path)
    waiting = add_release(web, tmp_path, ReleaseState.IN_REVIEW, dataset=dataset)
    add_release(web, tmp_path, ReleaseState.RELEASED, dataset=dataset)
    path = f"/v1/releases/{waiting.id}"
    with web.client(web.reviewer) as client:
        problem = is_problem(client.post(f"{path}/decision", json={"action": "approve", **REASON}), 409)
        assert (problem["code"], problem["released_since"]) == ("released_since", 1)
        assert "run the job again" in problem["detail"]
        is_problem(client.get(f"{path}/data"), 409)
        assert client.get(path).json()["state"] == "in_review"
        rejected = client.post(f"{path}/decision", json={"action": "reject", **REASON})
        assert rejected.json()["state"] == "rejected"


def test_without_four_eyes_the_sender_may_decide(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW, created_by=web.reviewer.key_id)
    with web.client(web.reviewer) as client:
        answer = client.post(f"/v1/releases/{release.id}/decision", json={"action": "approve", **REASON})
        assert answer.status_code == 200


def test_a_report_is_json_or_a_page_that_runs_nothing(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.BLOCKED)
    path = f"/v1/reports/{release.report_id}"
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    with web.client() as client:
        for answer in (client.get(path), client.get(f"{path}.json"), client.get(path, headers={"Accept": "*/*"})):
            assert answer.headers["content-type"] == "application/json"
            assert answer.json() == {"version": 1}
        for answer in (client.get(path, headers={"Accept": browser}), client.get(f"{path}.html")):
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            assert answer.text.startswith("<!doctype html>")
            assert "default-src 'none'" in answer.headers["content-security-policy"]
        is_problem(client.get(f"{path}.pdf"), 406)  # of a document that this version cannot render
        is_problem(client.get(f"{path}.docx"), 422)
