"""How much synthetic people with several records are like real ones, beside what two halves of the real people reach.

usage: people.py TABLE.csv --person NAME [--order NAME] [--columns NAME,...] [--people N] [--steps N] [--seed N]
                 [--json OUT]

The people (N of them, drawn at random) are cut into halves. One is trained on; as many records as it has are drawn and
held, as it is itself, against the other one: numbers of records (Wasserstein distance), columns that stay as they are,
order, transitions and gaps (total variation), and a classifier on what sums people up (`synth.fidelity.histories`).
Membership inference of people by all of their records is run with the halves as train and holdout
(`privacy.attacks.people`).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd

import synth
from privacy.attacks.people import people
from privacy.audit import audit
from privacy.threat import AuditTables
from synth.fidelity.histories import Histories, histories
from synth.table.values import values_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--person", required=True)
    parser.add_argument("--order")
    parser.add_argument("--columns")
    parser.add_argument("--people", type=int)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    table = pd.read_csv(asked.table, usecols=asked.columns and [*asked.columns.split(","), asked.person])
    table = table[table[asked.person].notna()]
    rng = np.random.default_rng(asked.seed)
    who = rng.permutation(table[asked.person].unique())[: asked.people]
    half = set(who[: len(who) // 2])
    table = table[table[asked.person].isin(set(who))].reset_index(drop=True)
    schema = synth.propose_schema(table).with_roles(person=asked.person, order=asked.order)
    first = table[asked.person].isin(half)
    train, holdout = (table[side].reset_index(drop=True) for side in (first, ~first))
    begun = time.monotonic()
    model = synth.fit(train, schema, synth.TrainConfig(steps=asked.steps), synth.Rng(asked.seed))
    fitted = time.monotonic()
    made = synth.sample(model, len(train), synth.Rng(asked.seed + 1))
    sampled = time.monotonic()
    tables = [values_of(each, schema) for each in (train, holdout, made)]
    figures = histories(*tables, schema, rng)
    if not isinstance(figures, Histories):
        parser.error(figures.reason)
    found = audit(
        AuditTables(train=tables[0], holdout=tables[1], synthetic=tables[2], schema=schema),
        rng,
        attacks={"people": people},
        planting=False,
    ).findings
    result = {
        **figures.to_json(),
        "attacks": {f.key: [f.value, f.lower, f.upper] for f in found if f.value is not None},
        "seconds": {"fit": fitted - begun, "sample": sampled - fitted},
    }
    print(json.dumps(result, indent=1))
    if asked.json is not None:
        asked.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
