"""Runs of an ablation as its document holds them, made up."""

from typing import Any

AUCS = ("membership.calibrated_k1_auc", *(f"vulnerable.{name}_auc" for name in ("achilles", "rare", "extreme")))
KEYS = (*AUCS, "vulnerable.auc", "vulnerable.intersection_auc")


def finding(value: float | None, half: float = 0.04) -> dict[str, Any]:
    if value is None:
        return {"status": "not_applicable", "value": None, "lower": None, "upper": None, "n": 0}
    return {"status": "measured", "value": value, "lower": value - half, "upper": value + half, "n": 100}


def made(
    step: str,
    seed: int = 0,
    *,
    shapes: float = 0.99,
    findings: dict[str, float | None] | None = None,
    commit: str = "abc",
    fit_steps: int | None = None,
) -> dict[str, Any]:
    values: dict[str, float | None] = {**dict.fromkeys(KEYS, 0.5), **(findings or {})}
    score = {"shapes": shapes, "trends": 0.97, "c2st_auc": 0.6, "tstr_auc": 0.91, "trtr_auc": 0.93}
    score |= {"dcr_share_train": 0.5, "mia_dist_auc": 0.5, "shapes_holdout": 0.9934, "trends_holdout": 0.9737}
    sizes = {"train": 34_189, "holdout": 7_326, "reference": 7_327, "synthetic": 34_189, "attacked": 7_326}
    machine = {"architecture": "x86_64", "processor": "P", "cores": 2, "device": "cpu", "beside": "nothing"}
    return {
        "step": step,
        "seed": seed,
        "fit_steps": fit_steps,
        "commit": commit,
        "fit": {"steps": 1_300, "fit_cpu_s": 120.0, "threads": 1},
        "score": score,
        "draws": 1,
        "audit": {"battery": "4", "sizes": sizes, "findings": {key: finding(value) for key, value in values.items()}},
        "load_before": 1.0,
        "load_after": 2.0,
        "machine": machine,
        "versions": {"python": "3.11", "torch": "2.13"},
    }


def document(*runs: dict[str, Any]) -> dict[str, Any]:
    names = ("default", "unprotected", "no-critic")
    steps = [{"name": name, "says": f"what {name} is", "changes": {}} for name in names]
    return {"table": "adult", "target": "income", "steps": steps, "runs": list(runs)}
