"""A real PostgreSQL server that belongs to the test run alone."""

from __future__ import annotations

import ctypes
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

REQUIRED = "LOOKALIKE_REQUIRE_POSTGRES"
START_SECONDS = 60.0
STOP_SECONDS = 20.0
OLDEST_VERSION = 15
USER, SERVICE = "ruler", "lookalike"
"""The superuser, and whom the service connects as."""
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


@dataclass(frozen=True, kw_only=True, slots=True)
class PostgresServer:
    """A running server on loopback."""

    port: int
    password: str

    def url(self, database: str) -> str:
        """The SQLAlchemy address of a database on it, for its owner, who is no superuser."""
        return f"postgresql+psycopg://{SERVICE}:{self.password}@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """A connection of the superuser in autocommit mode."""
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=USER, password=self.password, dbname=database, autocommit=True
        )

    @contextmanager
    def database(self, *, like: str = "template1") -> Iterator[str]:
        """The SQLAlchemy address of a fresh database, dropped at the end: a copy of the one of this name, to which
        nobody may be connected.
        """
        name = f"test_{secrets.token_hex(8)}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name} OWNER {SERVICE} TEMPLATE {like}")
        yield self.url(name)
        with self.connect() as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def find_binaries() -> Path | None:
    """The folder of initdb and postgres: Debian's newest version, else whatever PATH finds, else None."""
    versions = [
        folder
        for folder in Path("/usr/lib/postgresql").glob("*/bin")
        if (folder / "initdb").exists() and folder.parent.name.isdecimal() and int(folder.parent.name) >= OLDEST_VERSION
    ]
    if versions:
        return max(versions, key=lambda folder: int(folder.parent.name))
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found and shutil.which("postgres") else None


def binaries_or_skip() -> Path:
    """The folder of initdb and postgres. Skips the test where there is none, fails it where that is forbidden."""
    found = find_binaries()
    if found is not None:
        return found
    reason = f"PostgreSQL {OLDEST_VERSION} or newer is not installed (apt-get install postgresql)"
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{reason}, and {REQUIRED}=1 forbids to go on without it")
    pytest.skip(reason)


def unprivileged_user() -> pwd.struct_passwd | None:
    """Whom the server runs as where the tests run as root, which PostgreSQL refuses; None where they do not."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    pytest.fail("expected a user postgres or nobody to run PostgreSQL as, got neither")


def free_port() -> int:
    """A TCP port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def run_server(binaries: Path) -> Iterator[PostgresServer]:
    """A fresh server that ends with the block, or with this process if that is killed."""
    with run_unreliable_server(binaries) as (server, _):
        yield server


@contextmanager
def run_unreliable_server(
    binaries: Path,
) -> Iterator[tuple[PostgresServer, Callable[[], AbstractContextManager[None]]]]:
    """A fresh server, and what stops it for a block and starts it again behind it."""
    user = unprivileged_user()
    folder = Path(tempfile.mkdtemp(prefix="lookalike-postgres-"))
    server = PostgresServer(port=free_port(), password=secrets.token_hex(16))
    process: subprocess.Popen[bytes] | None = None

    def start() -> subprocess.Popen[bytes]:
        started = _start(binaries, folder, server, user)
        _wait_until_ready(started, server, folder / "log")
        return started

    @contextmanager
    def outage() -> Iterator[None]:
        nonlocal process
        _stop(process)
        yield
        process = start()

    try:
        _initialize(binaries, folder, server, user)
        process = start()
        with server.connect() as connection:
            connection.execute(f"CREATE ROLE {SERVICE} LOGIN PASSWORD '{server.password}'")
        yield server, outage
    finally:
        if process is not None:
            _stop(process)
        shutil.rmtree(folder, ignore_errors=True)


def _initialize(binaries: Path, folder: Path, server: PostgresServer, user: pwd.struct_passwd | None) -> None:
    password_file = folder / "password"
    password_file.write_text(server.password, encoding="utf-8")
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
        os.chown(password_file, user.pw_uid, user.pw_gid)
    subprocess.run(
        [
            binaries / "initdb",
            *("--pgdata", folder / "data", "--username", USER, "--pwfile", password_file),
            *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"),
        ],
        check=True,
        capture_output=True,
        cwd=folder,
        **_as_user(user),
    )
    password_file.unlink()


def _start(
    binaries: Path, folder: Path, server: PostgresServer, user: pwd.struct_passwd | None
) -> subprocess.Popen[bytes]:
    values = {
        "listen_addresses": "127.0.0.1",
        "port": str(server.port),
        "unix_socket_directories": "",
        "max_connections": "200",
        "fsync": "off",  # nothing here outlives the test run
    }
    options = [part for name, value in values.items() for part in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [binaries / "postgres", "-D", folder / "data", *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            start_new_session=True,
            # a killed test run must not leave a server behind
            preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGQUIT),  # noqa: PLW1509
            **_as_user(user),
        )


def _as_user(user: pwd.struct_passwd | None) -> dict:
    return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _wait_until_ready(process: subprocess.Popen[bytes], server: PostgresServer, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            server.connect().close()
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                text = log.read_text(encoding="utf-8", errors="replace")
                raise RuntimeError(f"expected a PostgreSQL server that starts, got this log:\n{text}") from error
            time.sleep(0.05)
        else:
            return


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the server: first the fast shutdown, then the immediate one."""
    for way in (signal.SIGINT, signal.SIGQUIT):
        with suppress(subprocess.TimeoutExpired):
            process.send_signal(way)
            process.wait(STOP_SECONDS)
            return
    process.kill()
    process.wait()
