"""What the audit lets pass and what it stops, how honest its intervals are, how long it takes and how much memory.

    python benchmarks/audit.py nulls DATA [--tables adult,magic] [--size large] [--seeds 10] [--no-plants] [--json J]
    python benchmarks/audit.py own DATA [--tables adult,magic] [--size large] [--seeds 2] [--json J]
    python benchmarks/audit.py leaks DATA [--tables adult] [--kinds all] [--seeds 3] [--json J]
    python benchmarks/audit.py release TRAIN HOLDOUT REFERENCE SYNTHETIC [--target T] [--json J]
    python benchmarks/audit.py coverage [--draws 400] [--json J]
    python benchmarks/audit.py speed TABLE.csv[.gz] --rows 30000 [--columns 20] [--json J]

DATA is a folder with the tables of `benchmarks/audit_tables.py`. `nulls`: disjoint draws of a table play train,
holdout, reference and synthetic, so nothing leaks; the rate of each verdict is printed by table, with the statistics
that stood in the way of a PASS. With `--no-plants` each statistic counts as one that sees its planted leak, which makes
a run ten times as fast. `own`: the same with records of our own generator, trained on train, as the synthetic table.
`leaks`: kinds of leaks (`benchmarks/audit_leaks.py`) are put into a fresh table; verdict and
the statistics that proved or showed each are printed. `coverage`: how often each kind of interval misses the truth.
`speed`: one audit with self-calibration of so many records in train and synthetic table and 40 % of that in holdout,
drawn with replacement, each number moved by a thousandth of its spread where the table is too short.
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
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from audit_leaks import LEAKS
from audit_tables import SIZES, TABLES, drawn
from scipy.stats import binom

from privacy.audit import BATTERY_VERSION, AuditResult, audit
from privacy.calibration import Trial
from privacy.estimate import auc_interval, newcombe, rate_at
from privacy.finding import Decision, FindingStatus, Verdict
from privacy.plants import plants_of
from privacy.policy import decide, load_policy
from privacy.residual import Tries, residual_interval
from privacy.threat import AuditTables
from synth.config import TrainConfig
from synth.detect.propose import propose_schema
from synth.randomness import Rng
from synth.sampling.sample import sample
from synth.training.fit import fit


def nulls(args: argparse.Namespace) -> dict[str, Any]:
    """Per table the rate of each verdict on fresh rows, and what stood in the way of a PASS."""
    rates: dict[str, Counter[str]] = defaultdict(Counter)
    reasons: Counter[str] = Counter()
    for seed in range(args.first_seed, args.first_seed + args.seeds):
        for name in args.tables:
            tables = drawn(args.data, name, args.size, seed)
            if args.name == "own":
                tables = _generated(tables, seed)
            result = audit(tables, np.random.default_rng(seed), planting=not args.no_plants, workers=args.workers)
            decision = decide(_all_seeing(result) if args.no_plants else result, load_policy(args.policy))
            rates[name][decision.verdict.value] += 1
            if decision.verdict is not Verdict.PASS:
                reasons.update(decision.reasons)
                print(f"{name} {seed}: {decision.verdict}: {' | '.join(decision.reasons)}", file=sys.stderr, flush=True)
    print(f"| table | draws | {' | '.join(Verdict)} |\n|--|--|{'--|' * len(Verdict)}")
    for name, counts in rates.items():
        print(f"| {name} | {counts.total()} | {' | '.join(str(counts[verdict]) for verdict in Verdict)} |")
    return {"size": args.size, "policy": args.policy, "verdicts": rates, "reasons": reasons}


def _generated(tables: AuditTables, seed: int) -> AuditTables:
    """The same people, and as many records of a generator that was trained on train."""
    model = fit(tables.train, tables.schema, TrainConfig(), Rng(seed))
    return replace(tables, synthetic=sample(model, len(tables.synthetic), Rng(seed).spawn("sample")))


def _all_seeing(result: AuditResult) -> AuditResult:
    """The result as if each statistic had stopped every planted leak."""
    trials = tuple(
        Trial(key=finding.key, plant=plant, caught=True, value=1.0, lower=1.0, upper=1.0)
        for finding in result.findings
        if finding.status is FindingStatus.MEASURED
        for plant in plants_of(finding.key)
    )
    return replace(result, calibration=trials)


def leaks(args: argparse.Namespace) -> dict[str, Any]:
    """Per kind of leak the verdict of each seed, and which statistics lay above their baseline."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    kinds = list(LEAKS) if args.kinds == ["all"] else args.kinds
    for seed in range(args.first_seed, args.first_seed + args.seeds):
        for name in args.tables:
            fresh = drawn(args.data, name, args.size, seed)
            for kind in kinds:
                tables = LEAKS[kind](fresh, np.random.default_rng(seed))
                if tables is None:
                    continue
                result = audit(tables, np.random.default_rng(seed), planting=not args.no_plants, workers=args.workers)
                decision = decide(_all_seeing(result) if args.no_plants else result, load_policy(args.policy))
                saw = _saw(result, decision)
                found[f"{name}: {kind}"].append({"seed": seed, "verdict": decision.verdict.value, "saw": saw})
                print(f"{name} {kind} {seed}: {decision.verdict}: {', '.join(saw)}", file=sys.stderr, flush=True)
    print("| leak | verdicts | seen by |\n|--|--|--|")
    for leak, runs in found.items():
        by = Counter(key for run in runs for key in run["saw"])
        seen = ", ".join(f"{key} ({count})" for key, count in by.most_common(4))
        print(f"| {leak} | {' '.join(run['verdict'] for run in runs)} | {seen} |")
    return {"size": args.size, "policy": args.policy, "leaks": found}


