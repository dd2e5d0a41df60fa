"""Reads a table in a process of its own, see `app.intake.readers`. Request and answer are JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.intake.answering import failure_of
from app.intake.errors import IntakeError, IntakeFailedError, TooMuchMemoryError
from app.intake.model import IntakeLimits, ReadOptions
from app.intake.read import ingest


def answer(request: dict[str, Any], limits: IntakeLimits) -> dict[str, Any]:
    """What `ingest` gives, or why it refuses."""
    try:
        intake = ingest(
            Path(request["source"]),
            Path(request["out"]),
            filename=request["filename"],
            limits=limits,
            options=ReadOptions(**request["options"]),
            key=None if request["key"] is None else bytes.fromhex(request["key"]),
        )
    except IntakeError as error:
        return failure_of(error)
    except MemoryError:
        return failure_of(TooMuchMemoryError("expected a table that can be read in the memory set aside for it"))
    except Exception as error:  # noqa: BLE001 - its text may quote the table, so only its kind may leave
        return failure_of(IntakeFailedError(f"reading the table failed ({type(error).__name__})"))
    return {"intake": intake.to_json()}
