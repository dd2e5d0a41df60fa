"""Connections that say nothing, say it slowly or do not listen keep nobody else out, and end."""

from __future__ import annotations

import asyncio
import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT

from app import server
from app.config import Settings
from app.db import migrate
from app.server import SAME_MESSAGES, SAME_SECONDS, GuardedProtocol, Sparing, configuration
from tests.support.jobs import ROOT, wait_for
from tests.support.web import Web, serve

SILENT = 300
LARGE = 1024**2
NOT_READ = HIGH_WATER_LIMIT + 100
"""So much that no more is taken in until it is read."""


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


@contextmanager
def answering(app: Callable[..., Awaitable[None]]) -> Iterator[tuple[uvicorn.Server, socket.socket]]:
    """A server with small buffers of the system, and a connection to it."""
    with socket.socket() as bound, socket.socket() as connection:
        for each, option in ((bound, socket.SO_SNDBUF), (connection, socket.SO_RCVBUF)):
            each.setsockopt(socket.SOL_SOCKET, option, 8192)
        bound.bind(("127.0.0.1", 0))
        bound.listen()
        running = uvicorn.Server(configuration(app, lifespan="off", log_config=None, timeout_graceful_shutdown=1))
        thread = threading.Thread(target=running.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        connection.settimeout(20)
        connection.connect(bound.getsockname())
        yield running, connection
        connection.close()
        running.should_exit = True
        thread.join(20)


async def large(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % LARGE)]})
    await send({"type": "http.response.body", "body": bytes(LARGE), "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def test_who_takes_an_answer_slowly_gets_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "WRITE_SECONDS", 0.5)
    monkeypatch.setattr(server, "LOOK_SECONDS", 0.05)
    with answering(large) as (_, connection):
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        received = 0
        while received < LARGE:
            part = connection.recv(16_384)
            assert part, "cut off"
            received += len(part)
            time.sleep(0.03)


def test_who_does_not_take_the_end_of_an_answer_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % LARGE)]})
        await send({"type": "http.response.body", "body": bytes(LARGE)})

    monkeypatch.setattr(server, "WRITE_SECONDS", 0.5)
    monkeypatch.setattr(server, "LOOK_SECONDS", 0.05)
    with answering(app) as (running, connection):
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        wait_for("the answer begins", lambda: connection.recv(10))
        wait_for("it is let go", lambda: not running.server_state.connections, seconds=20)


def test_a_body_that_the_service_does_not_read_for_a_while_is_no_slow_body(monkeypatch: pytest.MonkeyPatch) -> None:
    reads = threading.Event()

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(2)
        more = True
        while more:
            more = (await receive()).get("more_body", False)
            reads.set()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    for name in ("BODY_IDLE_SECONDS", "SLOW_SECONDS"):
        monkeypatch.setattr(server, name, 1.0)
    monkeypatch.setattr(server, "LOOK_SECONDS", 0.05)
    with answering(app) as (_, connection):
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (NOT_READ + 1))
        connection.sendall(bytes(NOT_READ))
        assert reads.wait(20)
        time.sleep(0.3)
        connection.sendall(b"!")
        assert connection.recv(100).startswith(b"HTTP/1.1 204")


SERVER = """
import resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
import uvicorn
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
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
