"""Trains one generator on a CSV table, and writes what it draws and the seconds that training took.

usage: peer_runner.py ctgan|mostlyai|lookalike TRAIN.csv FOLDER [--seed N] [--target NAME] [--budget SECONDS]

Runs under the Python of an environment of the generator's own: it needs pandas, torch and that generator, and is no
part of the project's code. FOLDER gets a CSV for every look at the generator and `times.json`. Seconds are those of
training with all its preparation (encoding included); drawing records stops the clock. `wall_s` is what went by on this
machine, whatever else ran; `cpu_s` is what the processor spent on the training, over all its threads. Of ctgan the few
seconds are left out in which helper processes encode columns. A peer that is sent SIGTERM ends its training with what
it has learnt so far; its last look is then not final.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import torch

CTGAN_LOOKS = (3, 10, 30, 100)
"""Epochs of 300 after which records are drawn from an unfinished ctgan."""
MOSTLYAI_LOOKS = (1, 2, 4, 8, 16, 32, 64)
"""The same for the engine of MOSTLY AI, which decides for itself when it ends."""


class Stop:
    """Whether the training was asked to end."""

    def __init__(self) -> None:
        self.asked = False
        signal.signal(signal.SIGTERM, self._ask)

    def _ask(self, *_: object) -> None:
        self.asked = True


class Clock:
    """Wall and CPU seconds since it was made, without those in which it was stopped."""

    def __init__(self, *, children: bool = False) -> None:
        self.children = children
        self.begin = self._now()
        self.points: list[dict[str, Any]] = []

    def _now(self) -> tuple[float, float]:
        used = [resource.getrusage(resource.RUSAGE_SELF)]
        if self.children:
            used.append(resource.getrusage(resource.RUSAGE_CHILDREN))
        return time.perf_counter(), sum(u.ru_utime + u.ru_stime for u in used)

    def stopped(self, done: str, work: Callable[[Path], None], table: Path, *, final: bool = False) -> None:
        """Notes the seconds until now, and does not count those of `work`, which writes `table`."""
        before = self._now()
        wall, cpu = (now - then for now, then in zip(before, self.begin, strict=True))
        point = {"done": done, "wall_s": round(wall, 2), "cpu_s": round(cpu, 2), "final": final, "table": table.name}
        print(json.dumps(point), flush=True)
        work(table)
        self.points.append(point)
        after = self._now()
        self.begin = (self.begin[0] + after[0] - before[0], self.begin[1] + after[1] - before[1])


def in_a_child(work: Callable[[Path], None]) -> Callable[[Path], None]:
    """The same done by a copy of this process, so that no random number and no weight of this one is touched."""

    def copied(table: Path) -> None:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                work(table)
                status = 0
            finally:
                os._exit(status)
        if os.waitpid(child, 0)[1] != 0:
            raise RuntimeError(f"{table}: no records could be drawn")

    return copied


def ctgan(train: pd.DataFrame, args: argparse.Namespace) -> tuple[Clock, dict[str, Any]]:
    """The package at its defaults; its progress bar is where it can be looked at."""
    import ctgan.synthesizers.ctgan as package  # noqa: PLC0415 - only in its own environment

    model = package.CTGAN()
    model.set_random_state(args.seed)
    draw: Callable[[Path], None] = lambda table: model.sample(len(train)).to_csv(table, index=False)  # noqa: E731

    done = 0
    stop = Stop()

    class Epochs:
        def __init__(self, epochs: range, **_: object) -> None:
            self.epochs = epochs

        def __iter__(self) -> Iterator[int]:
            nonlocal done
            for done in self.epochs:
                if done in CTGAN_LOOKS:
                    clock.stopped(f"{done} epochs", in_a_child(draw), args.folder / f"{done}.csv")
                if stop.asked:
                    return
                yield done
            done += 1

    package.tqdm = Epochs
    discrete = [name for name in train if not pd.api.types.is_numeric_dtype(train[name])]
    clock = Clock()
    model.fit(train, discrete)
    clock.stopped(f"{done} epochs", draw, args.folder / "final.csv", final=not stop.asked)
    return clock, {"version": version("ctgan"), "settings": "defaults (300 epochs)"}


def mostlyai(train: pd.DataFrame, args: argparse.Namespace) -> tuple[Clock, dict[str, Any]]:
    """The engine at its defaults, which are those of the kit around it; copies of its folder are looked at."""
    from mostlyai import engine  # noqa: PLC0415 - only in its own environment

    space = args.folder / "workspace"
    shutil.rmtree(space, ignore_errors=True)
    engine.set_random_state(args.seed)
    kept: list[Path] = []
    epochs = 0
    stop = Stop()

    def keep(copy: Path) -> None:
        shutil.copytree(space, copy.with_suffix(".space"))

    def look(**progress: Any) -> dict[str, bool]:  # noqa: ANN401 - the engine's own
        nonlocal epochs
        message = progress.get("message") or {}
        if message.get("val_loss") is not None and int(message["epoch"]) > epochs:
            epochs = int(message["epoch"])
            if epochs in MOSTLYAI_LOOKS:
                kept.append(args.folder / f"{epochs}.csv")
                clock.stopped(f"{epochs} epochs", keep, kept[-1])
        return {"stopExecution": stop.asked}

    def draw(table: Path) -> None:
        engine.generate(workspace_dir=table.with_suffix(".space"), sample_size=len(train))
        parts = sorted((table.with_suffix(".space") / "SyntheticData").glob("*.parquet"))
        pd.concat([pd.read_parquet(part) for part in parts]).to_csv(table, index=False)

    clock = Clock(children=True)
    engine.split(tgt_data=train, workspace_dir=space, model_type="TABULAR")
    engine.analyze(workspace_dir=space)
    engine.encode(workspace_dir=space)
    engine.train(workspace_dir=space, update_progress=look)
    clock.stopped(f"{epochs} epochs", keep, args.folder / "final.csv", final=not stop.asked)
    for table in (*kept, args.folder / "final.csv"):
        draw(table)
    return clock, {"version": version("mostlyai-engine"), "settings": "defaults"}


def lookalike(train: pd.DataFrame, args: argparse.Namespace) -> tuple[Clock, dict[str, Any]]:
    """The project's own generator, at its defaults or until `--budget` CPU seconds are over."""
    from synth.config import TrainConfig  # noqa: PLC0415 - only in the project's environment
    from synth.detect.propose import propose_schema  # noqa: PLC0415
    from synth.randomness import Rng  # noqa: PLC0415
    from synth.sampling.sample import sample  # noqa: PLC0415
    from synth.table.frame import write_csv  # noqa: PLC0415
    from synth.training.fit import fit  # noqa: PLC0415

    config = TrainConfig() if args.budget is None else TrainConfig(max_minutes=args.budget / 60)
    clock = Clock()
    schema = propose_schema(train, target=args.target)
    model = fit(train, schema, config, Rng(args.seed), clock=time.process_time)

    def draw(table: Path) -> None:
        write_csv(sample(model, len(train), Rng(args.seed).spawn("sample")), table)

    clock.stopped(f"{model.steps} steps", draw, args.folder / "final.csv", final=True)
    settings = "defaults" if args.budget is None else f"defaults, {args.budget:g} s of processor time"
    return clock, {"version": version("lookalike"), "settings": settings, "ending": model.ending}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("generator", choices=["ctgan", "mostlyai", "lookalike"])
    parser.add_argument("train", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", help="the column that models are to predict (lookalike alone asks for it)")
    parser.add_argument("--budget", type=float, help="CPU seconds of training (lookalike alone)")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    train = pd.read_csv(args.train)
    run = {"ctgan": ctgan, "mostlyai": mostlyai, "lookalike": lookalike}[args.generator]
    load = os.getloadavg()
    clock, about = run(train, args)
    document = {
        "generator": args.generator,
        **about,
        "seed": args.seed,
        "records": len(train),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "load_before": round(load[0], 1),
        "load_after": round(os.getloadavg()[0], 1),
        "points": clock.points,
    }
    (args.folder / "times.json").write_text(json.dumps(document, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
