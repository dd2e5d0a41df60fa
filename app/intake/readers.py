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
BEGUN = b"+"
"""What a server says before it forks a child. A request for which it was not said was not begun."""
POLL_SECONDS = 0.1
AT_ONCE = 1 << 16
ATTEMPTS = 2
"""Where a server was killed or stopped, another one is started and asked again."""
START_SECONDS = 120.0
"""How long a server may take to begin its first child."""
END_SECONDS = 20.0
"""How long it may take to begin a further one, or to say how one has ended, before it is killed with all of them. It
does nothing else, so it answers at once unless something has stopped it."""
LONGEST_REPLY = 256 << 20
"""Bytes; a table of the most columns that may be, with the longest names, is told in a fraction of them."""
REPLIES = frozenset({"error", "intake", "done"})
"""A reply of a child has one of these keys."""
OUT_OF_MEMORY = (-signal.SIGKILL, -signal.SIGABRT)
"""The status of a child that the kernel stopped for its memory, or that could not go on after a failed allocation."""


Argument = TypeVar("Argument")
Result = TypeVar("Result")


@dataclass(slots=True)
class _Server:
    process: subprocess.Popen[bytes]
    control: socket.socket
    started: bool = False
    """Whether it has begun a child."""

    @property
    def patience(self) -> float:
        """How many seconds it may take to answer."""
        return END_SECONDS if self.started else START_SECONDS


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
        self._closed = False

    def __enter__(self) -> Readers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the server and all its children. Nothing can be asked from then on."""
        with self._lock:
            self._closed = True
            self._let_go()
            left, self._left = self._left, []
        for process in left:
            process.kill()
            process.wait()

    def ask(
        self,
        module: str,
        request: dict[str, Any],
        folder: Path,
        timeout_s: float,
        cancel: threading.Event | None,
        *,
        repeatable: bool = True,
    ) -> dict[str, Any]:
        """What `answer` of a module says to a request, in a process of its own that works in `folder`.

        The process is killed at the latest when this ends. Where its server has ended with it, as another child that
        was taken over may see to, the request is repeated by another server; if not `repeatable`, only where it was
        not begun. Blocks: call it from a worker thread. Raises IntakeTimeoutError, IntakeCancelledError (also once
        these readers are closed), TooMuchMemoryError or IntakeFailedError where there is no reply.
        """
        sent = json.dumps({**request, "module": module, "folder": str(folder.resolve())}).encode()
        deadline = time.monotonic() + timeout_s
        for _ in range(ATTEMPTS):
            with self._asked() as asked:
                replied = asked.reply(sent, deadline, cancel)
            status, reply = asked.status, _reply_of(replied)
            if status is None or (status < 0 and status != -signal.SIGXCPU):
                self._replace(asked.server)  # whoever makes a child crash gets no second try at the same addresses
            if reply is not None:
                return reply
            if asked.begun and (status is not None or not repeatable):
                break
        if not asked.begun:
            ended = asked.server.process.poll()
            raise IntakeFailedError(f"the server of the processes that read tables cannot be started (status {ended})")
        if status in OUT_OF_MEMORY:
            raise TooMuchMemoryError("expected a table that can be read in the memory set aside for it")
        if status == -signal.SIGXCPU:
            raise IntakeTimeoutError("expected a table that can be read in the processor time set aside for it")
        raise IntakeFailedError(f"the process that reads the table ended without a result (status {status})")

    def _asked(self) -> _Asked:
        """Ask the server for a child; start a server where there is none. Raises IntakeCancelledError once closed."""
        line, their_line = socket.socketpair()
        speech, their_speech = socket.socketpair()
        with their_line, their_speech, self._lock:
            if self._closed:
                line.close()
                speech.close()
                raise IntakeCancelledError("reading the table was cancelled: the service ends")
            server = self._running()
            with suppress(OSError):  # the server has died: then both sockets are closed
                socket.send_fds(server.control, [b"+"], [their_line.fileno(), their_speech.fileno()])
        return _Asked(server, line, speech)

    def _running(self) -> _Server:
        if self._server is None:
            ours, theirs = socket.socketpair()
            ours.settimeout(START_SECONDS)
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
            self.line.settimeout(self.server.patience)
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
        """All that the child answers, once it has ended. Raises IntakeTimeoutError or IntakeCancelledError.

        Nothing where no child was begun. A child that does not end after its answer is killed when the block ends.
        """
        left, replied = memoryview(request), bytearray()
        self.speech.settimeout(POLL_SECONDS)
        self.line.settimeout(POLL_SECONDS)
        if not self._hear(deadline, cancel, until=BEGUN):
            self.server.process.kill()  # it has ended or was stopped
            return b""
        self.server.started = True
        with suppress(ConnectionError):  # the child ends early: its status says how
            while left:
                left = left[_patiently(self.speech.send, left, deadline, cancel) :]
            self.speech.shutdown(socket.SHUT_WR)
            while chunk := _patiently(self.speech.recv, AT_ONCE, deadline, cancel):
                replied += chunk
                if len(replied) > LONGEST_REPLY:
                    raise IntakeFailedError("expected a shorter answer from the process that reads the table")
        self._hear(deadline, cancel)
        return bytes(replied)

    def _hear(self, deadline: float, cancel: threading.Event | None, *, until: bytes | None = None) -> bool:
        """Listen to the server, to the end or until it has said this; whether it has, within its patience."""
        soon = min(deadline, time.monotonic() + self.server.patience)
        try:
            with suppress(ConnectionError):
                while chunk := _patiently(self.line.recv, AT_ONCE, soon, cancel):
                    self._said += chunk
                    if until is not None and until in self._said:
                        return True
        except IntakeTimeoutError:
            if soon == deadline:
                raise
        return False


def _reply_of(replied: bytes) -> dict[str, Any] | None:
    """The reply of a child; None where there is none, or something else: one that was taken over may say anything."""
    try:
        reply = json.loads(replied)
    except (ValueError, RecursionError):
        return None
    whole = isinstance(reply, dict) and reply.keys() & REPLIES and isinstance(reply.get("error", {}), dict)
    return reply if whole else None


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
