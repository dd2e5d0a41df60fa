"""How many people of a table its synthetic records reproduce but for one or two cells, beyond what chance does.

    python -m benchmarks.near_copies TABLE.csv[.gz] TARGET [--draws 2] [--seed 0] [--set redraw=false]

The table is divided as a job divides it: 60 % to train on, 25 % as holdout. Prints for each table drawn from one model
the share of people of train and of holdout that the attack `agreement.excess_all_but_two` finds, their difference, and
the lower end of its interval. The standard error of a difference is about .45 % on Adult.
"""

from __future__ import annotations

import argparse
import json

import numpy as np
import pandas as pd

from privacy.audit import ATTACKS, audit
from privacy.threat import AuditTables
from synth.config import TrainConfig
from synth.detect.propose import propose_schema
from synth.randomness import Rng
from synth.sampling.sample import sample
from synth.table.frame import validate
from synth.training.fit import fit

STATISTIC = "agreement.excess_all_but_two"


def main() -> None:
    """Print one line for each table drawn."""
    parser = argparse.ArgumentParser()
    parser.add_argument("table")
    parser.add_argument("target")
    parser.add_argument("--draws", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], help="a setting of TrainConfig, such as redraw=false")
    asked = parser.parse_args()
    settings = {name: json.loads(value) for name, _, value in (text.partition("=") for text in asked.set)}
    frame = pd.read_csv(asked.table)
    schema = propose_schema(frame, target=asked.target)
    order, count = np.random.default_rng(asked.seed).permutation(len(frame)), len(frame)
    ends = [int(0.6 * count), int(0.85 * count)]
    train, holdout, reference = (
        validate(frame.iloc[rows].reset_index(drop=True), schema) for rows in np.split(order, ends)
    )
    model = fit(train, schema, TrainConfig(device="cpu", **settings), Rng(asked.seed))
    print(f"{model.steps} steps; a last critic: {'no' if model.chain.critic is None else 'yes'}")
    for draw in range(asked.draws):
        made = sample(model, len(train), Rng(asked.seed).spawn(f"draw {draw}"))
        tables = AuditTables(
            train=train, holdout=holdout, reference=reference, synthetic=validate(made, schema), schema=schema
        )
        chosen = {"agreement": ATTACKS["agreement"]}
        result = audit(tables, np.random.default_rng(draw), attacks=chosen, planting=False, workers=1)
        found = next(finding for finding in result.findings if finding.key == STATISTIC)
        ours, others = found.details["found"] / len(train), found.details["found_in_holdout"] / len(holdout)
        lower = "not measured" if found.lower is None else f"{found.lower:.2%}"
        print(f"draw {draw}: train {ours:.2%}, holdout {others:.2%}, beyond chance {ours - others:.2%}, lower {lower}")


if __name__ == "__main__":
    main()
