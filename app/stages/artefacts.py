"""Searches the files beside the table for training records: the model, and the report before it is published."""

from __future__ import annotations

from collections.abc import Sequence

from safetensors.numpy import load_file

from app.split import Part
from app.stage_context import StageContext
from app.stages.tables import read_sealed
from privacy.artefacts import artefacts
from privacy.finding import Finding
from privacy.running import Crash, attempt, crashed
from privacy.threat import AuditTables
from synth.randomness import Rng
from synth.table.frame import read_parquet


def search_model(context: StageContext) -> tuple[Finding, ...]:
    """What is found in the model's state and weights. A crash is a finding, never a pass."""
    return _search(context, [context.fetch_json("model"), load_file(context.fetch("weights"))], where="model")


def search_report(context: StageContext, documents: Sequence[object]) -> tuple[Finding, ...]:
    """What is found in the report and in what was written about the run."""
    return _search(context, documents, where="report")


def _search(context: StageContext, documents: Sequence[object], *, where: str) -> tuple[Finding, ...]:
    """All of train is looked for, whatever conditions the job named: the model has learnt all of it."""
    tables = AuditTables(
        train=read_sealed(context, Part.TRAIN),
        holdout=read_sealed(context, Part.HOLDOUT),
        synthetic=read_parquet(context.fetch("synthetic"), context.schema),
        schema=context.schema,
    )
    rng = Rng(context.options.seed).spawn("artefacts").numpy
    found = attempt(lambda: artefacts(tables, documents, rng, where=where))
    return (crashed("artefacts", found),) if isinstance(found, Crash) else found
