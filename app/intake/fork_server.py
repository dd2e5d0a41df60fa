"""`python -P -m app.intake.fork_server`: loads once what reads tables, then forks a process for each table.

Started by `app.intake.readers`, with a socket as standard input. For each table one byte comes over it, with two
sockets: over the first one this process says how the child has ended, over the second one the child gets its request
and answers. This process reads nothing of a request, so no child inherits anything of another one's. It has one
thread, since a fork copies no other, and ends once nobody asks any more and no child is left.
"""

from __future__ import annotations

import gc
import os
import resource
import selectors
import signal
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from typing import NoReturn

from app.intake.answering import answer_one
from app.intake.confined import hide_memory
from app.intake.readers import BEGUN
from synth.detect.checks import STRONG, validator
from synth.detect.names import common_names

NICENESS = 5
"""Answers that take milliseconds come before tables that take seconds."""
MODULES = ("app.intake.child", "app.intake.read", "pyarrow.dataset", "pyarrow.pandas_compat")
"""Loaded before the first fork. Reading a table would load some of it only when needed."""
AT_ONCE = 4096
"""Bytes read from the wake-up socket at a time."""


@dataclass(frozen=True, slots=True)
class _Sockets:
    """All that this process has open, beside the standard files."""

    control: socket.socket
    woken: socket.socket
    """Can be read from once a child has ended."""
    waking: socket.socket
    lines: dict[int, socket.socket] = field(default_factory=dict)
    """To whoever waits for a child, by its process id."""

    def close(self) -> None:
        """Close them in a child."""
        for each in (self.control, self.woken, self.waking, *self.lines.values()):
            each.close()


def main() -> None:
    """Serve until the other side has closed its socket and all children have ended."""
    control = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.close(nothing)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the table
    hide_memory()
    os.nice(NICENESS)
    _load()
    woken, waking = socket.socketpair()
    for each in (woken, waking):
        each.setblocking(False)
    signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
    # an ignored signal would not write to the wake-up socket
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    _serve(_Sockets(control, woken, waking))


def _load() -> None:
    for name in MODULES:
        import_module(name)
    common_names()
    for name in STRONG:
        validator(name)
    gc.collect()
    gc.freeze()  # a child's garbage collection writes to none of these objects, so their memory stays shared


def _serve(sockets: _Sockets) -> None:
    lines, asked = sockets.lines, True
    with selectors.PollSelector() as ready:  # unlike epoll, poll has no descriptor that a child would inherit
        ready.register(sockets.control, selectors.EVENT_READ)
        ready.register(sockets.woken, selectors.EVENT_READ)
        while asked or lines:
            for key, _ in ready.select():
                if key.fileobj is sockets.woken:
                    with suppress(BlockingIOError):
                        sockets.woken.recv(AT_ONCE)
                elif key.fileobj is not sockets.control:  # nobody waits for this child any more
                    os.kill(key.data, signal.SIGKILL)
                    ready.unregister(key.fileobj)
                elif fds := socket.recv_fds(sockets.control, 1, 2)[1]:
                    pid = _begin(sockets, *(socket.socket(fileno=fd) for fd in fds))
                    if pid is not None:
                        ready.register(lines[pid], selectors.EVENT_READ, pid)
                else:
                    asked = False
                    ready.unregister(sockets.control)
            for pid in _ended(lines):
                with suppress(KeyError):
                    ready.unregister(lines[pid])
                lines.pop(pid).close()


def _begin(sockets: _Sockets, line: socket.socket, speech: socket.socket) -> int | None:
    """The process id of a new child, or None where nobody waits for it any more or none could be forked."""
    parent = os.getpid()
    with speech:
        try:
            line.setblocking(False)
            with suppress(BlockingIOError):
                line.recv(1)  # nothing is ever said on it, so it has been closed
                line.close()
                return None
            line.send(BEGUN)
            pid = os.fork()
        except OSError:
            line.close()
            return None
        if pid == 0:
            line.close()
            _be_child(sockets, speech, parent)
    sockets.lines[pid] = line
    return pid


def _be_child(sockets: _Sockets, speech: socket.socket, parent: int) -> NoReturn:
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        sockets.close()
        answer_one(speech, parent)
        status = 0
    finally:
        os._exit(status)


def _ended(lines: dict[int, socket.socket]) -> list[int]:
    """The children that have ended, each after whoever waits for it was told how."""
    ended = []
    for pid, line in lines.items():
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            with suppress(OSError):
                line.send(str(os.waitstatus_to_exitcode(status)).encode())
            ended.append(pid)
    return ended


if __name__ == "__main__":
    main()
