"""Reads and writes tables of databases and buckets in a process of its own, which ends with whoever waits for it.

Nothing of the service's environment goes along: whatever a caller does not say is not taken from there.
"""

from __future__ import annotations

import tempfile
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.databases.bucket import Bucket
from app.databases.errors import KINDS, SourceTimeoutError
from app.databases.model import Server, TableName
from app.intake.errors import IntakeTimeoutError
from app.intake.model import IntakeLimits
from app.intake.readers import Readers
from app.intake.run import error_of


def read_in_child(
    readers: Readers,
    server: Server,
    table: TableName,
    out: Path,
    *,
    limits: IntakeLimits,
    seconds: float,
    cancel: threading.Event | None = None,
) -> tuple[str, ...]:
    """What `app.databases.transfer.read_table` returns and raises. `out` appears whole or not at all."""
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".source-") as folder:
        part = Path(folder) / "table.parquet"
        done = _asked(readers, server, table, part, write=False, limits=limits, seconds=seconds, cancel=cancel)
        part.replace(out)
    return tuple(done["notes"])


def write_in_child(
    readers: Readers,
    server: Server,
    table: TableName,
    parquet: Path,
    *,
    limits: IntakeLimits,
    seconds: float,
    cancel: threading.Event | None = None,
) -> int:
    """What `app.databases.transfer.write_table` returns and raises."""
    done = _asked(readers, server, table, parquet, write=True, limits=limits, seconds=seconds, cancel=cancel)
    return int(done["rows"])


def put_in_child(
    readers: Readers,
    bucket: Bucket,
    name: str,
    path: Path,
    *,
    limits: IntakeLimits,
    seconds: float,
    cancel: threading.Event | None = None,
) -> None:
    """What `app.databases.bucket.put_file` raises."""
    request = {"bucket": asdict(bucket), "name": name}
    _answered(readers, request, path, limits, seconds, cancel, repeatable=False)


def _asked(  # noqa: PLR0913 - all but four by name
    readers: Readers,
    server: Server,
    table: TableName,
    path: Path,
    *,
    write: bool,
    limits: IntakeLimits,
    seconds: float,
    cancel: threading.Event | None,
) -> dict[str, Any]:
    """What the child answers about a table. Raises a SourceError or an IntakeError."""
    request = {"server": asdict(server), "table": asdict(table), "write": write, "seconds": seconds}
    return _answered(readers, request, path, limits, seconds, cancel, repeatable=not write)


def _answered(
    readers: Readers,
    request: dict[str, Any],
    path: Path,
    limits: IntakeLimits,
    seconds: float,
    cancel: threading.Event | None,
    *,
    repeatable: bool,
) -> dict[str, Any]:
    """What the child answers. Secrets go to it over a socket. Raises a SourceError or an IntakeError."""
    request |= {"path": str(path.resolve()), "limits": asdict(limits)}
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".source-") as folder:
        try:
            reply = readers.ask("app.databases.child", request, Path(folder), seconds, cancel, repeatable=repeatable)
        except IntakeTimeoutError:
            raise SourceTimeoutError("expected the table within the time set aside for it, it took longer") from None
    if "error" in reply:
        kind = KINDS.get(reply["error"]["code"])
        raise error_of(reply["error"]) if kind is None else kind(reply["error"]["detail"])
    done: dict[str, Any] = reply["done"]
    return done
