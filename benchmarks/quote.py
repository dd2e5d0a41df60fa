"""How near a quote comes to the training that follows: seconds of the processor and resident memory, table by table.

    python -m benchmarks.quote DATA-FOLDER [--rows 6000] [--steps 300] [--tables adult default]

For each CSV.gz in the folder the first records are read as an upload is. Then a forecast and a training of so many
steps run one after the other, each in a process of its own with one thread, and a line of JSON is printed: what was
forecast, what came, and their ratios. Seconds are those of the processor: other work on the machine disturbs others.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from app.intake.model import IntakeLimits
from app.intake.read import ingest
from synth.config import TrainConfig
from synth.randomness import Rng
from synth.table.schema import TableSchema
from synth.table.source import ParquetTable
from synth.training.fit import fit
from synth.training.forecast import forecast

SECONDS = 3_600
MINUTES = 600.0


def prepared(source: Path, rows: int, folder: Path) -> Path:
    """A folder with the table as Parquet and its schema."""
    some = pd.read_csv(source, nrows=rows, dtype=str, keep_default_na=False, sep=None, engine="python")
    some.to_csv(folder / "table.csv", index=False)
    intake = ingest(folder / "table.csv", folder / "table.parquet", filename="table.csv", limits=IntakeLimits())
    (folder / "schema.json").write_text(json.dumps(intake.schema.to_json()), encoding="utf-8")
    return folder


def child(what: str, folder: Path, steps: int) -> dict[str, float]:
    """What a forecast, or a training, says in this process."""
    schema = TableSchema.from_json(json.loads((folder / "schema.json").read_text(encoding="utf-8")))
    table = ParquetTable(folder / "table.parquet", schema)
    config = TrainConfig(steps=steps, device="cpu", validation=0.0, max_minutes=MINUTES)
    begun = time.process_time()
    if what == "forecast":
        found = forecast(table, schema, config, Rng(0), clock=time.process_time)
        said = {"seconds": found.seconds, "bytes": found.bytes, "codes": found.codes}
        return said | {"took": time.process_time() - begun}
    model = fit(table, schema, config, Rng(0), scratch=folder, clock=time.process_time)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": time.process_time() - begun, "bytes": peak, "codes": sum(model.encoder.widths)}


def measured(what: str, folder: Path, steps: int) -> dict[str, float]:
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.quote", "--child", what, str(folder), "--steps", str(steps)],
        capture_output=True,
        text=True,
        check=True,
        timeout=SECONDS,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"},
    )
    found: dict[str, float] = json.loads(ran.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=6_000)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--tables", nargs="*", default=[])
    parser.add_argument("--child", choices=["forecast", "fit"])
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(child(arguments.child, arguments.folder, arguments.steps)))
        return
    for source in sorted(arguments.folder.glob("*.csv.gz")):
        name = source.name.removesuffix(".csv.gz")
        if arguments.tables and name not in arguments.tables:
            continue
        with tempfile.TemporaryDirectory() as folder:
            ready = prepared(source, arguments.rows, Path(folder))
            said, came = (measured(what, ready, arguments.steps) for what in ("forecast", "fit"))
        ratios = {each: round(said[each] / came[each], 2) for each in ("seconds", "bytes", "codes")}
        print(json.dumps({"table": name, "forecast": said, "came": came, "forecast_to_came": ratios}), flush=True)


if __name__ == "__main__":
    main()
