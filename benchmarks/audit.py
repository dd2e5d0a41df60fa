"""What the audit catches, how long it takes and how much memory.

    python benchmarks/audit.py plants TABLE.csv[.gz] [--rows 5000] [--seeds 3] [--json OUT.json]
    python benchmarks/audit.py speed TABLE.csv[.gz] --rows 30000 [--columns 20] [--json OUT.json]

`plants`: disjoint draws of the table play train, holdout, reference and synthetic; the audit plants its leaks and the
share of seeds in which each statistic caught each of them is printed. `fresh_rows` is no leak: what is caught there is
a false alarm. `speed`: one audit with self-calibration of so many records in train and synthetic table and 40 % of
that in holdout, drawn with replacement, each number moved by a thousandth of its spread where the table is too short,
and columns repeated up to `--columns`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from privacy.audit import BATTERY_VERSION, audit
from privacy.calibration import Plant
from privacy.policy import decide, load_policy
from privacy.threat import AuditTables
from synth.infer import propose_schema


def tables_of(frame: pd.DataFrame, sizes: tuple[int, int, int, int], seed: int) -> AuditTables:
    """Disjoint draws of these sizes for train, holdout, reference and synthetic."""
    schema = propose_schema(frame)
    order = frame.sample(frac=1, random_state=seed).reset_index(drop=True)
    ends = np.cumsum(sizes)
    parts = [order.iloc[a:b].reset_index(drop=True) for a, b in zip([0, *ends[:-1]], ends, strict=True)]
    return AuditTables(train=parts[0], holdout=parts[1], reference=parts[2], synthetic=parts[3], schema=schema)


def plants(args: argparse.Namespace, frame: pd.DataFrame) -> dict[str, Any]:
    """Per statistic and plant the share of seeds in which it was caught."""
    caught: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    verdicts = []
    for seed in range(args.seeds):
        n = args.rows
        result = audit(tables_of(frame, (n, n, n * 4 // 5, n), seed), np.random.default_rng(seed))
        verdicts.append(decide(result, load_policy("partner")).verdict.value)
        for trial in result.calibration:
            caught[trial.key][trial.plant.value].append(trial.caught)
        print(f"seed {seed}: {verdicts[-1]}", file=sys.stderr)
    rates = {key: {plant: float(np.mean(seen)) for plant, seen in row.items()} for key, row in caught.items()}
    names = [plant.value for plant in Plant]
    print("| statistic | " + " | ".join(names) + " |\n|--|" + "--|" * len(names))
    for key, row in rates.items():
        print(f"| {key} | " + " | ".join(f"{row[n]:.2f}" if n in row else "" for n in names) + " |")
    return {"rows": args.rows, "seeds": args.seeds, "caught": rates, "verdicts_on_fresh_rows": verdicts}


def speed(args: argparse.Namespace, frame: pd.DataFrame) -> dict[str, Any]:
    """Seconds and memory of one audit."""
    sizes = (args.rows, args.rows * 2 // 5, max(500, min(args.rows // 5, 50_000)), args.rows)
    wide = widened(frame, args.columns or len(frame.columns))
    tables = tables_of(lengthened(wide, sum(sizes)), sizes, 0)
    begin, cpu = time.perf_counter(), time.process_time()
    result = audit(tables, np.random.default_rng(0))
    figures = {
        "records": dict(result.sizes),
        "columns": len(tables.schema),
        "wall_s": round(time.perf_counter() - begin, 1),
        "cpu_s": round(time.process_time() - cpu, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "verdict_on_fresh_rows": decide(result, load_policy("partner")).verdict.value,
    }
    print(json.dumps(figures))
    return figures


def lengthened(frame: pd.DataFrame, rows: int) -> pd.DataFrame:
    """So many records: drawn with replacement and jittered where the table has fewer."""
    if rows <= len(frame):
        return frame
    rng = np.random.default_rng(0)
    out = frame.iloc[rng.integers(0, len(frame), rows)].reset_index(drop=True)
    for name in out.columns:
        if pd.api.types.is_numeric_dtype(out[name]):
            moved = out[name] + out[name].std() / 1000 * rng.standard_normal(rows)
            whole = pd.api.types.is_integer_dtype(out[name])
            out[name] = moved.round().astype("int64") if whole else moved
    return out


def widened(frame: pd.DataFrame, columns: int) -> pd.DataFrame:
    """The table with columns repeated, each copy shuffled, up to so many."""
    out = frame.copy()
    for number in range(len(frame.columns), columns):
        source = frame.columns[number % len(frame.columns)]
        out[f"{source}_{number}"] = frame[source].sample(frac=1, random_state=number).to_numpy()
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["plants", "speed"])
    parser.add_argument("table", type=Path)
    parser.add_argument("--rows", type=int, default=5_000)
    parser.add_argument("--columns", type=int)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    found = {"plants": plants, "speed": speed}[args.what](args, pd.read_csv(args.table))
    head = ["git", "rev-parse", "HEAD"]
    commit = subprocess.run(head, check=True, capture_output=True, text=True).stdout.strip()
    document = {
        "commit": commit,
        "battery": BATTERY_VERSION,
        "machine": {"processor": platform.machine(), "cores": os.cpu_count()},
        "python": platform.python_version(),
        args.what: found,
    }
    if args.json is not None:
        args.json.write_text(json.dumps(document, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
