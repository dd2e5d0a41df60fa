"""Draws the synthetic table from the trained generator, or joins the shards that were drawn of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from app.split import Part
from app.stage_context import StageContext
from app.stages.tables import sealed_part
from synth.artifact import load
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.sampling.apart import apart_batches
from synth.sampling.mix import people_behind
from synth.sampling.pieces import PIECE
from synth.sampling.wanted import Wanted, wanted_batches
from synth.table.frame import write_batches
from synth.table.mix import Mix


def run(context: StageContext) -> None:
    """Publish the synthetic table as Parquet and as CSV: as many records as were learnt, or as were asked for."""
    model = trained(context)
    parquet, csv = context.folder / "synthetic.parquet", context.folder / "synthetic.csv"
    shards = context.task.shards
    batches = apart_batches(model, joined(context), wanted(context).held) if shards else drawn(context, model)
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
    """The records of the table, or of these pieces of it, which unique rules are still to be kept among."""
    options = context.options
    return wanted_batches(
        model,
        wanted(context),
        Rng(options.seed).spawn("sample").spawn(context.task.kind.value),
        progress=lambda done: context.progress(done, "sampling"),
        pieces=pieces,
    )


def wanted(context: StageContext) -> Wanted:
    """What the job asks for."""
    options = context.options

    def count(mixes: Sequence[Mix]) -> NDArray[np.int64]:
        return people_behind(sealed_part(context, Part.TRAIN), context.schema, mixes, options.given())

    return Wanted(
        rows=options.rows or context.fetch_json("split")["counts"]["train"],
        conditions=options.given(),
        mixes=options.mixes(),
        augment=options.augmenting(),
        count=count,
    )


def joined(context: StageContext) -> Iterator[pa.RecordBatch]:
    """The records of all shards in order, batch for batch as they were drawn; one shard at a time lies here."""
    shards = context.task.shards
    for number, name in enumerate(shards, start=1):
        path = context.fetch(name)
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(batch_size=PIECE)
        path.unlink()
        context.progress(number / len(shards), "joining what was sampled")
