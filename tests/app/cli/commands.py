"""The command as a user starts it: in a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

COMMAND = (sys.executable, "-m", "app.cli")
SECONDS = 90


def environment(**variables: str) -> dict[str, str]:
    """The environment without settings of this machine's own Lookalike, with some set."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LOOKALIKE_")}
    return kept | {"OMP_NUM_THREADS": "1"} | variables


def lookalike(
    *arguments: str | Path, env: dict[str, str] | None = None, timeout: float = SECONDS
) -> subprocess.CompletedProcess[str]:
    """The outcome of the command with these arguments."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        env=env or environment(),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


class Running:
    """A command that runs; its output is read as it comes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._over = False
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                with self._changed:
                    self.lines.append(line.rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def wait_for(self, pattern: str, timeout: float = SECONDS) -> re.Match[str]:
        """The first match in its output, waited for."""

        def found() -> re.Match[str] | None:
            return next((match for line in self.lines if (match := re.search(pattern, line))), None)

        with self._changed:
            self._changed.wait_for(lambda: found() or self._over, timeout)
            match = found()
        assert match is not None, f"expected {pattern!r} in the output, got {self.lines}"
        return match

    def stop(self, by: int = signal.SIGTERM, timeout: float = SECONDS) -> int:
        """Its exit code after a signal."""
        self.process.send_signal(by)
        return self.process.wait(timeout)

    def children(self) -> list[int]:
        """The process ids of its children."""
        task = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in task.read_text().split()]


@contextmanager
def started(arguments: Sequence[str | Path], env: dict[str, str]) -> Iterator[Running]:
    """The command, running; killed at the end where it still does."""
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield Running(process)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
