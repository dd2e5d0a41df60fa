"""Runs a generator on a table, scores what it draws along its training, and keeps times and scores as JSON.

usage: peers.py ctgan     --python PEER/bin/python --parts FOLDER --work FOLDER --score score.py
       peers.py mostlyai  --python PEER/bin/python --parts FOLDER --work FOLDER --score score.py
       peers.py lookalike --parts FOLDER --work FOLDER --score score.py [--budgets 8,15,30,60,120,0] [--seeds 3]

A peer lives in a virtual environment of its own, named by `--python`, and is never imported here. For example

    python3 -m venv peers/ctgan && peers/ctgan/bin/pip install torch==2.13.0 ctgan==0.12.1
    python3 -m venv peers/mostlyai && peers/mostlyai/bin/pip install torch==2.13.0 mostlyai-engine==2.7.3

`--parts` holds train.csv and holdout.csv, `--score` is the script of the shared bench. Each generator has a file
of its own, benchmarks/results/TABLE.GENERATOR.json, so ours can be run again without the peers. What lies in `--work`
is used again: tables and times of a run, scores of a table; `--again` begins anew. One thread each. A budget is
processor time, 0 the default settings. `pictures.py` draws what is found.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
RUNNER = ROOT / "benchmarks" / "peer_runner.py"
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "LOKY_MAX_CPU_COUNT")


def one_thread(command: list[str | Path]) -> None:
    environment = {**os.environ, **dict.fromkeys(THREADS, "1"), "PYTHONPATH": str(ROOT)}
    print("$", *command, file=sys.stderr)
    subprocess.run([str(part) for part in command], check=True, env=environment, stdout=sys.stderr)


def read(file: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return document


def commit() -> str:
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def trained(args: argparse.Namespace, folder: Path, *options: str) -> dict[str, Any]:
    """What the runner says of a training, which is made if it has not been yet."""
    times = folder / "times.json"
    if args.again:
        shutil.rmtree(folder, ignore_errors=True)
    if not times.exists():
        command = [args.python, RUNNER, args.generator, args.parts / "train.csv", folder, *options]
        one_thread([*command, "--target", args.target])
    document = read(times)
    if "commit" not in document:
        document["commit"] = commit()
        times.write_text(json.dumps(document, indent=1), encoding="utf-8")
    return document


def scored(args: argparse.Namespace, table: Path) -> dict[str, Any]:
    """The scores of a table by the shared script."""
    found = table.with_suffix(".score.json")
    if not found.exists():
        parts = (args.parts / "train.csv", args.parts / "holdout.csv")
        one_thread([sys.executable, args.score, *parts, table, args.target, "classification", "--json", found])
    return read(found)


def runs(args: argparse.Namespace) -> list[dict[str, Any]]:
    """All trainings with their points, and the scores of each point."""
    found = []
    for seed in range(args.seeds):
        for budget in args.budgets if args.generator == "lookalike" else [0.0]:
            name = f"{args.table}.{args.generator}.{seed}" + (f".{budget:g}s" if budget else "")
            options = ["--seed", str(seed), *(["--budget", str(budget)] if budget else [])]
            run = trained(args, args.work / name, *options) | {"budget_s": budget or None}
            for point in run["points"]:
                point["score"] = scored(args, args.work / name / point["table"])
            found.append(run)
    return found


def processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("generator", choices=["ctgan", "mostlyai", "lookalike"])
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="of the generator's environment")
    parser.add_argument("--parts", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--score", type=Path, required=True)
    parser.add_argument("--table", default="adult")
    parser.add_argument("--target", default="income")
    parser.add_argument("--budgets", default="8,15,30,60,120,0", help="CPU seconds of ours; 0: default settings")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--again", action="store_true", help="train anew what lies in --work")
    parser.add_argument("--beside", default="not recorded", help="what else ran on the machine, in words")
    args = parser.parse_args()
    args.budgets = [float(budget) for budget in args.budgets.split(",")]
    return args


def main() -> None:
    args = arguments()
    args.work.mkdir(parents=True, exist_ok=True)
    document = {
        "table": args.table,
        "target": args.target,
        "generator": args.generator,
        "machine": {
            "architecture": platform.machine(),
            "processor": processor(),
            "cores": os.cpu_count(),
            "device": "cpu",
            "beside": args.beside,
        },
        "scored_with": {name: version(name) for name in ("pandas", "scikit-learn", "sdmetrics")},
        "runs": runs(args),
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    out = RESULTS / f"{args.table}.{args.generator}.json"
    out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(out)


if __name__ == "__main__":
    main()
