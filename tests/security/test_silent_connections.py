"""Connections that say nothing, say it slowly or do not listen keep nobody else out, and end."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import pytest

from app import server
from app.config import Settings
from app.db import migrate
from app.server import SAME_MESSAGES, SAME_SECONDS, GuardedProtocol, Sparing
from tests.support.jobs import ROOT, wait_for
from tests.support.web import Web, serve

SILENT = 300


@contextmanager
def connected(url: str, count: int = 1) -> Iterator[list[socket.socket]]:
    target = urlsplit(url)
    with ExitStack() as opened:
        yield [
            opened.enter_context(socket.create_connection((target.hostname, target.port), timeout=10))
            for _ in range(count)
        ]


def is_closed(connection: socket.socket) -> bool:
    connection.settimeout(0.01)
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


@pytest.fixture
def hasty(tmp_path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """A service that waits for nobody long."""
    for name in ("HEADER_SECONDS", "BODY_IDLE_SECONDS", "SLOW_SECONDS"):
        monkeypatch.setattr(server, name, 1.0)
    monkeypatch.setattr(server, "LOOK_SECONDS", 0.1)
    settings = Settings(home=tmp_path / "home", device="cpu")
    migrate(settings)
    with serve(settings) as web:
        yield web


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n",
        b"POST /v1/datasets HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer KEY\r\nContent-Length: 9999\r\n\r\na,b\n",
    ],
    ids=["nothing", "half of the headers", "a part of the body"],
)
def test_a_connection_that_goes_silent_is_closed(hasty: Web, said: bytes) -> None:
    with connected(hasty.url) as (connection,):
        connection.sendall(said.replace(b"KEY", hasty.admin.token.encode()))
        wait_for("it is closed", lambda: is_closed(connection), seconds=20)
    wait_for("nothing is left of it", hasty.scratch_is_empty)


def test_headers_and_bodies_that_come_drop_by_drop_end_too(hasty: Web) -> None:
    key = f"Authorization: Bearer {hasty.admin.token}"
    head = f"POST /v1/datasets HTTP/1.1\r\nHost: x\r\n{key}\r\nContent-Length: 99999\r\n"
    with connected(hasty.url, 2) as (slow_head, slow_body):
        slow_head.sendall(head.encode())
        slow_body.sendall(f"{head}\r\n".encode())

        def drip(connection: socket.socket) -> bool:
            try:
                connection.sendall(b"X")
            except OSError:
                return True
            return is_closed(connection)

        for connection in (slow_head, slow_body):
            wait_for("it is closed", lambda: drip(connection), seconds=20)  # noqa: B023 - asked at once


def test_a_body_that_comes_at_a_common_speed_is_taken_however_long_it_takes(hasty: Web) -> None:
    rows = "".join(f"{i},x{i % 3},{i * 1.5}\n" for i in range(60)).encode()

    def slowly() -> Iterator[bytes]:
        yield b"a,b,c\n"
        for _ in range(16):  # 2.4 s at 6 kB a second
            time.sleep(0.15)
            yield rows

    with hasty.client() as client:
        assert client.post("/v1/datasets", content=slowly()).status_code == 201


def test_where_all_connections_are_taken_the_longest_silent_one_makes_room(
    hasty: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HEADER_SECONDS", 600.0)
    for kind in GuardedProtocol.__subclasses__():
        monkeypatch.setattr(kind, "most_connections", 20)
    with connected(hasty.url, 60) as silent, hasty.client() as client:
        for _ in range(5):
            assert client.get("/healthz").status_code == 200
        assert sum(map(is_closed, silent)) >= 40
        assert not is_closed(silent[-1])


SERVER = """
import resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
import uvicorn
from app.server import configuration

async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

uvicorn.Server(configuration(app, lifespan="off")).run(sockets=[socket.socket(fileno=int(sys.argv[1]))])
"""


def test_silent_connections_beyond_the_limit_of_files_neither_stop_the_service_nor_fill_the_log(tmp_path) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as bound, (tmp_path / "log").open("wb") as log:
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        command = [sys.executable, "-c", SERVER, str(bound.fileno())]
        with subprocess.Popen(command, cwd=ROOT, pass_fds=[bound.fileno()], stdout=log, stderr=log) as process:
            try:
                with connected(url, SILENT):
                    for _ in range(5):
                        with connected(url) as (asking,):
                            asking.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                            assert asking.recv(100).startswith(b"HTTP/1.1 200")
            finally:
                process.kill()
    assert (tmp_path / "log").stat().st_size < 100_000


def test_of_many_messages_of_one_kind_a_few_are_logged_and_the_others_counted() -> None:
    now = 0.0
    sparing = Sparing(lambda: now)

    def logged(message: str) -> str | None:
        record = logging.LogRecord("uvicorn.error", logging.WARNING, "", 0, message, None, None)
        return record.getMessage() if sparing.filter(record) else None

    assert sum(logged("Invalid HTTP request received.") is not None for _ in range(1000)) == SAME_MESSAGES
    assert logged("another") == "another"
    now = SAME_SECONDS + 1
    assert logged("Invalid HTTP request received.") == (
        f"Invalid HTTP request received. ({1000 - SAME_MESSAGES} more like this were not logged)"
    )
