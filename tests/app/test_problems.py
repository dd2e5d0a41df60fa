"""Every error is a problem document, and none repeats the data."""

from __future__ import annotations

import logging
import threading

import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from starlette.testclient import TestClient

from app import problems
from app.limits import JSON_BYTES
from privacy.errors import PolicyError
from synth.errors import ConditionError
from tests.app.routes.test_uploads import is_problem
from tests.support.web import Web

CELL = "Zaphod Beeblebrox"


@pytest.fixture
def client() -> TestClient:
    api = FastAPI()
    problems.install(api)

    @api.get("/defect")
    def defect() -> None:
        raise ValueError(f"could not convert string to float: {CELL}")

    @api.get("/condition")
    def condition() -> None:
        raise ConditionError("expected a known column, got another one")

    @api.get("/policy")
    def policy() -> None:
        raise PolicyError("expected a known policy, got another one")

    @api.get("/half")
    def half() -> StreamingResponse:
        def chunks():
            yield b"first"
            raise ValueError(CELL)

        return StreamingResponse(chunks())

    return TestClient(api, raise_server_exceptions=False)


def test_a_defect_is_an_incident_without_words(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = client.get("/defect")
    problem = is_problem(answer, 500)
    incident = problem["instance"].rsplit(":", 1)[1]
    assert len(incident) == 16
    assert CELL not in answer.text
    assert CELL not in caplog.text
    assert incident in caplog.text
    assert "ValueError" in caplog.text
    assert client.get("/defect").json()["instance"] != problem["instance"]


def test_an_answer_that_breaks_off_says_nothing_either(
    client: TestClient, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        client.get("/half")
    assert CELL not in caplog.text
    assert CELL not in "".join(capfd.readouterr())


@pytest.mark.parametrize(("path", "code"), [("/condition", "invalid_condition"), ("/policy", "invalid_policy")])
def test_what_the_rooms_refuse_is_the_callers_mistake(client: TestClient, path: str, code: str) -> None:
    assert is_problem(client.get(path), 422)["code"] == code


def test_the_routers_own_refusals_are_problems(web: Web) -> None:
    with web.client() as client:
        assert is_problem(client.get("/v2/anything"), 404)["code"] == "not_found"
        answer = client.put("/v1/jobs")
        assert is_problem(answer, 405)["code"] == "method_not_allowed"
        assert answer.headers["allow"]
        is_problem(client.get("/docs"), 404)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff\xfe", b"null", b"[" * 100_000, b'{"dataset_id": 1}', b'{"rows": 1e400}']
)
def test_a_body_that_is_not_what_it_should_be_is_refused(web: Web, body: bytes) -> None:
    with web.client() as client:
        is_problem(client.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"}), 400, 422)


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_that_would_fill_the_memory_is_broken_off(web: Web, chunked: bool) -> None:
    body = b'{"dataset_id": "' + b"x" * 3_000_000
    content = (body[i : i + 65536] for i in range(0, len(body), 65536)) if chunked else body
    with web.client() as client:
        answer = client.post("/v1/jobs", content=content, headers={"Content-Type": "application/json"})
        assert str(JSON_BYTES) in is_problem(answer, 413)["detail"]


@pytest.mark.parametrize("key", ["", "with space", "x" * 201, "ü".encode("latin-1")])
def test_an_idempotency_key_is_short_and_plain(web: Web, key: str | bytes) -> None:
    with web.client() as client:
        headers = {b"Idempotency-Key": key.encode() if isinstance(key, str) else key}
        is_problem(client.post("/v1/jobs", json={"dataset_id": "x"}, headers=headers), 422)


def test_logs_hold_neither_keys_nor_cells(web: Web, caplog: pytest.LogCaptureFixture) -> None:
    assert threading.active_count() > 1  # the service logs in this very process
    with caplog.at_level(logging.DEBUG), web.client() as client:
        client.post("/v1/datasets", content=f"a,b\n1,{CELL}\n".encode())
        client.post("/v1/jobs", json={"dataset_id": CELL})
    assert CELL not in caplog.text
    assert web.admin.token not in caplog.text
