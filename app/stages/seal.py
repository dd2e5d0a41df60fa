"""Divides people into train, holdout and reference before any value is read, and seals the division with a hash."""

from __future__ import annotations

from app.split import seal_split
from app.stage_context import StageContext


def run(context: StageContext) -> None:
    """Publish the assignment of every record and the facts of the split."""
    assignment = context.folder / "assignment.parquet"
    split = seal_split(context.fetch("table"), context.schema, seed=context.options.seed, out=assignment)
    context.publish("assignment", assignment)
    context.publish_json("split", split.to_json())
    context.progress(1.0, "sealed the split")
