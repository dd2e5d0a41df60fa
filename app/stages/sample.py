"""Draws the synthetic table from the trained generator."""

from __future__ import annotations

from app.stage_context import StageContext
from synth.artifact import load
from synth.randomness import Rng
from synth.sampling.sample import sample_batches
from synth.table.frame import write_batches


def run(context: StageContext) -> None:
    """Publish the synthetic table as Parquet and as CSV: as many records as were learnt, or as were asked for."""
    folder = context.folder / "model"
    folder.mkdir()
    context.fetch("weights").rename(folder / "model.safetensors")
    context.fetch("model").rename(folder / "model.json")
    model = load(folder)
    rows = context.options.rows or context.fetch_json("split")["counts"]["train"]
    rng = Rng(context.options.seed).spawn("sample").spawn(context.task.kind.value)
    parquet, csv = context.folder / "synthetic.parquet", context.folder / "synthetic.csv"
    batches = sample_batches(
        model, rows, rng, conditions=context.options.given(), progress=lambda done: context.progress(done, "sampling")
    )
    written = write_batches(batches, parquet=parquet, csv=csv, schema=model.schema, text=model.text_form)
    context.publish("synthetic", parquet)
    context.publish("csv", csv)
    context.publish_json("sampled", {"rows": written})
