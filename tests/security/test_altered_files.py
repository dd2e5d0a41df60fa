"""Whoever can write to the storage cannot have the service say something else than what was published."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from app.db import transaction
from app.digests import CHUNK_BYTES
from app.orm import ReleaseRow, ReportRow
from app.states import ReleaseState
from tests.app.routes.test_uploads import is_problem
from tests.support.rows import add_dataset, add_release
from tests.support.web import Web


def lying(web: Web, key: str) -> Path:
    """Where a stored file lies."""
    return web.settings.home / "blobs" / key


def drain(answer: httpx2.Response, got: bytearray) -> None:
    for piece in answer.iter_bytes():
        got += piece


def report_of(web: Web, release: ReleaseRow) -> ReportRow:
    with transaction(web.backend.engine) as session:
        return session.get_one(ReportRow, release.report_id)


@pytest.mark.parametrize("served_before", [True, False])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_an_altered_table_is_not_served(web: Web, tmp_path: Path, suffix: str, served_before: bool) -> None:
    release = add_release(web, tmp_path, ReleaseState.RELEASED)
    path = f"/v1/releases/{release.id}/data.{suffix}"
    file = lying(web, getattr(release, f"{suffix}_key"))
    with web.client() as client:
        if served_before:
            assert client.get(path).status_code == 200
        altered = bytearray(file.read_bytes())
        altered[-20] ^= 1
        file.write_bytes(altered)
        for headers in ({}, {"Range": "bytes=0-9"}):
            assert is_problem(client.get(path, headers=headers), 500)["code"] == "artifact_changed"


def test_a_report_that_was_edited_says_nothing(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.BLOCKED)
    report = report_of(web, release)
    with web.client() as client:
        for key, suffix in ((report.json_key, "json"), (report.html_key, "html")):
            path = f"/v1/reports/{report.id}.{suffix}"
            assert client.get(path).status_code == 200
            lying(web, key).write_bytes(b"PASS")
            assert is_problem(client.get(path), 500)["code"] == "artifact_changed"


def test_an_altered_table_or_preview_is_neither_shown_nor_learnt(web: Web, tmp_path: Path) -> None:
    shown, learnt = add_dataset(web, tmp_path), add_dataset(web, tmp_path)
    lying(web, shown.preview_key).write_bytes(b'[["other"]]')
    lying(web, learnt.table_key).write_bytes(lying(web, shown.table_key).read_bytes())
    with web.client() as client:
        assert is_problem(client.get(f"/v1/datasets/{shown.id}"), 500)["code"] == "artifact_changed"
        asked = client.post("/v1/jobs", json={"dataset_id": learnt.id})
        assert is_problem(asked, 500)["code"] == "artifact_changed"


def test_a_download_breaks_off_before_a_chunk_that_is_changed_meanwhile(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.RELEASED)
    (tmp_path / "large").write_bytes(b"0" * (40 * CHUNK_BYTES))
    stored = web.backend.blobs.put(release.csv_key, tmp_path / "large")
    with transaction(web.backend.engine) as session:
        session.get_one(ReleaseRow, release.id).csv_sha256 = stored.sha256
    got = bytearray()
    with web.client() as client, client.stream("GET", f"/v1/releases/{release.id}/data.csv") as answer:
        assert answer.status_code == 200
        with lying(web, release.csv_key).open("r+b") as file:
            file.seek(-CHUNK_BYTES, 2)
            file.write(b"1" * CHUNK_BYTES)
        with pytest.raises(httpx2.TransportError):
            drain(answer, got)
    assert got
    assert b"1" not in got
