"""Trains shadow models of the most isolated records of Adult, attacks them, and prints figures as JSON.

usage: shadow.py [--targets 2] [--models 16] [--records 30000] [--steps N] [--device cpu|cuda|auto] [--seed N]

`generators_s` is training, sampling and decoding; `attack_s` is looking at the tables and telling models apart.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import sklearn
import torch
from numpy.typing import NDArray

from privacy.attacks.shadow import most_isolated, shadow
from privacy.evidence import gather
from privacy.threat import AuditTables
from synth.detect.propose import propose_schema
from synth.randomness import Rng
from synth.shadow.generators import ShadowConfig, device_of, shadow_tables

ROOT = Path(__file__).parents[1]
HOLDOUT = 4_000
"""Holdout and synthetic table serve to find the isolated records only; shadow models never see them."""


def commit() -> str:
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def read(records: int, seed: int) -> AuditTables:
    frame = pd.read_csv(ROOT / "examples" / "adult.csv.gz").sample(frac=1, random_state=seed).reset_index(drop=True)
    ends = [0, records, records + HOLDOUT, records + 2 * HOLDOUT]
    train, holdout, synthetic = (frame.iloc[a:b].reset_index(drop=True) for a, b in pairwise(ends))
    return AuditTables(train=train, holdout=holdout, synthetic=synthetic, schema=propose_schema(frame, target="income"))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", type=int, default=2)
    parser.add_argument("--models", type=int, default=16)
    parser.add_argument("--records", type=int, default=30_000)
    parser.add_argument("--steps", type=int, default=ShadowConfig().steps)
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def main() -> None:
    args = arguments()
    tables = read(args.records, args.seed)
    config = ShadowConfig(steps=args.steps, device=args.device)
    rng = Rng(args.seed)
    begin = time.perf_counter()
    targets = most_isolated(gather(tables, rng.spawn("evidence").numpy), args.targets)
    isolated = time.perf_counter()
    spent = 0.0

    def synthesize(base: pd.DataFrame, special: pd.DataFrame, membership: NDArray[np.bool_]) -> Iterator[pd.DataFrame]:
        nonlocal spent
        made = shadow_tables(base, special, membership, tables.schema, rng=rng.spawn("generators"), config=config)
        for _ in membership:
            start = time.perf_counter()
            table = next(made)
            spent += time.perf_counter() - start
            yield table

    def tell(stage: str, fraction: float) -> None:
        print(f"{fraction:6.1%} {stage}", file=sys.stderr)

    (finding,) = shadow(tables, synthesize, targets, models=args.models, rng=rng.spawn("attack").numpy, progress=tell)
    end = time.perf_counter()
    used = resource.getrusage(resource.RUSAGE_SELF)
    device = device_of(config)
    figures = {
        "commit": commit(),
        "device": torch.cuda.get_device_name() if device == "cuda" else f"cpu, {torch.get_num_threads()} threads",
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "sklearn": sklearn.__version__,
        },
        "records": args.records,
        "targets": args.targets,
        "models": args.models,
        "steps": args.steps,
        "isolation_s": round(isolated - begin, 1),
        "generators_s": round(spent, 1),
        "attack_s": round(end - isolated - spent, 1),
        "cpu_s": round(used.ru_utime + used.ru_stime, 1),
        "peak_mb": round(used.ru_maxrss / 1024),
        "peak_gpu_mb": round(torch.cuda.max_memory_allocated() / 2**20) if device == "cuda" else None,
        "finding": finding.to_json(),
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
