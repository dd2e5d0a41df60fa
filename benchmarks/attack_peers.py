"""Which leaks do our attacks see, and which do anonymeter and SDMetrics see on the very same tables?

    python benchmarks/attack_peers.py TABLE.csv[.gz] --python PEERS/bin/python [--verdicts] [--json OUT.json]

The peers live in a virtual environment of their own, outside the repository, and are never imported here:

    python3 -m venv peers && peers/bin/pip install anonymeter==1.1.0 sdmetrics==0.32.0

Disjoint draws of the table play train, holdout, reference and synthetic; each leak is planted into the synthetic
records. Ours: the interval of a statistic lies above its baseline. Anonymeter: the same of its own interval. The
metrics of SDMetrics have no interval, so there "seen" means: below the one-sided 99 % prediction interval that
`--fresh` fresh tables give (Student's t), whose standard deviation is taken as one record in `--rows` at least. Fresh
tables are no leak: what is seen on the row `fresh rows`, which plays no part in that interval, is a false alarm.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t

from privacy.audit import audit
from privacy.finding import Finding
from privacy.policy import decide, load_policy
from privacy.threat import AuditTables
from synth.detect.propose import propose_schema
from synth.table.schema import ColumnKind, TableSchema

ROOT = Path(__file__).parents[1]
RUNNER = ROOT / "benchmarks" / "attack_peers_runner.py"
OUTLIERS = 50

Parts = dict[str, pd.DataFrame]
Plant = Callable[[Parts, TableSchema, np.random.Generator], pd.DataFrame]


def copied(share: float) -> Plant:
    def plant(parts: Parts, _schema: TableSchema, _rng: np.random.Generator) -> pd.DataFrame:
        n = round(share * len(parts["train"]))
        return pd.concat([parts["train"].iloc[:n], parts["synthetic"].iloc[n:]], ignore_index=True)

    return plant


def jittered(share: float) -> Plant:
    """All of train, each number moved by `share` of its standard deviation, that share of the categories redrawn."""

    def plant(parts: Parts, schema: TableSchema, rng: np.random.Generator) -> pd.DataFrame:
        out = parts["train"].copy()
        for name in numbers(schema):
            moved = out[name] + share * out[name].std() * rng.standard_normal(len(out))
            out[name] = moved.round().astype("int64") if pd.api.types.is_integer_dtype(out[name]) else moved
        for name in set(out) - set(numbers(schema)):
            hit = rng.random(len(out)) < share
            out.loc[hit, name] = rng.choice(out[name].to_numpy(), int(hit.sum()))
        return out

    return plant


def one_cell(parts: Parts, schema: TableSchema, rng: np.random.Generator) -> pd.DataFrame:
    """5 % copied, each with the number of most distinct values one unit off."""
    out = copied(0.05)(parts, schema, rng)
    out.loc[: round(0.05 * len(out)) - 1, richest(parts, schema)] += 1
    return out


def half_rows(parts: Parts, _schema: TableSchema, rng: np.random.Generator) -> pd.DataFrame:
    """10 % of the synthetic records hold two thirds of a training record each, always the same columns."""
    out, n = parts["synthetic"].copy(), len(parts["synthetic"]) // 10
    names = list(rng.permutation(out.columns)[: round(2 / 3 * len(out.columns))])
    out.loc[: n - 1, names] = parts["train"].loc[: n - 1, names]
    return out


def one_column(parts: Parts, schema: TableSchema, rng: np.random.Generator) -> pd.DataFrame:
    """The number of most distinct values of all of train, shuffled, on fresh records."""
    name = richest(parts, schema)
    return parts["synthetic"].assign(**{name: rng.permutation(parts["train"][name].to_numpy())})


def outliers(parts: Parts, schema: TableSchema, _rng: np.random.Generator) -> pd.DataFrame:
    """The 50 training records whose numbers and categories are the rarest, in place of fresh ones."""
    rarity = np.zeros(len(parts["train"]))
    for name in parts["train"]:
        column = parts["train"][name]
        if name in numbers(schema):
            ranks = column.rank(pct=True).to_numpy()
            rarity -= np.log(np.minimum(ranks, 1 - ranks) + 1 / len(column))
        else:
            rarity -= np.log(column.map(column.value_counts(normalize=True)).to_numpy(dtype=float))
    rows = parts["train"].iloc[np.argsort(-rarity)[:OUTLIERS]]
    return pd.concat([rows, parts["synthetic"].iloc[OUTLIERS:]], ignore_index=True)


PLANTS: dict[str, Plant] = {
    "verbatim copy": copied(1.0),
    "5 % copied": copied(0.05),
    "1 % copied": copied(0.01),
    "all jittered by 5 %": jittered(0.05),
    "all jittered by 20 %": jittered(0.2),
    "5 % copied, one cell changed": one_cell,
    "two thirds of 10 % of the records": half_rows,
    "one nearly unique column": one_column,
    "50 outliers copied": outliers,
    "fresh rows": lambda parts, _schema, _rng: parts["synthetic"],
}


def numbers(schema: TableSchema) -> list[str]:
    return [column.name for column in schema if column.kind is ColumnKind.NUMERICAL]


def richest(parts: Parts, schema: TableSchema) -> str:
    return max(numbers(schema), key=lambda name: parts["train"][name].nunique())


def seen(findings: tuple[Finding, ...]) -> list[str]:
    """The attacks that have a statistic whose interval lies above its baseline."""
    found = {
        finding.attack
        for finding in findings
        if finding.gating
        and finding.lower is not None
        and finding.lower > max(finding.baseline or 0.0, finding.details.get("fpr_upper", 0.0))
    }
    return sorted(found)


def ours(parts: Parts, synthetic: pd.DataFrame, schema: TableSchema, *, verdicts: bool) -> dict[str, Any]:
    """The attacks that see the leak. A verdict takes self-calibration, which costs ten times as much."""
    tables = AuditTables(
        train=parts["train"],
        holdout=parts["holdout"],
        reference=parts["reference"],
        synthetic=synthetic,
        schema=schema,
    )
    result = audit(tables, np.random.default_rng(0), planting=verdicts)
    verdict = decide(result, load_policy("internal")).verdict.value if verdicts else ""
    return {"verdict": verdict, "attacks": seen(result.findings)}


def peers(python: str, parts: Parts, tables: dict[str, pd.DataFrame], schema: TableSchema) -> dict[str, Any]:
    """What the peers say of each table."""
    kinds = {column.name: column.kind.value for column in schema}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("train", "holdout"):
            parts[name].to_csv(Path(folder, f"{name}.csv"), index=False)
        for place, table in enumerate(tables.values()):
            table.to_csv(Path(folder, f"{place}.csv"), index=False)
        job = {"kinds": kinds, "tables": len(tables)}
        Path(folder, "job.json").write_text(json.dumps(job), encoding="utf-8")
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        subprocess.run([python, str(RUNNER), folder], check=True, env=environment, stdout=sys.stderr)
        found = json.loads(Path(folder, "found.json").read_text(encoding="utf-8"))
    return dict(zip(tables, found, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--python", help="of the environment in which the peers are installed; without it, ours alone")
    parser.add_argument("--rows", type=int, default=1_000)
    parser.add_argument("--fresh", type=int, default=4)
    parser.add_argument("--verdicts", action="store_true", help="also the verdict of the policy internal on each table")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    frame = pd.read_csv(args.table).sample(frac=1, random_state=args.seed).reset_index(drop=True)
    schema, n = propose_schema(frame), args.rows
    if len(frame) < (4 + args.fresh) * n:
        parser.error(f"{4 + args.fresh} x {n} records are needed, there are {len(frame)}")
    names = ("train", "holdout", "reference", "synthetic", *(f"fresh {i}" for i in range(args.fresh)))
    parts = {name: frame.iloc[i * n : (i + 1) * n].reset_index(drop=True) for i, name in enumerate(names)}
    rng = np.random.default_rng(args.seed)
    planted = {name: plant(parts, schema, rng) for name, plant in PLANTS.items()}
    rows: dict[str, dict[str, Any]] = {}
    for name, table in planted.items():
        rows[name] = {"ours": ours(parts, table, schema, verdicts=args.verdicts)}
        print(f"{name}: {rows[name]['ours']}", file=sys.stderr)
    if args.python:
        controls = {name: parts[name] for name in names[4:]}
        found = peers(args.python, parts, {**planted, **controls}, schema)
        usual = [found[name]["sdmetrics"] for name in controls]
        for name in planted:
            rows[name]["anonymeter"] = found[name]["anonymeter"]
            rows[name]["sdmetrics"] = {
                metric: {"value": value, "usual": [fresh[metric] for fresh in usual]}
                for metric, value in found[name]["sdmetrics"].items()
            }
    show(rows, n)
    if args.json is not None:
        args.json.write_text(json.dumps({"rows": n, "seed": args.seed, "found": rows}, indent=1), encoding="utf-8")


def show(rows: dict[str, dict[str, Any]], n: int) -> None:
    """The table in Markdown."""
    print("| leak | verdict | ours | anonymeter | SDMetrics |\n|--|--|--|--|--|")
    for name, row in rows.items():
        attacks = ", ".join(row["ours"]["attacks"]) or "none"
        risks = row.get("anonymeter", {})
        by_interval = [
            f"{key} {r['value']:.3f}" for key, r in risks.items() if r["value"] is not None and r["lower"] > 0
        ]
        metrics = [f"{key} {m['value']:.3f}" for key, m in row.get("sdmetrics", {}).items() if is_worse(m, n)]
        cells = [", ".join(some) or ("none" if risks else "not run") for some in (by_interval, metrics)]
        print(f"| {name} | {row['ours']['verdict'] or 'not run'} | {attacks} | {cells[0]} | {cells[1]} |")


def is_worse(metric: dict[str, Any], rows: int) -> bool:
    """Below what fresh tables let expect of a further one; 1 is the best score of each metric."""
    usual = np.array([value for value in metric["usual"] if value is not None])
    if metric["value"] is None or len(usual) < 2:
        return False
    spread = max(float(usual.std(ddof=1)), 1 / rows) * np.sqrt(1 + 1 / len(usual))
    return bool(metric["value"] < usual.mean() - t.ppf(0.99, len(usual) - 1) * spread)


if __name__ == "__main__":
    main()
