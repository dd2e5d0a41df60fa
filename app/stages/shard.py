"""Draws one shard of the synthetic table: some of its pieces, each from random numbers of its own."""

from __future__ import annotations

import pyarrow.parquet as pq

from app.pipeline import pieces_of_shard
from app.stage_context import StageContext
from app.stages.sample import drawn, trained


def run(context: StageContext) -> None:
    """Publish the shard as Parquet that gives back the very batches that were drawn."""
    name, path = context.task.shard, context.folder / "shard.parquet"
    batches = drawn(context, trained(context), pieces_of_shard(name))
    first = next(batches)
    with pq.ParquetWriter(path, first.schema, compression="zstd") as file:
        file.write_batch(first)
        for batch in batches:
            file.write_batch(batch)
    context.publish(name, path)