def _saw(result: AuditResult, decision: Decision) -> list[str]:
    """The findings that a reason for the verdict names, and those whose lower end is far above the baseline."""
    said = " ".join(decision.reasons)
    return [finding.key for finding in result.findings if f"{finding.key} is" in said or finding.key in said]


def release(args: argparse.Namespace) -> dict[str, Any]:
    """The verdict on a table from a generator."""
    train, holdout, reference, synthetic = (pd.read_csv(path) for path in args.tables_of_release)
    schema = propose_schema(train, target=args.target)
    tables = AuditTables(train=train, holdout=holdout, reference=reference, synthetic=synthetic, schema=schema)
    result = audit(tables, np.random.default_rng(args.first_seed), workers=args.workers)
    decision = decide(result, load_policy(args.policy))
    print(decision.verdict, *decision.reasons, sep="\n")
    return {"decision": decision.to_json()}


def coverage(args: argparse.Namespace) -> dict[str, Any]:
    """How often each interval misses the truth on the low and on the high side; nominal are 2.5 % each."""
    rows: dict[str, tuple[float, float]] = {}
    rng = np.random.default_rng(0)
    for n in (2_000, 5_000):
        for copied in (0.0, 0.02, 0.3):
            low = {key: [0, 0] for key in ("rate at 1 %", "AUC", "difference", "residual risk")}
            for _ in range(args.draws):
                members = np.where(rng.random(n) < copied, 10.0, rng.normal(size=n))
                others = rng.normal(size=n)
                hits, chance = (
                    int((rng.random(n) < copied + (1 - copied) * 0.15).sum()),
                    int((rng.random(n) < 0.15).sum()),
                )
                rate, auc = rate_at(members, others, 0.01), auc_interval(members, others)
                tries = Tries(hits=hits, n=n, control_hits=chance, control_n=n)
                for key, (lower, upper), truth in (
                    ("rate at 1 %", (rate.lower, rate.upper), copied + (1 - copied) * 0.01),
                    ("AUC", (auc.lower, auc.upper), 0.5 + copied / 2),
                    ("difference", newcombe(hits, n, chance, n), copied * 0.85),
                    ("residual risk", residual_interval(tries), copied),
                ):
                    low[key][0] += lower > truth
                    low[key][1] += upper < truth
            rows |= {
                f"{key}, {n} people, {copied:.0%} copied": (a / args.draws, b / args.draws)
                for key, (a, b) in low.items()
            }
    band = [float(binom.ppf(q, args.draws, 0.025)) / args.draws for q in (0.005, 0.995)]
    print(f"misses on either side, of {args.draws} draws; 99 % band of 2.5 %: {band[0]:.3f} to {band[1]:.3f}")
    for key, (a, b) in rows.items():
        print(f"| {key} | {a:.3f} | {b:.3f} |")
    return {"draws": args.draws, "missed_low_high": rows}


