"""Memory and seconds of each stage of a job on a wide table, and on a table with a column of very many categories.

    python -m benchmarks.wide columns --work FOLDER [--columns 1000] [--rows 10000] [--steps 20] [--stages ...]
    python -m benchmarks.wide categories --work FOLDER [--categories 100000] [--rows 1000000] [--steps 20]

`columns`: quantities, categories of 2 to 50 values and dates, correlated in groups of ten, some missing. `categories`:
one column with so many categories, whose frequencies fall as Zipf's law has them, and seven columns that follow it in
part.

Each stage runs in a process of its own, and a line of JSON says its peak of resident memory, its processor seconds and
its wall seconds. `library` fits a Parquet table with `synth.fit` and samples from it; `intake` and `quote` are what an
upload and a quote do; `fidelity` and `audit` compare the table, in parts as a job has them, with another one that was
drawn like it, so that nobody waits for a training; the others are the stages of a job as a worker runs them
(`app.child`). Nothing follows a stage that fails. Files stay in the work folder: a later call can go on with later
`--stages`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from app.blobs import open_blobs
from app.config import Settings
from app.pipeline import WAYS, stage_named
from app.states import JobKind
from app.task import Failure, Output, Progress, Task, hear, say
from benchmarks.wide_tables import categories_table, wide_table

if TYPE_CHECKING:
    from synth.config import TrainConfig
    from synth.table.schema import TableSchema
    from synth.table.source import ParquetTable

BLOCK = 100_000
SECONDS = 900
JOB = tuple(stage.name for stage in WAYS[JobKind.SYNTHESIZE])
ALONE = ("intake", "library", "quote", "fidelity", "audit")
SHARES = (0.6, 0.25, 0.15)
"""Of train, holdout and reference"""
THREADS = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}


def drawn(args: argparse.Namespace, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(args.columns + args.categories + seed)
    if args.table == "columns":
        return wide_table(args.columns, args.rows, rng)
    return categories_table(args.categories, args.rows, rng)


def make(args: argparse.Namespace) -> dict[str, object]:
    """Writes the table as CSV."""
    drawn(args).to_csv(args.work / "table.csv", index=False, chunksize=BLOCK)
    return {}


def intake(args: argparse.Namespace) -> dict[str, object]:
    from app.cli.offline import limits  # noqa: PLC0415 - a process of its own loads what its stage needs
    from app.intake.read import ingest  # noqa: PLC0415

    found = ingest(args.work / "table.csv", args.work / "table.parquet", filename="table.csv", limits=limits())
    (args.work / "schema.json").write_text(json.dumps(found.schema.to_json()), encoding="utf-8")
    return {"records": found.rows, "columns": len(found.schema.names)}


def quote(args: argparse.Namespace) -> dict[str, object]:
    from synth.randomness import Rng  # noqa: PLC0415
    from synth.training.forecast import forecast  # noqa: PLC0415

    table, config = learnt(args)
    said = forecast(table, table.schema, config, Rng(0), clock=time.process_time)
    return {"codes": said.codes, "fit_seconds": round(said.seconds, 1), "fit_gb": round(said.bytes / 2**30, 2)}


def learnt(args: argparse.Namespace) -> tuple[ParquetTable, TrainConfig]:
    """The table that `quote` forecasts a training of and `library` learns, and how."""
    from synth.config import TrainConfig  # noqa: PLC0415
    from synth.table.schema import TableSchema  # noqa: PLC0415
    from synth.table.source import ParquetTable  # noqa: PLC0415

    schema = TableSchema.from_json(json.loads((args.work / "schema.json").read_text(encoding="utf-8")))
    config = TrainConfig(steps=args.steps, look_every=max(1, args.steps // 2), max_minutes=SECONDS / 60)
    return ParquetTable(args.work / "table.parquet", schema), config


def library(args: argparse.Namespace) -> dict[str, object]:
    import synth  # noqa: PLC0415

    table, config = learnt(args)
    begun = time.process_time()
    model = synth.fit(table, table.schema, config, synth.Rng(0), scratch=args.work, clock=time.process_time)
    trained = time.process_time()
    made = synth.sample(model, args.rows, synth.Rng(1))
    return {
        "codes": sum(model.encoder.widths),
        "fit_seconds": round(trained - begun, 1),
        "sample_seconds": round(time.process_time() - trained, 1),
        "sampled": len(made),
    }


def compared(args: argparse.Namespace) -> tuple[list[pd.DataFrame], TableSchema]:
    """Train, holdout, reference and a table like them, as they are read from files; and their schema."""
    from synth.table.frame import read_parquet  # noqa: PLC0415
    from synth.table.schema import TableSchema  # noqa: PLC0415

    schema = TableSchema.from_json(json.loads((args.work / "schema.json").read_text(encoding="utf-8")))
    schema = schema.with_roles(target="outcome")
    table = read_parquet(args.work / "table.parquet", schema)
    ends = np.cumsum([0, *(round(share * len(table)) for share in SHARES)])
    parts = [table.iloc[begin:end].reset_index(drop=True) for begin, end in pairwise(ends)]
    other = args.work / "other.parquet"
    if not other.exists():
        drawn(args, seed=1).iloc[: len(parts[0])].to_parquet(other, index=False)
    return [*parts, read_parquet(other, schema)], schema


def fidelity(args: argparse.Namespace) -> dict[str, object]:
    from synth.fidelity.assess import assess  # noqa: PLC0415

    (train, holdout, _, synthetic), schema = compared(args)
    found = assess(train, holdout, synthetic, schema, np.random.default_rng(0), progress=told)
    return {"characters": len(json.dumps(found.to_json()))}


def audit(args: argparse.Namespace) -> dict[str, object]:
    from privacy.audit import audit as attack  # noqa: PLC0415
    from privacy.threat import AuditTables  # noqa: PLC0415

    (train, holdout, reference, synthetic), schema = compared(args)
    tables = AuditTables(train=train, holdout=holdout, reference=reference, synthetic=synthetic, schema=schema)
    found = attack(tables, np.random.default_rng(0), progress=told)
    return {"findings": len(found.findings)}


def told(what: str, fraction: float) -> None:
    """Progress, as the process that measures this one hears it."""
    print(say(Progress(fraction=fraction, message=what)), flush=True)


def stage(args: argparse.Namespace, name: str, home: Path, known: dict[str, Any]) -> subprocess.Popen[str]:
    """The child process of a stage, with its task."""
    schema = json.loads((args.work / "schema.json").read_text(encoding="utf-8"))
    options: dict[str, Any] = {"target": "outcome", "generator": {"max_steps": args.steps}, "seed": 0}
    options["rows"] = args.sampled
    task = Task(
        job_id="job_1",
        tenant_id="tenant_1",
        dataset_id="dataset_1",
        kind=JobKind.SYNTHESIZE,
        stage=name,
        attempt=1,
        prefix=f"tenant_1/jobs/job_1/1-{name}",
        schema=schema,
        options=options,
        inputs={each: {"key": stored["key"], "sha256": stored["sha256"]} for each, stored in known.items()},
        facts={"job_id": "job_1", "dataset_id": "dataset_1", "options": options, "schema": schema, "delimiter": ","},
    )
    settings = Settings(home=home, device="cpu", training_minutes=SECONDS / 60)
    child = subprocess.Popen(
        [sys.executable, "-m", "app.child", str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **THREADS, **settings.environment()},
    )
    if child.stdin is not None:
        child.stdin.write(task.to_json() + "\n")
        child.stdin.close()
    return child


def measured(args: argparse.Namespace, name: str) -> bool:
    """Runs one stage in a process of its own and prints what it took; whether it ended well."""
    home, record = (args.work / "home").resolve(), args.work / "known.json"
    known: dict[str, Any] = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}
    if name in JOB and "table" not in known:
        home.mkdir(exist_ok=True)
        blobs = open_blobs(Settings(home=home))
        known["table"] = asdict(blobs.put("tenant_1/datasets/dataset_1/table.parquet", args.work / "table.parquet"))
    begun, failed, trail = time.monotonic(), "", [(0.0, "")]
    said: dict[str, Any] = {}
    if name in JOB:
        child = stage(args, name, home, known)
    else:
        command = [sys.executable, "-m", "benchmarks.wide", *args.given, "--child", name]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **THREADS})
    for line in child.stdout or ():
        word = hear(line)
        if isinstance(word, Output):
            known[word.name] = {"key": word.key, "sha256": word.sha256}
        elif isinstance(word, Failure):
            failed = f"{word.code}: {word.detail}"
        elif word is not None:
            trail.append((time.monotonic() - begun, word.message))
        elif name not in JOB:
            said = json.loads(line)
    _, status, used = os.wait4(child.pid, 0)
    failed = failed or ("" if status == 0 else f"status {status}")
    record.write_text(json.dumps(known), encoding="utf-8")
    print(
        json.dumps(
            {
                "stage": name,
                "peak_gb": round(used.ru_maxrss / 2**20, 2),
                "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
                "seconds": round(time.monotonic() - begun, 1),
                **said,
                **({"failed": failed} if failed else {}),
                **({"longest": longest(trail, time.monotonic() - begun)} if args.verbose else {}),
            }
        ),
        flush=True,
    )
    return not failed


def longest(trail: Sequence[tuple[float, str]], end: float) -> dict[str, float]:
    """The messages of a stage between which most seconds went by."""
    spent: dict[str, float] = {}
    for (begun, what), after in zip(trail, [*(at for at, _ in trail[1:]), end], strict=True):
        spent[what] = spent.get(what, 0.0) + after - begun
    most = sorted(spent, key=lambda what: -spent[what])[:12]
    return {what: round(spent[what], 1) for what in most}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=("columns", "categories"))
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--columns", type=int, default=1_000)
    parser.add_argument("--categories", type=int, default=100_000)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--sampled", type=int, help="synthetic records of the job; as many as were learnt if not given")
    parser.add_argument("--stages", nargs="*", choices=(*ALONE, *JOB), default=[*ALONE[:3], *JOB])
    parser.add_argument("--verbose", action="store_true", help="tell what of a stage took longest")
    parser.add_argument("--child", choices=("make", *ALONE))
    args = parser.parse_args()
    args.rows = args.rows or (10_000 if args.table == "columns" else 1_000_000)
    args.given = sys.argv[1:]
    if args.child:
        todo = {
            "fidelity": fidelity,
            "audit": audit,
            "intake": intake,
            "quote": quote,
            "library": library,
            "make": make,
        }
        print(json.dumps(todo[args.child](args)))
        return
    args.work.mkdir(parents=True, exist_ok=True)
    stages = args.stages if (args.work / "table.csv").exists() else ["make", *args.stages]
    for name in stages:
        needed = set(stage_named(name).takes) if name in JOB else set()
        if not measured(args, name) and (name not in JOB or needed):
            break


if __name__ == "__main__":
    main()
