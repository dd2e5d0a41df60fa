"""Run by attack_peers.py in the peers' environment: `attack_peers_runner.py FOLDER`. Needs anonymeter and sdmetrics.

The folder holds train.csv, holdout.csv, job.json and one table per number. Writes found.json there: for each table the
risks of anonymeter with their intervals and the scores of SDMetrics. What a peer cannot do is None, with the reason on
standard error.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from anonymeter.evaluators.inference_evaluator import InferenceEvaluator
from anonymeter.evaluators.linkability_evaluator import LinkabilityEvaluator
from anonymeter.evaluators.singling_out_evaluator import SinglingOutEvaluator
from sdmetrics.single_table import (
    DCRBaselineProtection,
    DCROverfittingProtection,
    DisclosureProtectionEstimate,
    NewRowSynthesis,
)

ATTACKS = 500
SECRETS = 3
TYPES = {"numerical": "numerical", "categorical": "categorical", "datetime": "datetime", "identifier": "id"}


def anonymeter(
    train: pd.DataFrame, holdout: pd.DataFrame, table: pd.DataFrame, kinds: dict[str, str]
) -> dict[str, Any]:
    """Singling out, linkability (columns split by turns) and inference of three columns."""
    names = list(train.columns)
    frames = {"ori": train, "syn": table, "control": holdout}
    found: dict[str, Any] = {}
    for mode in ("univariate", "multivariate"):
        found[f"singling out, {mode}"] = risk(
            lambda mode=mode: SinglingOutEvaluator(**frames, n_attacks=ATTACKS, max_attempts=100_000, seed=0).evaluate(
                mode=mode
            )
        )
    found["linkability"] = risk(
        lambda: LinkabilityEvaluator(
            **frames, aux_cols=(names[::2], names[1::2]), n_attacks=ATTACKS, n_neighbors=1
        ).evaluate(n_jobs=1)
    )
    for secret in [*names[-1:], *sorted(names[:-1], key=lambda name: -train[name].nunique())[: SECRETS - 1]]:
        found[f"inference of {secret}"] = risk(
            lambda secret=secret: InferenceEvaluator(
                **frames,
                aux_cols=[name for name in names if name != secret],
                secret=secret,
                regression=kinds[secret] == "numerical",
                n_attacks=ATTACKS,
            ).evaluate(n_jobs=1)
        )
    return found


def risk(evaluate: Callable[[], Any]) -> dict[str, float | None]:
    try:
        found = evaluate().risk(confidence_level=0.95)
    except Exception as error:  # noqa: BLE001 - a peer that fails is reported, the others go on
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return {"value": None, "lower": None, "upper": None}
    return {"value": float(found.value), "lower": float(found.ci[0]), "upper": float(found.ci[1])}


def sdmetrics(
    train: pd.DataFrame, holdout: pd.DataFrame, table: pd.DataFrame, kinds: dict[str, str]
) -> dict[str, float | None]:
    """The scores of SDMetrics' privacy metrics, 1 being best."""
    metadata = {"columns": {name: {"sdtype": TYPES[kind]} for name, kind in kinds.items()}}
    names = list(train.columns)
    both = {"synthetic_data": table, "metadata": metadata, "table_name": None}
    calls: dict[str, Callable[[], Any]] = {
        "DCRBaselineProtection": lambda: DCRBaselineProtection.compute_breakdown(real_data=train, **both),
        "DCROverfittingProtection": lambda: DCROverfittingProtection.compute_breakdown(
            real_training_data=train, real_validation_data=holdout, **both
        ),
        "NewRowSynthesis": lambda: NewRowSynthesis.compute_breakdown(real_data=train, **both),
        "DisclosureProtectionEstimate": lambda: DisclosureProtectionEstimate.compute_breakdown(
            real_data=train,
            synthetic_data=table,
            known_column_names=names[::2],
            sensitive_column_names=names[1::2],
            continuous_column_names=[name for name in names if kinds[name] == "numerical"],
            num_rows_subsample=min(1_000, len(train)),
            num_iterations=2,
            verbose=False,
        ),
    }
    return {name: score(call) for name, call in calls.items()}


def score(call: Callable[[], Any]) -> float | None:
    try:
        return float(call()["score"])
    except Exception as error:  # noqa: BLE001 - a peer that fails is reported, the others go on
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return None


def main() -> None:
    warnings.filterwarnings("ignore")
    np.random.seed(0)
    folder = Path(sys.argv[1])
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    train, holdout = (pd.read_csv(folder / f"{name}.csv") for name in ("train", "holdout"))
    found = []
    for place in range(job["tables"]):
        table = pd.read_csv(folder / f"{place}.csv")
        arguments = (train, holdout, table, job["kinds"])
        found.append({"anonymeter": anonymeter(*arguments), "sdmetrics": sdmetrics(*arguments)})
        print(f"table {place}: {found[-1]}", file=sys.stderr)
    (folder / "found.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