def speed(args: argparse.Namespace) -> dict[str, Any]:
    """Seconds and memory of one audit."""
    frame = pd.read_csv(args.table)
    sizes = (args.rows, args.rows * 2 // 5, max(500, min(args.rows // 5, 50_000)), args.rows)
    wide = widened(frame, args.columns or len(frame.columns))
    order = lengthened(wide, sum(sizes)).sample(frac=1, random_state=0).reset_index(drop=True)
    schema = propose_schema(order)
    ends = np.cumsum(sizes)
    parts = [order.iloc[a:b].reset_index(drop=True) for a, b in zip([0, *ends[:-1]], ends, strict=True)]
    tables = AuditTables(train=parts[0], holdout=parts[1], reference=parts[2], synthetic=parts[3], schema=schema)
    begin, cpu = time.perf_counter(), time.process_time()
    result = audit(tables, np.random.default_rng(0), workers=args.workers)
    figures = {
        "records": dict(result.sizes),
        "columns": len(tables.schema),
        "wall_s": round(time.perf_counter() - begin, 1),
        "cpu_s": round(time.process_time() - cpu, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "verdict_on_fresh_rows": decide(result, load_policy(args.policy)).verdict.value,
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


def _names(text: str) -> list[str]:
    return text.split(",")


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, run in (
        ("nulls", nulls),
        ("own", nulls),
        ("leaks", leaks),
        ("release", release),
        ("coverage", coverage),
        ("speed", speed),
    ):
        command = commands.add_parser(name)
        command.set_defaults(run=run, name=name)
        command.add_argument("--json", type=Path)
        command.add_argument("--policy", default="internal")
        command.add_argument("--workers", type=int, default=2)
        command.add_argument("--first-seed", type=int, default=0)
        if name in {"nulls", "own", "leaks"}:
            command.add_argument("data", type=Path)
            command.add_argument("--tables", type=_names, default=["adult"] if name == "leaks" else list(TABLES))
            command.add_argument("--size", choices=list(SIZES), default="large")
            command.add_argument("--seeds", type=int, default=3)
            command.add_argument("--no-plants", action="store_true")
        if name == "leaks":
            command.add_argument("--kinds", type=_names, default=["all"])
        if name == "release":
            command.add_argument("tables_of_release", type=Path, nargs=4)
            command.add_argument("--target")
        if name == "coverage":
            command.add_argument("--draws", type=int, default=400)
        if name == "speed":
            command.add_argument("table", type=Path)
            command.add_argument("--rows", type=int, default=30_000)
            command.add_argument("--columns", type=int)
    return parser.parse_args(words)


def main() -> None:
    args = parse(sys.argv[1:])
    found = args.run(args)
    head = ["git", "rev-parse", "HEAD"]
    commit = subprocess.run(head, check=True, capture_output=True, text=True).stdout.strip()
    document = {
        "commit": commit,
        "battery": BATTERY_VERSION,
        "machine": {"processor": platform.machine(), "cores": os.cpu_count()},
        "python": platform.python_version(),
        args.name: found,
    }
    if args.json is not None:
        args.json.write_text(json.dumps(document, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
