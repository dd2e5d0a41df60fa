"""Tries a training in a process of its own, see `app.intake.readers`. Request and answer are JSON."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from app.intake.model import IntakeLimits


def answer(request: dict[str, Any], limits: IntakeLimits) -> dict[str, Any]:  # noqa: ARG001 - of the protocol
    """The quote, or why there is none."""
    from synth.config import TrainConfig  # noqa: PLC0415 - loaded under the limits that were just set
    from synth.errors import SynthError  # noqa: PLC0415
    from synth.randomness import Rng  # noqa: PLC0415
    from synth.table.schema import TableSchema  # noqa: PLC0415
    from synth.table.source import ParquetTable  # noqa: PLC0415
    from synth.training.forecast import forecast  # noqa: PLC0415

    try:
        schema, rules = TableSchema.from_json(request["schema"]), request["rules"]
        declared = rules.pop("declared")
        schema = schema.with_rules(*declared, **rules)
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
