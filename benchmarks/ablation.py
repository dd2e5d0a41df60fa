"""Takes one ingredient of the generator away at a time, and measures what that does to quality and to privacy.

usage: ablation.py --parts FOLDER --work FOLDER --score score.py [--table adult] [--target income]
                   [--steps default,unprotected,...] [--seeds 1] [--again] [--json OUT.json] [--fit-steps N]
                   [--task classification] [--draws 1] [--equal-cpu]

`--parts` holds train.csv and holdout.csv, `--score` is the script of the shared bench, which scores against both.
The project's own attacks need three kinds of people, so holdout.csv is cut in two by chance for them: one half is
their holdout, the other their reference, which is in neither train nor holdout. Cut and people under attack depend on
the seed alone: the steps of a seed are compared on the same people. The attacks are run without self-calibration.

One thread. benchmarks/results/ablation.TABLE.json is written after every run, and a run that it has of the same commit
is not made again (`--again` makes it again; so does a checkout with changes outside benchmarks/results, where a commit
does not say what was run). `--fit-steps` cuts every training short, to see whether all this works: such runs are
kept apart from the others and are never shown on the page. `pictures.py` writes the page.

An ingredient costs processor time that more steps could have had. With `--equal-cpu` each training takes about as much
of it as the default's of the same seed did, and goes into a document of its own, `equal_cpu.TABLE.json`, without
attacks. A training with the default's steps tells how many steps fill that time; a second one takes them. A time budget
would not do: it keeps time for what follows the steps by an estimate, and ends most trainings too early.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from ablation_page import DEFAULT, tables
from equal_cpu_page import table
from fidelity import read as read_table
from peers import RESULTS, ROOT, THREADS, processor, read
from quality import means
from trends import trend_error_of

from privacy.audit import ATTACKS, BATTERY_VERSION, audit
from privacy.finding import FindingStatus
from privacy.threat import AuditTables
from synth.config import TrainConfig
from synth.detect.propose import propose_schema
from synth.table.frame import validate

Run = dict[str, Any]


class Step(NamedTuple):
    """A generator that differs from the default by one thing."""

    name: str
    changes: Mapping[str, Any]
    """Settings of TrainConfig"""
    says: str
    """What differs, in words"""


STEPS = (
    Step("default", {}, "default settings"),
    Step("unprotected", {"protect": False}, "rare categories and extremes are not kept out"),
    Step("no-last-critic", {"last_critic": False}, "no critic of what the chain leaves chooses records"),
    Step("tables-with-chance", {"shrink_tables": False}, "two-way tables are matched with what is chance in them"),
    Step("no-redraw", {"redraw": False}, "no column is drawn anew given the others"),
    Step("no-predictions", {"predictions": False}, "trees that draw a column anew see no prediction of it"),
    Step("uniform-residuals", {"residual_trees": False}, "where inside of its mode piece a quantity lies is chance"),
    Step(
        "target-not-last", {"target_last": False}, "the target is drawn with the other columns, not after them by trees"
    ),
    Step("no-tables", {"table_weight": 0}, "one- and two-way tables are not matched"),
    Step("log-frequency", {"log_share": 1}, "training-by-sampling alone: all conditions drawn by log-frequency"),
    Step("no-condition-loss", {"condition_weight": 0}, "no loss for missing the condition"),
    Step("no-dependencies", {"dependencies": False}, "columns that another one determines are not looked up"),
    Step("no-calibration", {"calibration": False}, "the generator is not made to draw codes as often as the table has"),
    Step("ctgan", {"objective": "ctgan"}, "the published method CTGAN alone"),
    Step("not-averaged", {"ema": 0}, "weights are the last ones, not averaged"),
)
ATTACKED = ("membership", "vulnerable")
NEAR = 0.04
"""Processor times that differ by this share count as equal. A second training is not measured against it again."""


def commit() -> str:
    """The commit, marked where anything but results has been changed since."""
    git = ["git", "-C", str(ROOT)]
    head = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], check=True, capture_output=True, text=True)
    changed = subprocess.run(
        [*git, "status", "--porcelain", "--untracked-files=no", "--", ".", ":!benchmarks/results"],
        check=True,
        capture_output=True,
        text=True,
    )
    return head.stdout.strip() + ("-dirty" if changed.stdout.strip() else "")


def one_thread(*command: str | Path | int) -> str:
    """What a script prints."""
    environment = {**os.environ, **dict.fromkeys(THREADS, "1"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *map(str, command)], check=False, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"{command[0]} failed:\n{done.stderr[-2_000:]}")
    return done.stdout


def attacked(parts: Path, synthetic: Path, target: str, seed: int) -> dict[str, Any]:
    """What the project's attacks find on a synthetic table, and on how many people."""
    train, others = read_table(str(parts / "train.csv")), read_table(str(parts / "holdout.csv"))
    schema = propose_schema(train, target=target)
    order = np.random.default_rng(seed).permutation(len(others))
    half = len(order) // 2
    people = AuditTables(
        train=validate(train, schema),
        holdout=validate(others.iloc[order[:half]], schema),
        reference=validate(others.iloc[order[half:]], schema),
        synthetic=validate(read_table(str(synthetic)), schema),
        schema=schema,
    )
    chosen = {name: ATTACKS[name] for name in ATTACKED}
    result = audit(people, np.random.default_rng(seed), attacks=chosen, planting=False, workers=1)
    failed = [finding.key for finding in result.findings if finding.status is FindingStatus.FAILED]
    if failed:
        raise SystemExit(f"expected results of all attacks, {', '.join(failed)} failed")
    kept = ("status", "value", "lower", "upper", "n")
    findings = {f.key: {name: value for name, value in f.to_json().items() if name in kept} for f in result.findings}
    return {"battery": BATTERY_VERSION, "sizes": dict(result.sizes), "findings": findings}


