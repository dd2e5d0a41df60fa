"""Draws the synthetic table from the trained generator."""

from __future__ import annotations

from app.stage_context import StageContext
from synth.artifact import load
from synth.randomness import Rng
from synth.sampling.mix import augmented, mixed_batches
from synth.table.frame import write_batches


def run(context: StageContext) -> None:
    """Publish the synthetic table as Parquet and as CSV: as many records as were learnt, or as were asked for."""
    folder = context.folder / "model"
    folder.mkdir()
    context.fetch("weights").rename(folder / "model.safetensors")
    context.fetch("model").rename(folder / "model.json")
    model = load(folder)
    options = context.options
    rows, mix = options.rows or context.fetch_json("split")["counts"]["train"], options.mixes()
    if (more := options.augmenting()) is not None:
        rows, mixed = augmented(model, rows, more, counted=True)
        mix = [mixed]
    rng = Rng(options.seed).spawn("sample").spawn(context.task.kind.value)
    parquet, csv = context.folder / "synthetic.parquet", context.folder / "synthetic.csv"
    batches = mixed_batches(
        model,
        rows,
        rng,
        mix=mix,
        conditions=options.given(),
        counted=True,  # before the job was made
        progress=lambda done: context.progress(done, "sampling"),
    )
    written = write_batches(batches, parquet=parquet, csv=csv, schema=model.schema, text=model.text_form)
    context.publish("synthetic", parquet)
    context.publish("csv", csv)
    context.publish_json("sampled", {"rows": written})
