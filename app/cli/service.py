"""The service as child processes of this one: the API and one worker, started together and stopped together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import NoReturn

import httpx2

from app.cli.exits import CommandError, Exit

READY_SECONDS = 300.0
"""How long the service may take to be ready: a child that dies is seen at once, and a busy machine is slow."""
ANSWER_SECONDS = 15.0
STOP_SECONDS = 20.0
"""How long a child may take to stop before it is killed."""
LOOK_SECONDS = 0.1
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 30.0
"""How long a child that died stays down."""
STEADY_SECONDS = 60.0
"""A child that has run for so long begins with the first pause again."""
LOG_TAIL_LINES = 15
MODULE = "app.cli"
"""What the children run."""
BACKLOG = 1024


class Stopped(BaseException):
    """SIGTERM came. Like KeyboardInterrupt it is no error, and must pass every `except Exception`."""


@dataclass(kw_only=True, slots=True)
class Child:
    """One process of the service, and how to start it again."""

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    process: subprocess.Popen[bytes]
    log: Path | None
    """Where its output goes; None where it goes to the terminal."""
    begun: float = field(default_factory=time.monotonic)
    pause: float = FIRST_PAUSE_SECONDS
    """How long it stays down when it dies next."""
    due: float | None = None
    """When it is started again; None while it runs."""

    def tend(self, say: Callable[[str], None]) -> None:
        """Start it again where it has died and its pause is over. Each pause is twice the one before."""
        now = time.monotonic()
        if self.due is not None and now >= self.due:
            self.process, self.begun, self.due = self.start(), now, None
        elif self.due is None and self.process.poll() is not None:
            self.pause = FIRST_PAUSE_SECONDS if now - self.begun > STEADY_SECONDS else self.pause
            say(f"the {self.name} ended with exit code {self.process.returncode}: starting it in {self.pause:.0f} s")
            self.due, self.pause = now + self.pause, min(2 * self.pause, LONGEST_PAUSE_SECONDS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """A running service."""

    url: str
    children: tuple[Child, ...]

    def dead(self) -> Child | None:
        """A child that has ended, or None while all run."""
        return next((child for child in self.children if child.process.poll() is not None), None)

    def watch(self, say: Callable[[str], None]) -> NoReturn:
        """Start again what dies, until this process is stopped."""
        while True:
            for child in self.children:
                child.tend(say)
            time.sleep(LOOK_SECONDS * 5)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on `port`, or on a free one where it is 0. Raises CommandError where it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        reason = error.strerror or type(error).__name__
        raise CommandError(f"cannot listen on {host}:{port}: {reason.lower()}", Exit.BAD_INPUT) from error
    return bound


def address(bound: socket.socket) -> str:
    """The address at which a client on this machine reaches the socket."""
    host, port = bound.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def running(bound: socket.socket, environment: Mapping[str, str], logs: Path | None) -> Iterator[Service]:
    """The service on a socket that listens, ready for requests; stopped, with all that it does, when the block ends.

    The first SIGTERM stops the block like Ctrl-C does. Raises CommandError where a child dies before it is ready.
    """
    before = signal.signal(signal.SIGTERM, _stop)
    children: list[Child] = []
    try:
        # the socket stays open: an API that is started again finds the requests that came meanwhile
        with bound:
            for name, arguments in (("api", ["api", "--fd", str(bound.fileno())]), ("worker", ["worker"])):
                fds = (bound.fileno(),) if name == "api" else ()
                log = None if logs is None else logs / f"{name}.log"
                if log is not None:
                    log.unlink(missing_ok=True)  # that of the run before
                start = partial(_start, arguments, environment, log, fds)
                children.append(Child(name=name, start=start, process=start(), log=log))
            service = Service(url=address(bound), children=tuple(children))
            _await_ready(service)
            yield service
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _stop_all(children)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, before)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise Stopped


def _start(
    arguments: list[str], environment: Mapping[str, str], log: Path | None, fds: tuple[int, ...]
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", MODULE, *arguments, "--with-parent", str(os.getpid())]
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
    out = log.open("ab") if log else None
    try:
        return subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT if out else None,
            pass_fds=fds,
            start_new_session=True,  # Ctrl-C is for us alone: we stop the children in order
        )
    finally:
        if out:
            out.close()


def _expect_alive(service: Service) -> None:
    child = service.dead()
    if child is None:
        return
    said = ""
    if child.log is not None:
        lines = child.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_TAIL_LINES:]
        said = "\n" + "\n".join(lines)
    raise CommandError(f"the {child.name} ended with exit code {child.process.returncode}{said}")


def _await_ready(service: Service) -> None:
    deadline = time.monotonic() + READY_SECONDS
    with httpx2.Client(base_url=service.url, trust_env=False, timeout=ANSWER_SECONDS) as http:
        while time.monotonic() < deadline:
            _expect_alive(service)
            try:
                if http.get("/readyz").is_success:
                    return
            except httpx2.TransportError:
                pass  # it is still starting
            time.sleep(LOOK_SECONDS)
    raise CommandError(f"the service was not ready within {READY_SECONDS:.0f} s")


def _stop_all(children: list[Child]) -> None:
    """Ask all to end, the worker first so that it can put its job down, and kill what does not."""
    for child in reversed(children):
        child.process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for child in reversed(children):
        try:
            child.process.wait(timeout=max(deadline - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            child.process.kill()
            child.process.wait()