def options(args: argparse.Namespace, step: Step, seed: int, steps: int | None) -> list[str | Path | int]:
    """Those of `fidelity.py`, for a training of so many steps, or of as many as the settings give."""
    changes = {**step.changes, **({} if steps is None else {"steps": steps})}
    return ["--seed", seed, "--draws", args.draws, "--set", *(f"{k}={json.dumps(v)}" for k, v in changes.items())]


def steps_for(seconds: float, tried: Mapping[str, Any]) -> int:
    """Steps that take so many processor seconds, estimated from the training `tried`; its own where they are near."""
    spare = seconds - tried["fit_cpu_s"]
    if abs(spare) <= NEAR * seconds:
        return int(tried["steps"])
    a_step = tried["phases_cpu_s"]["stepping"] / tried["steps"]
    return max(1, round(tried["steps"] + spare / a_step))


def trained(
    args: argparse.Namespace, step: Step, seed: int, default: Mapping[str, Any] | None, synthetic: Path
) -> dict[str, Any]:
    """What `fidelity.py` says of the training, whose tables it writes; `default` sets the processor time, if given."""

    def fitted(steps: int | None) -> dict[str, Any]:
        parts = (args.parts / "train.csv", args.parts / "holdout.csv")
        given = options(args, step, seed, steps)
        said = one_thread(ROOT / "benchmarks" / "fidelity.py", *parts, args.target, "-o", synthetic, *given)
        found: dict[str, Any] = json.loads(said)
        return found

    if default is None:
        return fitted(args.fit_steps)
    tried = fitted(default["steps"])
    steps = steps_for(default["fit_cpu_s"], tried)
    return tried if steps == tried["steps"] else fitted(steps)


def scored(args: argparse.Namespace, drawn: Path) -> dict[str, Any]:
    """What the script of the shared bench says of a table, and its trends with the same bins for both tables."""
    scores = drawn.with_suffix(".json")
    train = args.parts / "train.csv"
    one_thread(args.score, train, args.parts / "holdout.csv", drawn, args.target, args.task, "--json", scores)
    return {**read(scores), "trends_same_bins": 1 - trend_error_of(train, drawn)}


def one(args: argparse.Namespace, step: Step, seed: int, default: Mapping[str, Any] | None) -> Run:
    """Fits, samples, scores and attacks; scores are means over the tables drawn, attacked is the first of them."""
    short = [str(args.fit_steps)] if args.fit_steps else []
    folder = args.work / ".".join([args.table, step.name, str(seed), *short])
    folder.mkdir(parents=True, exist_ok=True)
    synthetic = folder / "S.csv"
    load = os.getloadavg()[0]
    fitted = trained(args, step, seed, default, synthetic)
    draws = [scored(args, folder / f"S{number}.csv") for number in ("", *(f".{n}" for n in range(1, args.draws)))]
    return {
        "step": step.name,
        "seed": seed,
        "fit_steps": args.fit_steps,
        "commit": args.commit,
        "fit": fitted,
        "score": draws[0] | means(draws),
        "draws": args.draws,
        "audit": None if args.equal_cpu else attacked(args.parts, synthetic, args.target, seed),
        "load_before": round(load, 1),
        "load_after": round(os.getloadavg()[0], 1),
        "machine": machine(args.beside),
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "pandas", "scikit-learn", "sdmetrics")},
        },
    }


