"""Draws the synthetic table from the trained generator."""

from __future__ import annotations

from app.desk import Desk
from synth.artifact import load
from synth.randomness import Rng
from synth.sampling.sample import sample_batches
from synth.table.frame import write_batches


def run(desk: Desk) -> None:
    """Publish the synthetic table as Parquet and as CSV: as many records as were learnt, or as were asked for."""
    folder = desk.folder / "model"
    folder.mkdir()
    desk.fetch("weights").rename(folder / "model.safetensors")
    desk.fetch("model").rename(folder / "model.json")
    model = load(folder)
    rows = desk.options.rows or desk.fetch_json("split")["counts"]["train"]
    rng = Rng(desk.options.seed).spawn("sample").spawn(desk.task.kind.value)
    parquet, csv = desk.folder / "synthetic.parquet", desk.folder / "synthetic.csv"
    batches = sample_batches(
        model, rows, rng, conditions=desk.options.given(), progress=lambda done: desk.progress(done, "sampling")
    )
    written = write_batches(batches, parquet=parquet, csv=csv, schema=model.schema, text=model.text_form)
    desk.publish("synthetic", parquet)
    desk.publish("csv", csv)
    desk.publish_json("sampled", {"rows": written})
