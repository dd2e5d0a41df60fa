"""Runs what parses a stranger's bytes in a process of its own, forked from a server that has loaded the libraries.

Starting Python and loading Arrow and pandas costs ten times as much as reading a small table.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import app
from app.intake.errors import (
    IntakeCancelledError,
    IntakeFailedError,
    IntakeTimeoutError,
    TooMuchMemoryError,
)

SERVER = "app.intake.fork_server"
POLL_SECONDS = 0.1
AT_ONCE = 1 << 16
ATTEMPTS = 2
"""Where a server was killed before it began a request, another one is started and asked again."""
END_SECONDS = 120.0
"""How long a server may take to end a child before it is killed with all of them. It is busy only while it starts."""
LONGEST_REPLY = 256 << 20
"""Bytes; a table of the most columns that may be, with the longest names, is told in a fraction of them."""
REPLIES = frozenset({"error", "intake", "done"})
"""A reply of a child has one of these keys."""
OUT_OF_MEMORY = (-signal.SIGKILL, -signal.SIGABRT)
"""The status of a child that the kernel stopped for its memory, or that could not go on after a failed allocation."""


Argument = TypeVar("Argument")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Server:
    process: subprocess.Popen[bytes]
    control: socket.socket


class Readers:
    """Processes that read one table each, and the server that forks them, which is started with the first one.

    A child inherits nothing but loaded modules: the server knows no secret and no request. It ends with this process,
    however that ends, and its children with it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self._left: list[subprocess.Popen[bytes]] = []
        """Servers that get no further request, and end after their last child."""

    def __enter__(self) -> Readers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the server and all its children."""
        with self._lock:
            self._let_go()
            left, self._left = self._left, []
        for process in left:
            process.kill()
            process.wait()

    def ask(
        self, module: str, request: dict[str, Any], folder: Path, timeout_s: float, cancel: threading.Event | None
    ) -> dict[str, Any]:
        """What `answer` of a module says to a request, in a process of its own that works in `folder`.

        The process is killed at the latest when this ends. Blocks: call it from a worker thread. Raises
        IntakeTimeoutError, IntakeCancelledError, TooMuchMemoryError or IntakeFailedError where there is no reply.
        """
        sent = json.dumps({**request, "module": module, "folder": str(folder.resolve())}).encode()
        deadline = time.monotonic() + timeout_s
        for _ in range(ATTEMPTS):
            with self._asked() as asked:
                replied = asked.reply(sent, deadline, cancel)
            if asked.begun:
                break
            self._replace(asked.server)
        return self._understood(asked, replied)

    def _understood(self, asked: _Asked, replied: bytes) -> dict[str, Any]:
        """The reply of a child that has ended. Raises an IntakeError that says how it ended where there is none."""
        status = asked.status
        if status is None or (status < 0 and status != -signal.SIGXCPU):
            self._replace(asked.server)  # whoever makes a child crash gets no second try at the same addresses
        try:
            reply = json.loads(replied)
        except (ValueError, RecursionError):  # one that was taken over may say anything
            reply = None
        if isinstance(reply, dict) and reply.keys() & REPLIES and isinstance(reply.get("error", {}), dict):
            return reply
        if status in OUT_OF_MEMORY:
            raise TooMuchMemoryError("expected a table that can be read in the memory set aside for it")
        if status == -signal.SIGXCPU:
            raise IntakeTimeoutError("expected a table that can be read in the processor time set aside for it")
        raise IntakeFailedError(f"the process that reads the table ended without a result (status {status})")

    def _asked(self) -> _Asked:
        """Ask the server for a child; start a server where there is none."""
        line, their_line = socket.socketpair()
        speech, their_speech = socket.socketpair()
        with their_line, their_speech, self._lock:
            server = self._running()
            with suppress(OSError):  # the server has died: then both sockets are closed
                socket.send_fds(server.control, [b"+"], [their_line.fileno(), their_speech.fileno()])
        return _Asked(server, line, speech)

    def _running(self) -> _Server:
        if self._server is None:
            ours, theirs = socket.socketpair()
            ours.settimeout(END_SECONDS)
            with theirs:
                process = subprocess.Popen(
                    [sys.executable, "-P", "-m", SERVER],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,  # libraries quote rows in their complaints
                    cwd="/",
                    env=_environment(),
                )
            self._server = _Server(process, ours)
        return self._server

    def _replace(self, server: _Server) -> None:
        """Send this server no further request; the next one starts another."""
        with self._lock:
            if self._server is server:
                self._let_go()
            self._left = [process for process in self._left if process.poll() is None]

    def _let_go(self) -> None:
        if self._server is not None:
            self._server.control.close()
            self._left.append(self._server.process)
            self._server = None


class _Asked:
    """A child that was asked for. It is killed when the block ends."""

    def __init__(self, server: _Server, line: socket.socket, speech: socket.socket) -> None:
        self.server, self.line, self.speech = server, line, speech
        self._said = b""

    def __enter__(self) -> _Asked:
        return self

    def __exit__(self, *_: object) -> None:
        with self.speech, self.line:
            self.line.settimeout(END_SECONDS)
            try:
                self.line.shutdown(socket.SHUT_WR)  # has the server kill the child, unless that has ended
                while chunk := self.line.recv(AT_ONCE):
                    self._said += chunk
            except TimeoutError:
                self.server.process.kill()
            except OSError:
                pass  # the server has died

    @property
    def begun(self) -> bool:
        """Whether there may have been a child."""
        return bool(self._said)

    @property
    def status(self) -> int | None:
        """The exit code of the child; None where the server has died with it."""
        return int(self._said[1:]) if len(self._said) > 1 else None

    def reply(self, request: bytes, deadline: float, cancel: threading.Event | None) -> bytes:
        """All that the child answers, once it has ended. Raises IntakeTimeoutError or IntakeCancelledError."""
        left, replied = memoryview(request), bytearray()
        self.speech.settimeout(POLL_SECONDS)
        self.line.settimeout(POLL_SECONDS)
        with suppress(ConnectionError):  # the child ends early: its status says how
            while left:
                left = left[_patiently(self.speech.send, left, deadline, cancel) :]
            self.speech.shutdown(socket.SHUT_WR)
            while chunk := _patiently(self.speech.recv, AT_ONCE, deadline, cancel):
                replied += chunk
                if len(replied) > LONGEST_REPLY:
                    raise IntakeFailedError("expected a shorter answer from the process that reads the table")
        with suppress(ConnectionError):
            while chunk := _patiently(self.line.recv, AT_ONCE, deadline, cancel):
                self._said += chunk
        return bytes(replied)


def _patiently(
    step: Callable[[Argument], Result], argument: Argument, deadline: float, cancel: threading.Event | None
) -> Result:
    """The result of a step, repeated until it does not time out. Raises as `_Asked.reply`."""
    while True:
        if cancel is not None and cancel.is_set():
            raise IntakeCancelledError("reading the table was cancelled")
        if time.monotonic() > deadline:
            raise IntakeTimeoutError("expected a table that can be read in the time set aside for it")
        with suppress(TimeoutError):
            return step(argument)


def _environment() -> dict[str, str]:
    """What the server and its children need and no more: they parse hostile bytes, so no secret goes along."""
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(Path(app.__file__).resolve().parents[1]),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "JE_ARROW_MALLOC_CONF": "background_thread:false",  # a server that forks has one thread
    }
