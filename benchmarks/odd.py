"""How well odd records are told from others, beside IsolationForest and LocalOutlierFactor; AUC as JSON.

usage: odd.py TABLE.csv CLASS [--records 5000] [--tested 1500] [--columns 3] [--minutes 1] [--seed 0]

Of the table `--records` at random are learnt, and `--tested` others are scored. Of half of these some columns, drawn
for each record, take the values of another record of the same CLASS: each value is usual, the record is not. All learn
from the same records, which hold no odd ones: the two peers with numbers standardised and categories one-hot. Columns
with a value for next to each record, such as survey weights, are left out (`--drop`). Intervals are of 95 % (DeLong).
Minutes are of processor time.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks.fidelity import read
from synth.config import TrainConfig
from synth.detect.propose import propose_schema
from synth.fidelity.delong import auc_interval
from synth.likelihood import record_scores
from synth.randomness import Rng
from synth.table.frame import validate
from synth.training.fit import fit
from synth.uses.odd import odd


def shuffled(
    table: pd.DataFrame, label: str, columns: int, rng: np.random.Generator
) -> tuple[pd.DataFrame, np.ndarray]:
    """(the table in which half of the records are odd, which)."""
    found, is_odd = table.copy(), rng.random(len(table)) < 0.5
    names = [name for name in table if name != label]
    groups = {value: np.flatnonzero(table[label] == value) for value in table[label].unique()}
    for row in np.flatnonzero(is_odd):
        for name in rng.choice(names, columns, replace=False):
            found.loc[row, name] = table[name].iloc[rng.choice(groups[table[label].iloc[row]])]
    return found, is_odd


def peers(learnt: pd.DataFrame, table: pd.DataFrame) -> dict[str, np.ndarray]:
    """(records,) scores of each, high for odd records."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    as_numbers = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), make_column_selector(dtype_include=object)),
    )
    forest = make_pipeline(as_numbers, IsolationForest(n_estimators=200, random_state=0)).fit(learnt)
    factor = make_pipeline(as_numbers, LocalOutlierFactor(n_neighbors=20, novelty=True)).fit(learnt)
    return {"IsolationForest": -forest.score_samples(table), "LocalOutlierFactor": -factor.score_samples(table)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table")
    parser.add_argument("label")
    parser.add_argument("--drop", nargs="*", default=[])
    parser.add_argument("--records", type=int, default=5000)
    parser.add_argument("--tested", type=int, default=1500)
    parser.add_argument("--columns", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    whole = read(args.table).drop(columns=args.drop)
    some = whole.sample(args.records + args.tested, random_state=args.seed).reset_index(drop=True)
    train, held = some[: args.records], some[args.records :].reset_index(drop=True)
    schema = propose_schema(train, target=args.label)
    train, held = validate(train, schema), validate(held, schema)
    begin = time.process_time()
    model = fit(train, schema, TrainConfig(max_minutes=args.minutes), Rng(args.seed), clock=time.process_time)
    seconds = time.process_time() - begin
    table, is_odd = shuffled(held, args.label, args.columns, rng)
    scores = {
        "lookalike": odd(model, table, Rng(0)).scores,
        "generator alone": -record_scores(model, table, Rng(0))["generator"],
        **peers(train, table),
    }
    found = {name: auc_interval(score[is_odd], score[~is_odd]) for name, score in scores.items()}
    figures = {name: [round(each.value, 4), round(each.lower, 4), round(each.upper, 4)] for name, each in found.items()}
    facts = {"table": Path(args.table).name, "records": len(train), "tested": len(table), "columns": args.columns}
    print(json.dumps({**facts, "fit_cpu_s": round(seconds, 1), "steps": model.steps, "auc": figures}))


if __name__ == "__main__":
    main()
