"""Fits a CSV table with default settings, samples as many records and prints the seconds as JSON.

usage: fidelity.py TRAIN.csv HOLDOUT.csv TARGET [-o S.csv] [--draws N] [--seed N] [--set NAME=VALUE ...]
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import torch

from synth.artifact import save
from synth.config import TrainConfig
from synth.detect.propose import propose_schema
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.sampling.sample import sample
from synth.table.frame import validate, write_csv
from synth.training.fit import fit
from synth.training.progress import Phase, TrainProgress


def read(path: str, missing: str | None = None) -> pd.DataFrame:
    """The table, with truth values as texts; `missing` stands for missing values."""
    frame = pd.read_csv(path, na_values=missing)
    for name in frame.columns:
        if pd.api.types.is_bool_dtype(frame[name]):
            frame[name] = frame[name].astype(str).astype(object)
    return frame


def as_learnt(model: TrainedModel, *paths: str, missing: str | None = None) -> pd.DataFrame:
    """The records of all files, as the model's schema has them."""
    return pd.concat([validate(read(path, missing), model.schema) for path in paths], ignore_index=True)


@dataclass(kw_only=True, slots=True)
class Phases:
    """Processor time at the end of each phase of a training, as far as progress tells of it."""

    ends: dict[Phase, float] = field(default_factory=dict)

    def seconds(self, begin: float) -> dict[str, float]:
        """What each phase took of a training that began at `begin`."""
        starts = [begin, *self.ends.values()]
        return {
            phase.name.lower(): round(end - start, 1)
            for (phase, end), start in zip(self.ends.items(), starts, strict=False)
        }

    def hear(self, progress: TrainProgress) -> None:
        """Notes the time, and shows a new point of the training curve."""
        self.ends[progress.phase] = time.process_time()
        show(progress)


def show(progress: TrainProgress) -> None:
    if progress.point is not None:
        losses = " ".join(f"{name} {loss:.4f}" for name, loss in progress.losses.items())
        point = f"1-way {progress.point.one_way:.4f} 2-way {progress.point.two_way:.4f}"
        print(f"{progress.step}/{progress.steps} {point} {losses}", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train")
    parser.add_argument("holdout", help="read only to check that it has the same columns")
    parser.add_argument("target")
    parser.add_argument("-o", "--out", default="S.csv")
    parser.add_argument("--model", help="folder to save the model in")
    parser.add_argument("--draws", type=int, default=1, help="tables drawn from the model, S.csv, S.1.csv and so on")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="settings other than the defaults")
    args = parser.parse_args()
    changes = {name: json.loads(value) for name, value in (pair.split("=", 1) for pair in args.set)}
    config = TrainConfig.from_json(changes)
    frame = read(args.train)
    if list(pd.read_csv(args.holdout, nrows=1).columns) != list(frame.columns):
        raise SystemExit("expected a holdout with the same columns")
    schema = propose_schema(frame, target=args.target)
    frame = validate(frame, schema)
    begin, cpu = time.perf_counter(), time.process_time()
    phases = Phases()
    model = fit(frame, schema, config, Rng(args.seed), progress=phases.hear)
    trained, end = time.perf_counter(), time.process_time()
    synthetic = sample(model, len(frame), Rng(args.seed).spawn("sample"))
    sampled = time.perf_counter()
    out = Path(args.out)
    write_csv(synthetic, out)
    used = resource.getrusage(resource.RUSAGE_SELF)
    for number in range(1, args.draws):
        more = sample(model, len(frame), Rng(args.seed).spawn(f"sample{number}"))
        write_csv(more, out.with_suffix(f".{number}{out.suffix}"))
    if args.model:
        save(model, Path(args.model))
    figures = {
        "records": len(frame),
        "steps": model.steps,
        "codes": sum(model.encoder.widths),
        "fit_s": round(trained - begin, 1),
        "fit_cpu_s": round(end - cpu, 1),
        "phases_cpu_s": phases.seconds(cpu),
        "sample_s": round(sampled - trained, 1),
        "cpu_s": round(used.ru_utime + used.ru_stime, 1),
        "peak_mb": round(used.ru_maxrss / 1024),
        "threads": torch.get_num_threads(),
        "changes": changes,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
