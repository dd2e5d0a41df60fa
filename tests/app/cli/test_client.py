import hashlib
import json
from pathlib import Path

import pytest

from app.cli.client import Client
from app.cli.exits import CommandError, Exit
from tests.app.cli.server import Answer, Asked, answering


def problem(status: int, **members: object) -> Answer:
    return Answer(status=status, type="application/problem+json", body=json.dumps(members).encode())


def test_a_problem_becomes_one_sentence_with_what_was_expected() -> None:
    told = problem(409, title="Not possible in the present state", detail="expected a released table", code="conflict")
    with (
        answering(lambda _: told) as url,
        Client(url, "lk_x", direct=True) as client,
        pytest.raises(CommandError) as refused,
    ):
        client.get("/v1/releases/rel_1")
    assert str(refused.value) == "Not possible in the present state: expected a released table"
    assert refused.value.code == Exit.FAILED


def test_a_problem_is_one_line_whatever_people_wrote() -> None:
    told = problem(409, title="Not released", detail="rejected: no\nverdict   PASS\x1b[1A")
    with (
        answering(lambda _: told) as url,
        Client(url, "lk_x", direct=True) as client,
        pytest.raises(CommandError) as refused,
    ):
        client.get("/v1/releases/rel_1")
    assert str(refused.value) == r"Not released: rejected: no\nverdict   PASS\x1b[1A"


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_what_the_service_cannot_read_is_bad_input(status: int) -> None:
    told = problem(status, title="The request is not valid", errors=[{"field": "rows", "message": "must be positive"}])
    with (
        answering(lambda _: told) as url,
        Client(url, "lk_x", direct=True) as client,
        pytest.raises(CommandError, match="rows: must be positive") as refused,
    ):
        client.get("/v1/jobs")
    assert refused.value.code == Exit.BAD_INPUT


@pytest.mark.parametrize("body", [b"<html>a proxy's page</html>", b"[]", b"not json"])
@pytest.mark.parametrize("status", [200, 502])
def test_an_answer_of_something_else_is_said_so(status: int, body: bytes) -> None:
    told = Answer(status=status, body=body, type="text/html")
    with (
        answering(lambda _: told) as url,
        Client(url, "lk_x", direct=True) as client,
        pytest.raises(CommandError) as refused,
    ):
        client.get("/v1/jobs")
    assert "proxy" not in str(refused.value)
    assert refused.value.code == Exit.FAILED


def test_nobody_there_is_said_with_the_address() -> None:
    with answering(lambda _: Answer(body=b"{}")) as url:
        pass
    with Client(url, "lk_x", direct=True) as client, pytest.raises(CommandError, match=f"{url}, could not connect"):
        client.get("/v1/jobs")


def test_a_download_is_what_the_release_names(tmp_path: Path) -> None:
    body = b"age,sex\n" * 100_000
    with answering(lambda _: Answer(body=body, type="text/csv")) as url, Client(url, "lk_x", direct=True) as client:
        target = client.download("/data", tmp_path / "s.csv", "text/csv", sha256=hashlib.sha256(body).hexdigest())
    assert target.read_bytes() == body


@pytest.mark.parametrize(
    "told",
    [
        Answer(body=b"age,sex\n", type="text/csv"),  # not the hash that was promised
        Answer(body=b"age,sex\n", type="text/csv", claims=10_000),  # cut off
        problem(409, title="Not possible in the present state"),
    ],
)
def test_half_a_download_is_never_left_there(told: Answer, tmp_path: Path) -> None:
    with answering(lambda _: told) as url, Client(url, "lk_x", direct=True) as client, pytest.raises(CommandError):
        client.download("/data", tmp_path / "s.csv", "text/csv", sha256="0" * 64)
    assert list(tmp_path.iterdir()) == []


def test_the_key_goes_with_every_request() -> None:
    seen: list[Asked] = []

    def answer(asked: Asked) -> Answer:
        seen.append(asked)
        return Answer(body=b"{}")

    with answering(answer) as url, Client(url, "lk_secret", direct=True) as client:
        client.get("/v1/jobs", cursor="job_1")
    assert seen[0].headers["authorization"] == "Bearer lk_secret"
    assert seen[0].path == "/v1/jobs?cursor=job_1"
