"""Makes quotes in a process of its own: the trial that they rest on loads torch and measures its own memory."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.errors import ServiceError
from app.intake.errors import IntakeTimeoutError
from app.intake.model import IntakeLimits
from app.intake.readers import Readers
from synth.rules.text import text_of_rule
from synth.table.schema import TableSchema

SECONDS = 300.0
LIMITS = IntakeLimits(max_cpu_seconds=600, max_child_bytes=8 * 2**30)


class QuoteError(ServiceError):
    """No quote could be made."""

    code = "no_quote"
    status = 422
    title = "There is no quote for this job"


def quoted(
    readers: Readers,
    parquet: Path,
    schema: TableSchema,
    config: Mapping[str, object],
    *,
    records: int | None = None,
    seconds: float = SECONDS,
    cancel: threading.Event | None = None,
) -> dict[str, Any]:
    """The fields of `synth.training.forecast.Forecast` as JSON values, for a table of this schema.

    `config` are settings of `TrainConfig`; `records` is how many will be trained on. Raises QuoteError where the table
    cannot be learnt or the trial takes longer than so many seconds.
    """
    with tempfile.TemporaryDirectory(dir=parquet.parent, prefix=".quote-") as folder:
        request = {
            "parquet": str(parquet.resolve()),
            "schema": schema.to_json(),
            "rules": _said(schema),
            "config": dict(config),
            "records": records,
            "limits": {"max_cpu_seconds": LIMITS.max_cpu_seconds, "max_child_bytes": LIMITS.max_child_bytes},
        }
        try:
            reply = readers.ask("app.quotes.child", request, Path(folder), seconds, cancel)
        except IntakeTimeoutError:
            raise QuoteError(
                f"expected a table whose trial ends within {seconds:.0f} s; this one took longer"
            ) from None
    if "error" in reply:
        raise QuoteError(str(reply["error"]["detail"]))
    done: dict[str, Any] = reply["done"]
    return done


def _said(schema: TableSchema) -> dict[str, Any]:
    """The rules as `TableSchema.with_rules` takes them."""
    rules = schema.rules
    return {
        "declared": [text_of_rule(rule) for rule in rules.declared],
        "find": rules.find,
        "without": [text_of_rule(rule) for rule in rules.without],
        "leave_out": rules.leave_out,
    }
