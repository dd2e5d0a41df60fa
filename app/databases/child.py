"""Reads or writes one table of a database, or puts a file into a bucket, in a process of its own.

See `app.intake.readers`: what a server sends is parsed here, under limits, and not in the service. Request and answer
are JSON.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.databases.bucket import Bucket, put_file
from app.databases.errors import SourceError
from app.databases.model import DatabaseKind, Server, TableName
from app.intake.answering import failure_of
from app.intake.errors import IntakeError, TooMuchMemoryError
from app.intake.model import IntakeLimits


def answer(request: dict[str, Any], limits: IntakeLimits) -> dict[str, Any]:
    """That it is done, or why not."""
    try:
        if "bucket" in request:
            put_file(Bucket(**request["bucket"]), request["name"], Path(request["path"]))
            return {"done": {}}
        from app.databases.transfer import read_table, write_table  # noqa: PLC0415 - under the limits just set

        server = Server(**{**request["server"], "kind": DatabaseKind(request["server"]["kind"])})
        table, path = TableName(**request["table"]), Path(request["path"])
        if request["write"]:
            return {"done": {"rows": write_table(server, table, path)}}
        return {"done": {"notes": read_table(server, table, path, limits=limits, seconds=request["seconds"])}}
    except (SourceError, IntakeError) as error:
        return failure_of(error)
    except MemoryError:
        return failure_of(TooMuchMemoryError("expected a table that can be read in the memory set aside for it"))
    except Exception as error:  # noqa: BLE001 - its text may quote the table, so only its kind may leave
        return failure_of(SourceError(f"reading or writing the table failed ({type(error).__name__})"))
