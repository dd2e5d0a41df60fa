"""What a table that was carried over to another domain teaches about that domain; AUC of two models as JSON.

usage: domains.py adult.csv sex=Male sex=Female income --drop fnlwgt [--records 4000] [--known 1000] [--minutes 0.6]
       domains.py nycflights13.csv carrier=UA carrier=EV 'arr_delay>15' --keep month day hour origin distance ...

SOURCE and TARGET are the records with these values; the column itself is taken out. `--records` of the source and
`--known` of the target are learnt by one generator, with the column to predict. Models learn from the source, from the
source weighted by how much likelier its records are in the target (the odds of boosted trees that tell the domains
apart, out of fold; with and without what is to be predicted among the features), from the source as `adapt` carries it
over, from the known records of the target, and from both together. All are tested on other records of the target.
Intervals are of 95 % (DeLong). `apart` is how well boosted trees tell a table from those records (.5: not at all).
Minutes are of processor time. Told beside it is the share of cells that stayed.
"""

from __future__ import annotations

import argparse
import json
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from benchmarks.fidelity import read
from synth.config import TrainConfig
from synth.detect.propose import propose_schema
from synth.fidelity.delong import auc_interval
from synth.randomness import Rng
from synth.table.frame import validate
from synth.training.fit import fit
from synth.uses.adapt import adapt

TESTED = 5000


def boosted() -> Pipeline:
    texts = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-1)
    coded = make_column_transformer((texts, make_column_selector(dtype_include=object)), remainder="passthrough")
    return make_pipeline(coded, HistGradientBoostingClassifier(max_iter=100, random_state=0))


def linear() -> Pipeline:
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    coded = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_include=object)),
    )
    return make_pipeline(coded, LogisticRegression(max_iter=300))


def plain(table: pd.DataFrame) -> pd.DataFrame:
    """Numbers as floats, all else as text."""
    return pd.DataFrame(
        {n: c.astype(float) if pd.api.types.is_numeric_dtype(c) else c.astype(object) for n, c in table.items()}
    )


def learnt(train: pd.DataFrame, tested: pd.DataFrame, label: str, weight: np.ndarray | None) -> dict[str, list[float]]:
    """(AUC, lower end, upper end) by model."""
    found = {}
    positive = tested[label] == sorted(tested[label].unique())[1]
    for name, make in {"boosted trees": boosted, "logistic regression": linear}.items():
        model = make()
        weights = {} if weight is None else {f"{model.steps[-1][0]}__sample_weight": weight}
        wanted = train[label] == sorted(tested[label].unique())[1]
        model.fit(plain(train.drop(columns=label)), wanted, **weights)
        said = model.predict_proba(plain(tested.drop(columns=label)))[:, 1]
        auc = auc_interval(said[positive], said[~positive])
        found[name] = [round(each, 4) for each in (auc.value, auc.lower, auc.upper)]
    return found


def told_apart(one: pd.DataFrame, other: pd.DataFrame) -> np.ndarray:
    """(n + m,) how likely each record is of the other table, out of fold."""
    both = plain(pd.concat([one, other], ignore_index=True))
    which = np.repeat([0, 1], [len(one), len(other)])
    found: np.ndarray = cross_val_predict(boosted(), both, which, cv=4, method="predict_proba")[:, 1]
    return found


def odds(source: pd.DataFrame, target: pd.DataFrame) -> np.ndarray:
    """(n,) how much likelier each record of the source is in the target, up to a factor."""
    likely = np.clip(told_apart(source, target)[: len(source)], 1e-3, 1 - 1e-3)
    weights: np.ndarray = likely / (1 - likely)
    return weights / weights.mean()


def apart(table: pd.DataFrame, tested: pd.DataFrame) -> float:
    some = tested.head(len(table))
    said = told_apart(table.head(len(some))[list(some)], some)
    return round(auc_interval(said[len(some) :], said[: len(some)]).value, 3)


def domains(args: argparse.Namespace) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, str]:
    """(records of the source, known ones of the target, others of it, the column to predict)."""
    table = read(args.table)
    label = args.label.split(">")[0]
    if ">" in args.label:
        table = table[table[label].notna()]
        table[label] = np.where(table[label] > float(args.label.split(">")[1]), "more", "less")
    parts = []
    for text, n in ((args.source, args.records), (args.target, args.known + TESTED)):
        column, value = text.split("=")
        some = table[table[column].astype(str) == value].drop(columns=[column, *args.drop])
        some = some[[*args.keep, label]] if args.keep else some
        parts.append(some.sample(min(n, len(some)), random_state=0).reset_index(drop=True))
    source, target = parts
    schema = propose_schema(pd.concat(parts, ignore_index=True), target=label)
    source, target = validate(source, schema), validate(target, schema)
    return source, target[: args.known], target[args.known :].reset_index(drop=True), label


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table")
    parser.add_argument("source", metavar="SOURCE")
    parser.add_argument("target", metavar="TARGET")
    parser.add_argument("label")
    parser.add_argument("--records", type=int, default=4000)
    parser.add_argument("--known", type=int, default=1000)
    parser.add_argument("--drop", nargs="*", default=[])
    parser.add_argument("--keep", nargs="*", default=[])
    parser.add_argument("--minutes", type=float, default=0.6)
    args = parser.parse_args()
    source, known, tested, label = domains(args)
    schema = propose_schema(pd.concat([source, known], ignore_index=True), target=label)
    config = TrainConfig(protect=False, max_minutes=args.minutes)
    found = adapt(source, known, schema, Rng(0), config=config, train=partial(fit, clock=time.process_time))
    carried = found.table[list(source)]
    tables: dict[str, tuple[pd.DataFrame, np.ndarray | None]] = {
        "source": (source, None),
        "source, weighted": (source, odds(source, known)),
        "source, weighted by features": (source, odds(source.drop(columns=label), known.drop(columns=label))),
        "carried over": (carried, None),
        "known target": (known, None),
        "source and known target": (pd.concat([source, known]), None),
        "carried over and known target": (pd.concat([carried, known]), None),
    }
    auc = {name: learnt(table, tested, label, weight) for name, (table, weight) in tables.items()}
    facts = {"table": Path(args.table).name, "source": args.source, "target": args.target, "tested": len(tested)}
    far = {"source": apart(source, tested), "carried over": apart(carried, tested)}
    stayed = round(1 - float(np.mean(list(found.changed.values()))), 3)
    print(json.dumps({**facts, "stayed": stayed, "apart": far, "auc": auc}))


if __name__ == "__main__":
    main()
