"""What the stages before the report publish: measured on a slice of the example, and made up where it is wide."""

from __future__ import annotations

import json
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from privacy.audit import audit
from privacy.policy import decide, load_policy
from privacy.threat import AuditTables
from synth.detect.propose import propose_schema
from synth.fidelity.assess import assess
from synth.table.schema import TableSchema

Parts = dict[str, Any]
EXAMPLE = Path(__file__).parents[3] / "examples" / "adult.csv.gz"
COLUMNS = ["age", "education", "hours_per_week", "fnlwgt", "income"]
ROWS = 600


def measured(*, leak: bool = False) -> Parts:
    """The parts of a run on 600 records a side, whose synthetic table is fresh real records; with a leak, train too.

    The fidelity is that of the table without the leak.
    """
    return deepcopy({**_parts(), **_judged(leak)})


@cache
def _parts() -> Parts:
    tables, schema = _tables(leak=False)
    return described(tables, schema)


@cache
def _judged(leak: bool) -> Parts:
    return judge(*_tables(leak=leak))


def _tables(*, leak: bool) -> tuple[list[pd.DataFrame], TableSchema]:
    table = pd.read_csv(EXAMPLE)[COLUMNS].sample(4 * ROWS, random_state=1)
    tables = [table[i : i + ROWS].reset_index(drop=True) for i in range(0, 4 * ROWS, ROWS)]
    if leak:
        tables[3] = pd.concat([tables[3], tables[0][: ROWS // 4]], ignore_index=True)
    return tables, propose_schema(table, target="income")


def run(tables: list[pd.DataFrame], schema: TableSchema) -> Parts:
    """The parts for these four tables: train, holdout, reference, synthetic."""
    return {**described(tables, schema), **judge(tables, schema)}


def described(tables: list[pd.DataFrame], schema: TableSchema) -> Parts:
    """All parts but audit and decision."""
    train, holdout, _, synthetic = tables
    fidelity = assess(train, holdout, synthetic, schema, np.random.default_rng(0))
    return through_json({**frame_of_a_run(schema.to_json()), "fidelity": fidelity.to_json()})


def judge(tables: list[pd.DataFrame], schema: TableSchema) -> Parts:
    """Audit and decision for these four tables."""
    train, holdout, reference, synthetic = tables
    result = audit(
        AuditTables(train=train, holdout=holdout, reference=reference, synthetic=synthetic, schema=schema),
        np.random.default_rng(0),
    )
    policy = load_policy("internal")
    decision = {
        **decide(result, policy).to_json(),
        "auto_release": policy.auto_release,
        "four_eyes": policy.four_eyes,
    }
    return through_json({"audit": result.to_json(), "decision": decision})


def through_json(parts: Parts) -> Parts:
    """The parts as the report stage reads them."""
    loaded: Parts = json.loads(json.dumps(parts, allow_nan=False))
    return loaded


def put_in(value: Any, names: dict[str, str]) -> Any:
    """The value with other names in place of those: as a key, or as a whole text."""
    if isinstance(value, dict):
        return {names.get(key, key): put_in(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [put_in(each, names) for each in value]
    return names.get(value, value) if isinstance(value, str) else value


def frame_of_a_run(columns: list[dict[str, str]]) -> Parts:
    """Facts, split and training of a run."""
    hashes = {name: {"key": "k", "bytes": 1, "sha256": c * 64} for name, c in zip(("model", "csv"), "ab", strict=True)}
    return {
        "facts": {
            "job_id": "job_1",
            "dataset_id": "ds_1",
            "dataset_name": "adult.csv.gz",
            "upload_sha256": "c" * 64,
            "code_version": "0.1.0",
            "options": {"rows": None, "seed": 7, "generator": {"max_steps": 20}},
            "schema": columns,
            "created_at": "2026-11-22T13:40:11+00:00",
            "model_id": "mdl_1",
            "artifacts": hashes,
        },
        "split": {"counts": {"train": 600, "holdout": 600, "reference": 600}, "seed": 7, "sha256": "d" * 64},
        "training": {
            "steps": 60,
            "seconds": 3.5,
            "device": "cpu",
            "records": 540,
            "parameters": 1234,
            "stopped_because": "all steps were done",
            "history": [
                {"step": s, "critic_loss": 1 / s, "two_way_error": None if s == 20 else 2 / s} for s in (20, 40, 60)
            ],
            "protected": True,
            "minimum_count": 5,
            "warnings": [],
        },
    }


def asked(name: str) -> list[dict[str, Any]]:
    """Answers to questions on a column of this name, with categories of this name, one of each outcome."""
    figures = {"real": 0.25, "synthetic": 0.3, "difference": 0.05, "tolerance": 0.05, "at_least": 20}
    counts = {"real_people": 1_234_567, "synthetic_records": 1_234_567}
    ends = {"holds": (-0.01, 0.04), "does_not_hold": (0.09, 0.4), "cannot_be_told": (-0.3, 0.4)}
    answers = [
        {"group": f"{name} {outcome}", "term": "", "outcome": outcome, "lower": low, "upper": high, **figures, **counts}
        for outcome, (low, high) in ends.items()
    ]
    answers.append({"group": name, "term": "", "outcome": "not_answered", "reason": "The real table has few people."})
    question = {"text": f'share("{name}"=a) by "{name}"', "function": "share", "by": name, "unit": "share"}
    further = {"tolerance": 0.05, "relative": False, "groups_left_out": 3, "groups_cut": 2}
    date = {**question, "function": "mean", "unit": "date", "by": "", "groups_left_out": 0, "groups_cut": 0}
    seen = {**answers[0], "real": 19_000.5, "synthetic": 1e12}
    return [{**question, **further, "answers": answers}, {**further, **date, "answers": [seen]}]


def wide(columns: int) -> Parts:
    """The parts of a table of this many columns, with marginals for all and pair trends for forty."""
    names = [f"measurement of the {i}th kind" for i in range(columns)]
    parts = measured()
    rng = np.random.default_rng(0)
    bins = 30
    edges = list(range(bins + 1))
    marginals = {}
    for name in names:
        real, synthetic = (rng.dirichlet(np.ones(bins)).tolist() for _ in range(2))
        marginals[name] = {
            "kind": "histogram",
            "edges": edges,
            "real": real,
            "synthetic": synthetic,
            "real_tails": [0.0, 0.0],
            "synthetic_tails": [0.0, 0.0],
            "real_missing": 0.0,
            "synthetic_missing": 0.0,
        }
    size = min(columns, 40)
    matrices = [rng.random((size, size)).tolist() for _ in range(2)]
    pairs = {"columns": names[:size], "real": matrices[0], "synthetic": matrices[1], "left_out": columns - size}
    schema = [{"name": name, "kind": "numerical", "role": "feature"} for name in names]
    return {
        **parts,
        **frame_of_a_run(schema),
        "fidelity": {**parts["fidelity"], "marginals": marginals, "pairs": pairs},
    }
