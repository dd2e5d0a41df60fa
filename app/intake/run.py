"""Runs intake in a process of its own, so that the service neither holds the table nor parses a stranger's bytes."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from app.intake import errors
from app.intake.errors import IntakeError, IntakeFailedError
from app.intake.model import Intake, IntakeLimits, ReadOptions
from app.intake.readers import Readers


def ingest_in_child(  # noqa: PLR0913 - all but three by name
    readers: Readers,
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
    (IntakeCancelledError), and when this process ends. `out` appears whole or not at all. The key goes to the
    child over a socket: it is that of the tenant whose file the child reads, and of use to nobody without that tenant's
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
        }
        reply = readers.ask("app.intake.child", request, Path(folder), timeout_s, cancel)
        if "error" in reply:
            raise error_of(reply["error"])
        intake = Intake.from_json(reply["intake"])
        written.replace(out)
    return intake


def error_of(sent: dict[str, str]) -> IntakeError:
    """What a child refused, from its code and its words."""
    kinds = {kind.code: kind for kind in _kinds()}
    return kinds.get(sent["code"], IntakeFailedError)(sent["detail"])


def _kinds() -> Iterator[type[IntakeError]]:
    for value in vars(errors).values():
        if isinstance(value, type) and issubclass(value, IntakeError):
            yield value
