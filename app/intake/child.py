"""`python -m app.intake.child`: reads one request from stdin, ingests, answers on stdout; both are JSON.

Started by `app.intake.run`. It dies with the thread that started it and limits what it may take of the machine.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.intake.answering import answer_one
from app.intake.errors import IntakeError, IntakeFailedError, TooMuchMemoryError
from app.intake.model import IntakeLimits, ReadOptions


def _answer(request: dict[str, Any], limits: IntakeLimits) -> dict[str, Any]:
    try:
        from app.intake.read import ingest  # noqa: PLC0415 - loaded under the limits that were just set

        intake = ingest(
            Path(request["source"]),
            Path(request["out"]),
            filename=request["filename"],
            limits=limits,
            options=ReadOptions(**request["options"]),
            key=None if request["key"] is None else bytes.fromhex(request["key"]),
        )
    except IntakeError as error:
        return _failure(error)
    except MemoryError:
        return _failure(TooMuchMemoryError("expected a table that can be read in the memory set aside for it"))
    except Exception as error:  # noqa: BLE001 - its text may quote the table, so only its kind may leave
        return _failure(IntakeFailedError(f"reading the table failed ({type(error).__name__})"))
    return {"intake": intake.to_json()}


def _failure(error: IntakeError) -> dict[str, Any]:
    return {"error": {"code": error.code, "detail": error.detail}}


if __name__ == "__main__":
    answer_one(_answer)
