"""Draws the synthetic table from the trained generator, or joins the shards that were drawn of it."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from app.stage_context import StageContext
from synth.artifact import load
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.sampling.mix import augmented, mixed_batches, mixed_source
from synth.sampling.pieces import PIECE
from synth.sampling.sample import sample_batches
from synth.table.frame import write_batches


def run(context: StageContext) -> None:
    """Publish the synthetic table as Parquet and as CSV: as many records as were learnt, or as were asked for."""
    model = trained(context)
    parquet, csv = context.folder / "synthetic.parquet", context.folder / "synthetic.csv"
    batches = joined(context) if context.task.shards else drawn(context, model)
    written = write_batches(batches, parquet=parquet, csv=csv, schema=model.schema, text=model.text_form)
    context.publish("synthetic", parquet)
    context.publish("csv", csv)
    context.publish_json("sampled", {"rows": written})


def trained(context: StageContext) -> TrainedModel:
    """The model that the job trained, or samples from."""
    folder = context.folder / "model"
    folder.mkdir()
    context.fetch("weights").rename(folder / "model.safetensors")
    context.fetch("model").rename(folder / "model.json")
    return load(folder)


def drawn(context: StageContext, model: TrainedModel, pieces: range | None = None) -> Iterator[pa.RecordBatch]:
    """The records of the table, or of these pieces of it."""
    options = context.options
    rows, mix = options.rows or context.fetch_json("split")["counts"]["train"], options.mixes()
    if (more := options.augmenting()) is not None:
        rows, mixed = augmented(model, rows, more, counted=True)
        mix = [mixed]
    rng, given = Rng(options.seed).spawn("sample").spawn(context.task.kind.value), options.given()

    def progress(done: float) -> None:
        context.progress(done, "sampling")

    if not mix:
        return sample_batches(model, rows, rng, conditions=given, progress=progress, pieces=pieces)
    source = mixed_source(model, rows, rng, mix, given, counted=True)  # before the job was made
    return mixed_batches(model, source, progress=progress, pieces=pieces)


def joined(context: StageContext) -> Iterator[pa.RecordBatch]:
    """The records of all shards in order, batch for batch as `drawn` gives them; one shard at a time lies here."""
    shards = context.task.shards
    for number, name in enumerate(shards, start=1):
        path = context.fetch(name)
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(batch_size=PIECE)
        path.unlink()
        context.progress(number / len(shards), "joining what was sampled")
