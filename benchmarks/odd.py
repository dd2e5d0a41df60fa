"""How well odd records are told from others, beside IsolationForest and LocalOutlierFactor; AUC as JSON.

usage: odd.py TRAIN.csv HOLDOUT.csv CLASS --model FOLDER [--records 1500] [--columns 3]

`--model` is a folder that fidelity.py --model wrote, trained on TRAIN. Of half of the holdout's records some columns,
drawn for each record, take the values of another record of the same CLASS: each value is usual, the record is not. The
others learn from TRAIN too: numbers standardised, categories one-hot.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks.fidelity import read
from synth.artifact import load
from synth.likelihood import record_scores
from synth.randomness import Rng
from synth.table.frame import validate
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train")
    parser.add_argument("holdout")
    parser.add_argument("label")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--records", type=int, default=1500)
    parser.add_argument("--columns", type=int, default=3)
    args = parser.parse_args()
    model, rng = load(args.model), np.random.default_rng(0)
    train = validate(read(args.train), model.schema)
    held = validate(read(args.holdout), model.schema).head(args.records)
    table, is_odd = shuffled(held, args.label, args.columns, rng)
    as_numbers = make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), make_column_selector(dtype_include=object)),
    )
    few = train.sample(min(len(train), 5000), random_state=0)
    forest = make_pipeline(as_numbers, IsolationForest(n_estimators=200, random_state=0)).fit(few)
    factor = make_pipeline(as_numbers, LocalOutlierFactor(n_neighbors=20, novelty=True)).fit(few)
    parts = record_scores(model, table, Rng(0))
    scores = {
        "lookalike": odd(model, table, Rng(0)).scores,
        "generator alone": -parts["generator"],
        "IsolationForest": -forest.score_samples(table),
        "LocalOutlierFactor": -factor.score_samples(table),
    }
    figures = {name: round(float(roc_auc_score(is_odd, score)), 4) for name, score in scores.items()}
    print(json.dumps({"records": len(table), "columns": args.columns, "auc": figures}, indent=1))


if __name__ == "__main__":
    main()
