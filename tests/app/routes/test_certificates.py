"""The certificate over HTTP, and the bundle that the command line fetches and checks without the service."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from app.certificate import read_public_key, verify
from app.cli.certificates import fetch_bundle
from app.cli.client import Client
from app.db import transaction
from app.orm import JobRow, ReleaseRow
from app.signing import renew
from app.states import ReleaseState
from tests.app.cli.commands import lookalike
from tests.app.routes.test_uploads import is_problem
from tests.support.reports import document_bytes
from tests.support.rows import add_release
from tests.support.web import Web

REASON = "The limit is met; the recipient is under contract."


def released(web: Web, tmp_path: Path, reason: str = REASON) -> ReleaseRow:
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW, report=document_bytes(), verdict="PASS")
    with transaction(web.backend.engine) as session:
        job = session.get_one(JobRow, release.job_id)
        job.artifacts = {"weights": {"key": "w", "sha256": "a" * 64}, "model": {"key": "m", "sha256": "b" * 64}}
    with web.client(web.reviewer) as client:
        body = {"action": "approve", "reason": reason}
        assert client.post(f"/v1/releases/{release.id}/decision", json=body).status_code == 200
    return release


def test_a_released_release_has_a_certificate_that_its_public_key_checks(web: Web, tmp_path: Path) -> None:
    release = released(web, tmp_path)
    with web.client(web.reader) as client:
        envelope = client.get(f"/v1/releases/{release.id}/certificate").content
        assert client.get(f"/v1/releases/{release.id}/certificate").content == envelope
        keys = client.get("/v1/certificate-keys").json()["keys"]
    (signed_by,) = (each["keyid"] for each in json.loads(envelope)["signatures"])
    said = verify(envelope, read_public_key(keys[signed_by].encode()))
    subjects = {each["name"]: each["digest"]["sha256"] for each in said["subject"]}
    assert subjects["data.csv"] == release.csv_sha256
    assert subjects["data.parquet"] == release.parquet_sha256
    assert subjects["model.safetensors"] == "a" * 64
    assert set(subjects) == {"data.csv", "data.parquet", "report.json", "model.safetensors", "model.json"}
    predicate = said["predicate"]
    assert predicate["verdict"] == "PASS"
    assert predicate["policy"]["version"]
    assert predicate["decision"] | {"at": ""} == {
        "action": "approve",
        "by": web.reviewer.key_id,
        "name": web.reviewer.key_id,
        "person": None,
        "at": "",
        "reason": REASON,
    }
    assert all("PRIVATE" not in pem for pem in keys.values())


@pytest.mark.parametrize("state", [s for s in ReleaseState if s is not ReleaseState.RELEASED])
def test_what_is_not_released_has_no_certificate(web: Web, tmp_path: Path, state: ReleaseState) -> None:
    release = add_release(web, tmp_path, state, report=document_bytes())
    with web.client() as client:
        assert is_problem(client.get(f"/v1/releases/{release.id}/certificate"), 409)["state"] == state.value


def test_another_tenant_and_nobody_get_none(web: Web, tmp_path: Path) -> None:
    release = released(web, tmp_path)
    with web.client(web.stranger) as client:
        is_problem(client.get(f"/v1/releases/{release.id}/certificate"), 404)


def test_a_changed_report_is_not_certified(web: Web, tmp_path: Path) -> None:
    release = released(web, tmp_path)
    web.backend.blobs.put_bytes(f"{release.tenant_id}/jobs/{release.job_id}/1-sample/report.json", b'{"verdict": {}}')
    with web.client() as client:
        assert client.get(f"/v1/releases/{release.id}/certificate").status_code == 500


def test_a_bundle_is_fetched_and_checked_by_the_command_line(web: Web, tmp_path: Path) -> None:
    release = released(web, tmp_path)
    out = tmp_path / "bundle"
    with Client(web.url, web.reader.token, direct=True) as client:
        fetch_bundle(client, release.id, out)
    assert {path.name for path in out.iterdir()} == {"certificate.json", "key.pem", "data.csv", "report.json"}
    result = lookalike("verify", str(out))
    assert result.returncode == 0, result.stderr
    for words in (release.id, "PASS", web.reviewer.key_id, REASON, "as they were certified"):
        assert words in result.stdout
    key = json.loads((out / "certificate.json").read_bytes())["signatures"][0]["keyid"]
    assert lookalike("verify", str(out), "--key", key).returncode == 0
    assert lookalike("verify", str(out), "--key", "0" * 64).returncode == 1
    data = bytearray((out / "data.csv").read_bytes())
    data[-2] ^= 1
    (out / "data.csv").write_bytes(data)
    result = lookalike("verify", str(out))
    assert result.returncode == 1
    assert "data.csv is not the file that was certified" in result.stderr
    assert base64.b64encode(data).decode() not in result.stderr


def test_what_a_reviewer_writes_is_no_line_of_what_was_verified(web: Web, tmp_path: Path) -> None:
    release = released(web, tmp_path, "ok\nrelease   release_x, verdict PASS, policy public 3.0.0\rkey       ab\x1b[1A")
    with Client(web.url, web.reader.token, direct=True) as client:
        fetch_bundle(client, release.id, tmp_path / "bundle")
    result = lookalike("verify", str(tmp_path / "bundle"))
    assert result.returncode == 0, result.stderr
    words = [line.split()[0] for line in result.stdout.splitlines()]
    assert words == ["verified", "release", "decision", "reason", "not", "key", "Whether", "The"]
    assert r"ok\nrelease   release_x, verdict PASS, policy public 3.0.0\rkey       ab\x1b[1A" in result.stdout


def test_a_certificate_outlives_a_withdrawal_and_the_check_says_that_it_cannot_know(web: Web, tmp_path: Path) -> None:
    release = released(web, tmp_path)
    with Client(web.url, web.reader.token, direct=True) as client:
        fetch_bundle(client, release.id, tmp_path / "bundle")
    with web.client(web.reviewer) as client:
        withdrawn = client.post(f"/v1/releases/{release.id}/withdrawal", json={"reason": "The contract ended."})
        assert withdrawn.json()["state"] == "withdrawn"
    with web.client(web.reader) as client:
        is_problem(client.get(f"/v1/releases/{release.id}/certificate"), 409)
    result = lookalike("verify", str(tmp_path / "bundle"))
    assert result.returncode == 0, result.stderr
    assert "Whether the release was withdrawn since, only the service knows." in result.stdout


def test_a_certificate_says_the_same_of_a_release_after_its_key_was_renewed(web: Web, tmp_path: Path) -> None:
    release = released(web, tmp_path)
    with web.client(web.reader) as client:
        before = client.get(f"/v1/releases/{release.id}/certificate").json()
        renew(web.backend.settings.home)
        after = client.get(f"/v1/releases/{release.id}/certificate").json()
    assert before["payload"] == after["payload"]
    assert before["signatures"] != after["signatures"]
