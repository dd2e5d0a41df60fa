"""What `change` makes of synthetic records, beside the real records that have the value already; as JSON.

usage: what_if.py TRAIN.csv HOLDOUT.csv education=Masters --model FOLDER [--rows 5000] [--seed 0]

`--model` is a folder that fidelity.py --model wrote for TRAIN. `--rows` records of a free sample are changed to have
the value. What follows is compared with the real records of both files that have it: `off` is the mean over all other
columns of the total variation distance of one-way tables, numbers by tenths; `told` is how well boosted trees tell the
table from as many of those real records (AUC out of fold; .5: not at all), by all columns but the changed one, in which
all are alike. Beside it stand the free records as they were, with the value written over (`only the value`); records
drawn under the condition; and real ones of TRAIN beside those of HOLDOUT, which says how far apart so few records are
anyhow. `columns` has the distance of single columns before and after the change, the farthest before it first, and
`stayed` is the share of all other cells that the change has left as they were.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.conditions import apart, in_parts, meets
from benchmarks.domains import told_apart
from benchmarks.fidelity import as_learnt
from synth.artifact import load
from synth.fidelity.delong import auc_interval
from synth.randomness import Rng
from synth.sampling.sample import sample
from synth.uses.change import change

SHOWN = 6
"""Columns that are told by themselves."""


def told(table: pd.DataFrame, real: pd.DataFrame, without: str) -> list[float]:
    """(AUC, lower end, upper end) of boosted trees that tell equally many of both apart."""
    size = min(len(table), len(real))
    one, other = (each.sample(size, random_state=0).drop(columns=without) for each in (table, real))
    said = told_apart(one, other)
    auc = auc_interval(said[size:], said[:size])
    return [round(each, 3) for each in (auc.value, auc.lower, auc.upper)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train")
    parser.add_argument("holdout")
    parser.add_argument("set", metavar="COLUMN=CATEGORY")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    model, (name, value) = load(args.model), args.set.split("=", 1)
    wanted = {name: value}
    parts = [as_learnt(model, path) for path in (args.train, args.holdout)]
    train, holdout = (part[meets(part, wanted)].reset_index(drop=True) for part in parts)
    if min(len(train), len(holdout)) == 0:
        raise SystemExit(f"expected records with {args.set} in both files, got none")
    real, rng = pd.concat([train, holdout], ignore_index=True), Rng(args.seed)
    free = sample(model, args.rows, rng.spawn("free"))
    changed = change(model, free, wanted, rng.spawn("change"))
    tables = {
        "changed": changed,
        "only the value": free.assign(**{name: value}),
        "drawn under the condition": sample(model, args.rows, rng.spawn("drawn"), conditions=wanted),
    }
    in_tenths = in_parts([real, train, holdout, *tables.values()], real, model.schema)
    figures: dict[str, dict[str, object]] = {
        one: {"off": round(apart(in_tenths[0], tenths, wanted), 4), "told": told(table, real, name)}
        for (one, table), tenths in zip(tables.items(), in_tenths[3:], strict=True)
    }
    figures["train beside holdout"] = {
        "off": round(apart(in_tenths[1], in_tenths[2], wanted), 4),
        "told": told(train, holdout, name),
    }
    others = [column for column in in_tenths[0] if column != name]
    of_column = {
        column: [
            round(apart({column: in_tenths[0][column]}, {column: in_tenths[place][column]}, {}), 3) for place in (4, 3)
        ]
        for column in others
    }
    farthest = sorted(others, key=lambda column: -of_column[column][0])[:SHOWN]
    was = free[meets(free, wanted)]
    stayed = np.mean([(changed[each].astype(str) == free[each].astype(str)).mean() for each in others])
    facts = {"set": args.set, "real": len(real), "had it": len(was), "stayed": round(float(stayed), 3)}
    columns = {column: of_column[column] for column in farthest}
    print(json.dumps({**facts, "tables": figures, "columns, before and after": columns}, indent=1))


if __name__ == "__main__":
    main()
