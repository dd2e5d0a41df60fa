"""Runs intake in a process of its own, so that the service neither holds the table nor parses a stranger's bytes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import app
from app.intake import errors
from app.intake.errors import (
    IntakeCancelledError,
    IntakeError,
    IntakeFailedError,
    IntakeTimeoutError,
    TooMuchMemoryError,
)
from app.intake.model import Intake, IntakeLimits, ReadOptions

POLL_SECONDS = 0.1
REPLIES = frozenset({"error", "intake", "done"})
"""One of these a reply of a child has."""
OUT_OF_MEMORY = (-signal.SIGKILL, -signal.SIGABRT)
"""How a child ends that the kernel stopped for its memory, or that could not go on after a failed allocation."""


def ingest_in_child(  # noqa: PLR0913 - all but two by name
    source: Path,
    out: Path,
    *,
    filename: str | None,
    limits: IntakeLimits,
    options: ReadOptions | None = None,
    key: bytes | None = None,
    timeout_s: float = 1_800.0,
    cancel: threading.Event | None = None,
) -> Intake:
    """What `app.intake.read.ingest` returns and raises, from a child process. Blocks: call it from a worker thread.

    The child is killed after `timeout_s` seconds (IntakeTimeoutError), within a moment of `cancel` being set
    (IntakeCancelledError), and when the calling thread ends. `out` appears whole or not at all. The key goes to the
    child over a pipe: it is that of the tenant whose file the child reads, and of use to nobody without that tenant's
    sketches.
    """
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".intake-") as folder:
        written = Path(folder) / "out.parquet"
        request = {
            "source": str(source.resolve()),
            "out": str(written.resolve()),
            "filename": filename,
            "limits": asdict(limits),
            "options": asdict(options or ReadOptions()),
            "key": None if key is None else key.hex(),
            "parent": os.getpid(),
        }
        reply = talk("app.intake.child", request, Path(folder), timeout_s, cancel)
        if "error" in reply:
            raise error_of(reply["error"])
        intake = Intake.from_json(reply["intake"])
        written.replace(out)
    return intake


def talk(
    module: str, request: dict[str, Any], folder: Path, timeout_s: float, cancel: threading.Event | None
) -> dict[str, Any]:
    """The reply of a child process that runs `module`, killed at the latest when this ends.

    Raises IntakeTimeoutError, IntakeCancelledError, TooMuchMemoryError or IntakeFailedError where there is none.
    """
    with subprocess.Popen(
        [sys.executable, "-P", "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # libraries quote rows in their complaints
        cwd=folder,
        env=_environment(folder),
    ) as child:
        try:
            replied = _communicate(child, json.dumps(request).encode(), time.monotonic() + timeout_s, cancel)
        finally:
            child.kill()
    try:
        reply = json.loads(replied)
    except ValueError:
        reply = None
    if not isinstance(reply, dict) or not reply.keys() & REPLIES:
        if child.returncode in OUT_OF_MEMORY:
            raise TooMuchMemoryError("expected a table that can be read in the memory set aside for it")
        if child.returncode == -signal.SIGXCPU:
            raise IntakeTimeoutError("expected a table that can be read in the processor time set aside for it")
        raise IntakeFailedError(f"the process that reads the table ended without a result (status {child.returncode})")
    return reply


def _communicate(
    child: subprocess.Popen[bytes], request: bytes, deadline: float, cancel: threading.Event | None
) -> bytes:
    pending: bytes | None = request
    while True:
        try:
            replied, _ = child.communicate(pending, timeout=POLL_SECONDS)
        except subprocess.TimeoutExpired:
            pending = None  # Popen remembers what it has not sent yet
        else:
            return replied
        if cancel is not None and cancel.is_set():
            raise IntakeCancelledError("reading the table was cancelled")
        if time.monotonic() > deadline:
            raise IntakeTimeoutError("expected a table that can be read in the time set aside for it")


def _environment(folder: Path) -> dict[str, str]:
    """What the child needs and no more: it parses hostile bytes, so no secret of the service goes along."""
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PYTHONPATH": str(Path(app.__file__).resolve().parents[1]),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
    }


def error_of(sent: dict[str, str]) -> IntakeError:
    """What a child refused, from its code and its words."""
    kinds = {kind.code: kind for kind in _kinds()}
    return kinds.get(sent["code"], IntakeFailedError)(sent["detail"])


def _kinds() -> Iterator[type[IntakeError]]:
    for value in vars(errors).values():
        if isinstance(value, type) and issubclass(value, IntakeError):
            yield value