def machine(beside: str) -> dict[str, Any]:
    return {
        "architecture": platform.machine(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "beside": beside,
    }


def begun(args: argparse.Namespace) -> dict[str, Any]:
    """The document as it is, or an empty one; its steps are those of today."""
    document = read(args.json) if args.json.exists() else {"table": args.table, "target": args.target, "runs": []}
    about = {name: document[name] for name in ("table", "target")}
    if about != {"table": args.table, "target": args.target}:
        raise SystemExit(f"{args.json}: expected results of {args.table}, target {args.target}, got {about}")
    return document | {"steps": [{"name": s.name, "says": s.says, "changes": dict(s.changes)} for s in STEPS]}


def write(document: Mapping[str, Any], out: Path) -> None:
    """Writes the document so that an interruption leaves the one before."""
    part = out.with_suffix(".part")
    part.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    part.replace(out)


def key(run: Mapping[str, Any]) -> tuple[object, ...]:
    return run["step"], run["seed"], run["fit_steps"]


def is_there(runs: Sequence[Run], wanted: Mapping[str, Any]) -> bool:
    """Whether there is such a run already, of the very code that would be run."""
    same = [run for run in runs if key(run) == key(wanted) and run["commit"] == wanted["commit"]]
    return bool(same) and not wanted["commit"].endswith("-dirty")


def measure(args: argparse.Namespace, document: dict[str, Any]) -> None:
    """Makes the runs that are missing, all steps with one seed first, and writes the document after each."""
    for seed in range(args.seeds):
        for step in args.steps:
            wanted = {"step": step.name, "seed": seed, "fit_steps": args.fit_steps, "commit": args.commit}
            if is_there(document["runs"], wanted) and not args.again:
                print(f"{step.name}, seed {seed}: is there", file=sys.stderr)
                continue
            print(f"{step.name}, seed {seed}", file=sys.stderr)
            run = one(args, step, seed, spent_by_default(args, document, step, seed))
            document["runs"] = [*(other for other in document["runs"] if key(other) != key(run)), run]
            write(document, args.json)


def spent_by_default(
    args: argparse.Namespace, document: Mapping[str, Any], step: Step, seed: int
) -> Mapping[str, Any] | None:
    """What `fidelity.py` said of the default's training with this seed, where `step` is to have as much time."""
    if not args.equal_cpu or step.name == DEFAULT:
        return None
    wanted = {"step": DEFAULT, "seed": seed, "fit_steps": args.fit_steps}
    found = [run["fit"] for run in document["runs"] if key(run) == key(wanted)]
    if not found:
        raise SystemExit(f"--equal-cpu: expected the default with seed {seed} before {step.name}")
    return found[0]


def chosen(names: str | None) -> tuple[Step, ...]:
    """The steps of these names, in the order of the table."""
    wanted = {step.name for step in STEPS} if names is None else set(names.split(","))
    unknown = wanted - {step.name for step in STEPS}
    if unknown:
        known = ", ".join(step.name for step in STEPS)
        raise SystemExit(f"--steps: expected some of {known}, got {', '.join(sorted(unknown))}")
    return tuple(step for step in STEPS if step.name in wanted)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--score", type=Path, required=True)
    parser.add_argument("--table", default="adult")
    parser.add_argument("--target", default="income")
    parser.add_argument("--steps", help="names, with commas between them; all if not given")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--again", action="store_true", help="make runs anew that are there")
    parser.add_argument("--json", type=Path, help="benchmarks/results/ablation.TABLE.json if not given")
    parser.add_argument("--fit-steps", type=int, help="steps of each training, for a try")
    parser.add_argument("--task", default="classification", choices=("classification", "regression"))
    parser.add_argument("--draws", type=int, default=1, help="tables drawn from each model, whose mean scores count")
    parser.add_argument("--equal-cpu", action="store_true", help="give each training the default's processor time")
    parser.add_argument("--beside", default="not recorded", help="what else ran on the machine, in words")
    args = parser.parse_args()
    args.json = args.json or RESULTS / f"{'equal_cpu' if args.equal_cpu else 'ablation'}.{args.table}.json"
    args.steps = chosen(args.steps)
    args.commit = commit()
    for step in args.steps:
        TrainConfig.from_json(step.changes)
    return args


def main() -> None:
    args = arguments()
    args.json.parent.mkdir(parents=True, exist_ok=True)
    document = begun(args)
    measure(args, document)
    print(table(document) if args.equal_cpu else tables(document, fit_steps=args.fit_steps))


if __name__ == "__main__":
    main()
