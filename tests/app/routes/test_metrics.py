"""What Prometheus is told, and whom else nobody tells; and the id that goes with every request."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.config import Settings
from app.db import migrate
from app.jobs import totals
from app.jobs.gpu import GpuMemory
from app.jobs.heartbeat import Heart
from app.log import FIELDS, JsonLines
from app.states import JobState, ReleaseState
from tests.app.routes.test_uploads import is_problem
from tests.support.rows import add_dataset, add_job, add_release
from tests.support.web import Web, serve

TOKEN = "a-token-of-the-settings"  # noqa: S105


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Values by name and labels."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[(sample.name, *(sample.labels[name] for name in sorted(sample.labels)))] = sample.value
    return found


def test_queue_stages_verdicts_and_requests_are_told(web_on_both: Web, tmp_path: Path) -> None:
    web = web_on_both
    add_job(web, add_dataset(web, tmp_path), JobState.QUEUED)
    add_release(web, tmp_path, ReleaseState.BLOCKED, verdict="BLOCK")
    for seconds in (1.5, 2.5):
        totals.note(web.backend.engine, "train", seconds)
    heart = Heart(web.backend.engine, 3)
    heart.beat()
    heart.tell_memory(GpuMemory(used=5_000_000_000, total=9_000_000_000))
    with web.client() as client:
        for _ in range(2):
            client.get("/v1/jobs/job_0")
        client.head("/v1/jobs")
        client.get("/v1/nothing/Zwolle")
        answer = client.get("/metrics", headers={"Authorization": ""})
    assert answer.status_code == 200
    found = samples(answer.text)
    assert found["lookalike_database_up",] == 1
    assert found["lookalike_gpu_memory_bytes", "used", "3"] == 5_000_000_000
    assert found["lookalike_gpu_memory_bytes", "total", "3"] == 9_000_000_000
    assert found["lookalike_jobs", "queued"] == 1
    assert found["lookalike_queue_oldest_seconds",] >= 0
    assert found["lookalike_releases", "blocked", "BLOCK"] == 1
    assert (found["lookalike_stage_seconds_count", "train"], found["lookalike_stage_seconds_sum", "train"]) == (2, 4)
    assert found["lookalike_http_requests_total", "GET", "/v1/jobs/{job_id}", "404"] == 2
    assert found["lookalike_http_requests_total", "HEAD", "/v1/jobs", "200"] == 1
    assert found["lookalike_http_requests_total", "GET", "unmatched", "404"] == 1
    assert found["lookalike_http_request_seconds_count", "GET", "/v1/jobs/{job_id}"] == 2
    for marker in ("tenant_", "key_", "job_0", "Zwolle"):
        assert marker not in answer.text


def test_who_comes_through_a_proxy_gets_no_metrics(web: Web) -> None:
    with web.client() as client:
        for header in ("X-Forwarded-For", "Forwarded", "Via"):
            problem = is_problem(client.get("/metrics", headers={header: "127.0.0.1"}), 403)
            assert "LOOKALIKE_METRICS_TOKEN" in problem["detail"]


@pytest.fixture
def with_token(tmp_path: Path) -> Iterator[Web]:
    settings = Settings(home=tmp_path / "home", metrics_token=TOKEN)
    migrate(settings)
    with serve(settings) as web:
        yield web


def test_a_token_that_is_set_is_asked_for_from_this_machine_too(with_token: Web) -> None:
    with with_token.client() as client:
        for wrong in ("", "Bearer", f"Bearer {TOKEN}x", "Bearer \u00e9".encode("latin-1"), TOKEN):
            is_problem(client.get("/metrics", headers={"Authorization": wrong}), 401)
        right = {"Authorization": f"Bearer {TOKEN}", "X-Forwarded-For": "10.0.0.1"}
        assert client.get("/metrics", headers=right).status_code == 200
    assert TOKEN not in repr(with_token.settings)


def test_every_answer_has_the_id_of_its_request_and_the_log_knows_it(web: Web) -> None:
    lines: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(JsonLines().format(record))

    access, handler = logging.getLogger("lookalike.access"), Kept()
    access.addHandler(handler)
    access.setLevel(logging.INFO)
    try:
        with web.client() as client:
            sent = client.get("/v1/jobs?limit=1", headers={"X-Request-Id": "mine-1"})
            other = client.get("/v1/releases/Zwolle?x=Zwolle", headers={"X-Request-Id": "not mine"})
            created = client.post("/v1/keys", json={"scopes": ["read"]}, headers={"X-Request-Id": "mine-2"}).json()
            event = client.get("/v1/audit", params={"subject": created["id"]}).json()["items"][0]
    finally:
        access.removeHandler(handler)
    assert sent.headers["X-Request-Id"] == "mine-1"
    assert len(other.headers["X-Request-Id"]) == 24
    assert event["details"]["request"] == "mine-2", "the audit log names the request"
    first, second = (json.loads(line) for line in lines[:2])
    assert (first["request"], first["route"], first["status"]) == ("mine-1", "/v1/jobs", 200)
    assert (second["request"], second["route"]) == (other.headers["X-Request-Id"], "/v1/releases/{release_id}")
    written = "".join(lines)
    assert "Zwolle" not in written
    assert "lk_" not in written
    assert FIELDS not in first
