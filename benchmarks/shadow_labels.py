"""Does an attacker who learns from shadow generators see more than one who learns from known members?

    python benchmarks/shadow_labels.py DATA [--table adult] [--rows 2000] [--shadows 4] [--generators G] [--json J]

The ensemble attack of MIDST (github.com/VectorInstitute/midst-toolkit) trains generators of its own on people like
those of train, and learns from whom they remember. Our `ensemble` learns from known members and non-members of the
table under attack, by cross-fitting. Both use the same features and the same meta-classifier here, so that what differs
is where the labels come from. Each line: AUC and true-positive rate at 1 % false positives of both, and of the nearest
distance alone. Generators: ours, and leaks that play the generator (`benchmarks/audit_leaks.py`).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from audit_leaks import LEAKS
from audit_tables import TABLES, read

from privacy.attacks.ensemble import ensemble, features_of, meta_classifier
from privacy.attacks.membership import membership
from privacy.estimate import auc_interval, rate_at
from privacy.evidence import Evidence, gather
from privacy.threat import AuditTables
from synth.config import TrainConfig
from synth.detect.propose import propose_schema
from synth.randomness import Rng
from synth.sampling.sample import sample
from synth.table.schema import TableSchema
from synth.training.fit import fit

Generator = Callable[[AuditTables, int], AuditTables]
GENERATORS = ("all of train, 5 % jitter", "all of train, 20 % jitter", "5 % of train", "ours")


def ours(tables: AuditTables, seed: int) -> AuditTables:
    model = fit(tables.train, tables.schema, TrainConfig(), Rng(seed))
    return replace(tables, synthetic=sample(model, len(tables.train), Rng(seed).spawn("sample")))


def leaking(kind: str) -> Generator:
    def generate(tables: AuditTables, seed: int) -> AuditTables:
        made = LEAKS[kind](tables, np.random.default_rng(seed))
        if made is None:
            raise SystemExit(f"{kind}: this table has nothing to make it from")
        return made

    return generate


def parts(frame: pd.DataFrame, schema: TableSchema, sizes: tuple[int, ...], seed: int) -> AuditTables:
    """Disjoint draws; the last plays the fresh rows that a leak is put into."""
    order = frame.sample(frac=1, random_state=seed).reset_index(drop=True)
    ends = np.cumsum(sizes)
    train, holdout, reference, fresh = (
        order.iloc[end - size : end].reset_index(drop=True) for end, size in zip(ends, sizes, strict=True)
    )
    return AuditTables(train=train, holdout=holdout, reference=reference, synthetic=fresh, schema=schema)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--table", default="adult", choices=list(TABLES))
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--shadows", type=int, default=4)
    parser.add_argument("--generators", default=";".join(GENERATORS), help="separated by ;")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    frame = read(args.data, args.table)
    schema = propose_schema(frame, target=TABLES[args.table].target)
    half = len(frame) // 2
    people = frame.sample(frac=1, random_state=args.seed).reset_index(drop=True)
    attacked, known = people.iloc[:half], people.iloc[half:]
    lines = []
    for name in args.generators.split(";"):
        generate = ours if name == "ours" else leaking(name)
        line = compare(generate, attacked, known, schema, args)
        lines.append({"generator": name, **line})
        print(name, json.dumps({key: [round(x, 3) for x in value] for key, value in line.items()}), flush=True)
    if args.json:
        args.json.write_text(json.dumps(lines, indent=1))


def compare(
    generate: Generator, attacked: pd.DataFrame, known: pd.DataFrame, schema: TableSchema, args: argparse.Namespace
) -> dict[str, tuple[float, float]]:
    """(AUC, true-positive rate at 1 %) by where the labels come from."""
    sizes = (args.rows, args.rows, args.rows // 2, args.rows)
    target = seen(generate(parts(attacked, schema, sizes, args.seed), args.seed))
    n, members = args.rows, np.repeat([True, False], args.rows)
    features, labels = [], []
    for shadow in range(1, args.shadows + 1):
        evidence = seen(generate(parts(known, schema, sizes, args.seed + shadow), args.seed + shadow))
        features.append(features_of(evidence, n, np.random.default_rng(shadow)))
        labels.append(members)
    model = meta_classifier(np.concatenate(features), np.concatenate(labels), args.seed)
    scores = model.decision_function(features_of(target, n, np.random.default_rng(0)))
    own = {finding.statistic: finding.value or 0.0 for finding in ensemble(target, np.random.default_rng(0))}
    plain = {finding.statistic: finding.value or 0.0 for finding in membership(target)}
    return {
        "shadow generators": (
            auc_interval(scores[:n], scores[n:]).value,
            rate_at(scores[:n], scores[n:], 0.01).value,
        ),
        "known members": (own["auc"], own["tpr_at_1_percent"]),
        "nearest distance": (plain["plain_k1_auc"], plain["plain_k1_tpr_at_1_percent"]),
    }


def seen(tables: AuditTables) -> Evidence:
    return gather(tables, np.random.default_rng(0))


if __name__ == "__main__":
    main()
