"""Resident memory and seconds a step of training on 10^5 and on 10^7 records of 30 columns; prints JSON.

usage: scale.py COVERTYPE.csv.gz --work FOLDER [--rows 100000 10000000] [--steps 20]

The tables are the first 30 columns of covertype and its target in the place of the last, repeated with noise in the
quantities. They are written in blocks as Parquet into the work folder, and deleted afterwards.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import torch

from synth.config import TrainConfig
from synth.randomness import Rng
from synth.table.frame import write_batches
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema
from synth.table.source import ParquetTable
from synth.training.fit import fit
from synth.training.progress import Phase, TrainProgress

COLUMNS = 30
BLOCK = 500_000
FEW_VALUES = 10


def shown(table: pd.DataFrame) -> tuple[pd.DataFrame, TableSchema]:
    """The columns that are repeated, and what they are."""
    frame = pd.concat([table.iloc[:, : COLUMNS - 1], table.iloc[:, -1:]], axis=1)
    few = {name: frame[name].nunique() <= FEW_VALUES for name in frame}
    target = frame.columns[-1]
    return frame, TableSchema(
        columns=tuple(
            ColumnSpec(
                name=name,
                kind=ColumnKind.CATEGORICAL if few[name] else ColumnKind.NUMERICAL,
                role=ColumnRole.TARGET if name == target else ColumnRole.FEATURE,
            )
            for name in frame
        )
    )


def write(frame: pd.DataFrame, schema: TableSchema, rows: int, path: Path) -> None:
    r = np.random.default_rng(rows)

    def block(size: int) -> pa.RecordBatch:
        some = frame.iloc[r.integers(len(frame), size=size)].reset_index(drop=True)
        for name in schema.of_kind(ColumnKind.NUMERICAL):
            some[name] = some[name] + r.normal(0, 0.05 * frame[name].std(), size)
        return pa.RecordBatch.from_pandas(some, preserve_index=False)

    write_batches((block(min(BLOCK, rows - begin)) for begin in range(0, rows, BLOCK)), parquet=path)


def train(path: Path, schema: TableSchema, steps: int) -> dict[str, Any]:
    """Trains on a file, in this process; what its peak of memory is."""
    begun, first = time.perf_counter(), dict[str, float]()

    def heard(progress: TrainProgress) -> None:
        if progress.phase is not Phase.STEPPING:
            return
        if not first:
            first.update(step=progress.step, wall=time.perf_counter(), cpu=time.process_time())
        first.update(last=progress.step, end_wall=time.perf_counter(), end_cpu=time.process_time())

    config = TrainConfig(steps=steps, look_every=max(steps // 2, 1), device="cpu")
    model = fit(ParquetTable(path, schema), schema, config, Rng(0), scratch=path.parent, progress=heard)
    done = first["last"] - first["step"]
    status = Path("/proc/self/status").read_text()
    return {
        "records": model.records,
        "codes": sum(model.encoder.widths),
        "resident_peak_gb": round(int(status.split("VmHWM:")[1].split()[0]) / 2**20, 3),
        "seconds_per_step": (first["end_wall"] - first["wall"]) / done,
        "cpu_seconds_per_step": (first["end_cpu"] - first["cpu"]) / done,
        "seconds_before_the_first_step": first["wall"] - begun,
        "seconds": time.perf_counter() - begun,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 10_000_000])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--train", type=Path, help="train on this file alone: used for a process of its own")
    args = parser.parse_args()
    if args.train is not None:
        schema = TableSchema.from_json(json.loads((args.work / "schema.json").read_text()))
        print(json.dumps(train(args.train, schema, args.steps)))
        return
    frame, schema = shown(pd.read_csv(args.table))
    (args.work / "schema.json").write_text(json.dumps(schema.to_json()))
    runs = []
    for rows in args.rows:
        path = args.work / f"scale-{rows}.parquet"
        write(frame, schema, rows, path)
        command = [sys.executable, __file__, str(args.table), "--work", str(args.work), "--train", str(path)]
        done = subprocess.run([*command, "--steps", str(args.steps)], check=True, stdout=subprocess.PIPE, text=True)
        runs.append(json.loads(done.stdout))
        path.unlink()
    head = ["git", "rev-parse", "HEAD"]
    commit = subprocess.run(head, check=True, capture_output=True, text=True).stdout.strip()
    figures = {
        "runs": runs,
        "step_ratio": runs[-1]["seconds_per_step"] / runs[0]["seconds_per_step"],
        "cpu_step_ratio": runs[-1]["cpu_seconds_per_step"] / runs[0]["cpu_seconds_per_step"],
        "columns": COLUMNS,
        "commit": commit,
        "device": {"processor": platform.machine(), "cores": os.cpu_count(), "load": os.getloadavg()},
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "pyarrow": pa.__version__},
    }
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
