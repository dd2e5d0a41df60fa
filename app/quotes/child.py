"""`python -m app.quotes.child`: reads one request from stdin, tries the training, answers on stdout; both are JSON."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.intake.child import die_with_parent, limit_resources
from app.intake.model import IntakeLimits


def main() -> None:
    """Answers one request and ends with status 0 whether there is a quote or not."""
    request = json.load(sys.stdin)
    die_with_parent(request["parent"])
    limit_resources(IntakeLimits(**request["limits"]))
    reply_to = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints must not end up in the answer
    with os.fdopen(reply_to, "w", encoding="utf-8") as reply:
        json.dump(_answer(request), reply)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    from synth.config import TrainConfig  # noqa: PLC0415 - loaded under the limits that were just set
    from synth.errors import SynthError  # noqa: PLC0415
    from synth.randomness import Rng  # noqa: PLC0415
    from synth.table.schema import TableSchema  # noqa: PLC0415
    from synth.table.source import ParquetTable  # noqa: PLC0415
    from synth.training.forecast import forecast  # noqa: PLC0415

    try:
        schema = TableSchema.from_json(request["schema"])
        table = ParquetTable(Path(request["parquet"]), schema)
        config = TrainConfig.from_json(request["config"])
        return {"done": asdict(forecast(table, schema, config, Rng(0), records=request["records"]))}
    except SynthError as error:
        return {"error": {"code": "no_quote", "detail": str(error)}}
    except MemoryError:
        return {
            "error": {"code": "no_quote", "detail": "expected a table whose trial fits the memory set aside for it"}
        }
    except Exception as error:  # noqa: BLE001 - its text may quote the table, so only its kind may leave
        return {"error": {"code": "no_quote", "detail": f"the trial failed ({type(error).__name__})"}}


if __name__ == "__main__":
    main()
