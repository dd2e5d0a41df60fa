"""How generated records keep rules between columns, with and without the mechanism that keeps them; as JSON lines.

usage: rules.py TABLE.csv[.gz] ... [--steps 150] [--records 4000] [--seed 0]

Half of the records are learnt and half are held out. Each table is learnt twice with the same seed: with the rules that
it proves, and without any. `kept` is the share of records that keep each rule: real, generated with rules, and without.
`c2st` is the AUC of gradient boosting that tells generated records from held-out ones (`floor`: learnt from held-out
ones), and `sampling` the seconds for so many records, the least of three. The seconds of both are measured in turn.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from synth.config import TrainConfig
from synth.detect.propose import propose_schema
from synth.fidelity.detection import Detection, detection
from synth.fidelity.frames import align
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.rules.settings import RuleSettings
from synth.rules.share import share_of
from synth.rules.text import text_of_rule
from synth.sampling.sample import sample
from synth.table.frame import validate
from synth.table.schema import TableSchema
from synth.table.values import values_of
from synth.training.fit import fit

SAMPLED = 32_768
TIMES = 3


def read(path: Path, records: int, seed: int) -> pd.DataFrame:
    """Some records of a table; text that is a date in every record becomes one."""
    frame = pd.read_csv(path)
    frame = frame.sample(min(records, len(frame)), random_state=seed).reset_index(drop=True)
    for name in frame.select_dtypes("object"):
        try:
            frame[name] = pd.to_datetime(frame[name], format="ISO8601").dt.tz_localize(None)
        except (ValueError, TypeError):
            continue
    return frame


def seconds(model: TrainedModel) -> float:
    begun = time.perf_counter()
    sample(model, SAMPLED, Rng(5))
    return time.perf_counter() - begun


def c2st(train: pd.DataFrame, holdout: pd.DataFrame, made: pd.DataFrame, schema: TableSchema) -> Detection | None:
    tables = align(train, holdout, made, schema)
    found = detection(tables, np.random.default_rng(0))
    return found if isinstance(found, Detection) else None


def measured(path: Path, args: argparse.Namespace) -> dict[str, object]:
    frame = read(path, args.records, args.seed)
    schema = propose_schema(frame)
    frame = validate(frame, schema)
    half = len(frame) // 2
    train, holdout = frame.iloc[:half].reset_index(drop=True), frame.iloc[half:].reset_index(drop=True)
    config = TrainConfig(steps=args.steps, device="cpu")
    models = {}
    for name, find in (("with", True), ("without", False)):
        models[name] = fit(train, replace(schema, rules=RuleSettings(find=find)), config, Rng(args.seed))
    real, others = values_of(train, schema), values_of(holdout, schema)
    made = {name: values_of(sample(model, half, Rng(9)), schema) for name, model in models.items()}
    kept = {}
    for each in models["with"].of_records.rules.rules:
        shares = {name: share_of(each.rule, table, known=real) for name, table in {"real": others, **made}.items()}
        kept[text_of_rule(each.rule)[:120]] = {
            name: None if s.kept is None else round(s.kept, 4) for name, s in shares.items()
        }
    found = {name: c2st(real, others, table, schema) for name, table in made.items()}
    times = [{name: seconds(model) for name, model in models.items()} for _ in range(TIMES)]
    least = {name: min(each[name] for each in times) for name in models}
    floor = found["with"].floor.auc().value if found["with"] and found["with"].floor else None
    return {
        "table": path.parent.name + "/" + path.name,
        "records": half,
        "kept": kept,
        "c2st": {name: None if d is None else round(d.auc, 3) for name, d in found.items()} | {"floor": floor},
        "training_seconds": {name: round(model.seconds, 1) for name, model in models.items()},
        "sampling_seconds": {name: round(value, 2) for name, value in least.items()},
        "sampling_ratio": round(least["with"] / least["without"], 2),
        "proposed": len(models["with"].of_records.rules.proposed),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="+", type=Path)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--records", type=int, default=4_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    for path in args.tables:
        print(json.dumps(measured(path, args)), flush=True)


if __name__ == "__main__":
    main()
