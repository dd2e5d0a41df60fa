"""Divides people into train, holdout and reference before any value is read, and seals the division with a hash."""

from __future__ import annotations

from app.desk import Desk
from app.split import seal_split


def run(desk: Desk) -> None:
    """Publish the assignment of every record and the facts of the split."""
    assignment = desk.folder / "assignment.parquet"
    split = seal_split(desk.fetch("table"), desk.schema, seed=desk.options.seed, out=assignment)
    desk.publish("assignment", assignment)
    desk.publish_json("split", split.to_json())
    desk.progress(1.0, "sealed the split")
