"""Records a second of sampling, decoding and writing Parquet, beside writing a table that is decoded already; as JSON.

usage: sampling.py TABLE.csv[.gz] TARGET --work FOLDER [--rows 1000000] [--steps N] [--threads 2]

The networks have their default size. `--steps` makes a training shorter, which does not change how long sampling takes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import torch

from synth.artifact import load, save
from synth.config import TrainConfig
from synth.detect.propose import propose_schema
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.sampling.sample import sample_batches
from synth.table.frame import validate, write_batches
from synth.training.fit import fit

REPEATS = 3


def trained(path: Path, target: str, steps: int | None, folder: Path) -> TrainedModel:
    if not (folder / "model.json").exists():
        frame = pd.read_csv(path)
        schema = propose_schema(frame, target=target)
        config = TrainConfig(steps=steps, device="cpu")
        save(fit(validate(frame, schema), schema, config, Rng(0)), folder)
    return load(folder)


def timed(work: Callable[[], object], rows: int) -> dict[str, float]:
    """The fastest of some runs: what the machine does besides only ever slows it down."""
    runs = []
    for _ in range(REPEATS):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        runs.append((time.perf_counter() - wall, time.process_time() - cpu))
    return {
        "rows_per_second": round(rows / min(wall for wall, _ in runs)),
        "rows_per_cpu_second": round(rows / min(cpu for _, cpu in runs)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("target")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    model = trained(args.table, args.target, args.steps, args.work / "model")
    torch.set_num_threads(args.threads)
    parquet = args.work / "sampled.parquet"
    decoded: list[pa.RecordBatch] = list(sample_batches(model, args.rows, Rng(0)))
    head = ["git", "rev-parse", "HEAD"]
    commit = subprocess.run(head, check=True, capture_output=True, text=True).stdout.strip()
    figures = {
        "sampling": timed(lambda: write_batches(sample_batches(model, args.rows, Rng(1)), parquet=parquet), args.rows),
        "floor_writing_alone": timed(lambda: write_batches(decoded, parquet=parquet), args.rows),
        "rows": args.rows,
        "columns": len(model.schema),
        "codes": sum(model.encoder.widths),
        "target_drawn_last": model.chain.target is not None,
        "drawn_anew": len(model.chain.forest),
        "threads": args.threads,
        "commit": commit,
        "device": {"processor": platform.machine(), "cores": os.cpu_count(), "load": os.getloadavg()},
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "pyarrow": pa.__version__},
    }
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
