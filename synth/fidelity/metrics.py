"""Scores of a model on test records, each with a 95 % interval over those records."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score, r2_score

from synth.fidelity.delong import auc_interval

DRAWS = 200
"""Of the bootstrap."""
CONFIDENCE = 0.95

Labels = NDArray[np.object_]
Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """A score and its two-sided 95 % interval."""

    value: float
    lower: float
    upper: float

    def to_json(self) -> dict[str, float]:
        """The three numbers."""
        return {"value": self.value, "lower": self.lower, "upper": self.upper}


def auc(truth: Labels, probabilities: Numbers, classes: list[str]) -> Measure | None:
    """The AUC; with several classes the mean of each against the rest. None where the truth has one class alone.

    Two classes: DeLong's interval. Several: the mean of the intervals of all classes, which is never too narrow,
    because a mean varies at most as much as its parts do on average.
    """
    columns = [1] if len(classes) == 2 else range(len(classes))
    found = []
    for j in columns:
        mine = truth == classes[j]
        if 0 < mine.sum() < len(mine):
            found.append(auc_interval(probabilities[mine, j], probabilities[~mine, j]))
    if not found:
        return None
    return Measure(
        value=float(np.mean([each.value for each in found])),
        lower=float(np.mean([each.lower for each in found])),
        upper=float(np.mean([each.upper for each in found])),
    )


def macro_f1(truth: Labels, predicted: Labels, rng: np.random.Generator) -> Measure:
    """Macro F1, and a bootstrap over the cells of the confusion matrix, on which alone it rests."""
    labels, coded = np.unique(np.concatenate([truth, predicted]).astype(str), return_inverse=True)
    k, n = len(labels), len(truth)
    cells = np.bincount(coded[:n] * k + coded[n:], minlength=k * k)
    draws = rng.multinomial(n, cells / n, size=DRAWS).reshape(DRAWS, k, k)
    hits = np.diagonal(draws, axis1=1, axis2=2)
    sizes = draws.sum(axis=1) + draws.sum(axis=2)
    known = np.maximum((sizes > 0).sum(axis=1), 1)
    values = (2 * hits / np.maximum(sizes, 1)).sum(axis=1) / known
    value = float(f1_score(truth.astype(str), predicted.astype(str), average="macro", zero_division=0))
    return between(value, values)


def r2(truth: Numbers, predicted: Numbers, rng: np.random.Generator) -> Measure | None:
    """The coefficient of determination, and a bootstrap over records. None where the numbers are too large for it."""
    with np.errstate(all="ignore"):
        if not np.isfinite([np.var(truth), np.mean((truth - predicted) ** 2)]).all():
            return None
        value = float(r2_score(truth, predicted))
        values = []
        for _ in range(DRAWS):
            places = rng.integers(len(truth), size=len(truth))
            total = float(np.var(truth[places]))
            if total > 0:
                values.append(1 - float(np.mean((truth[places] - predicted[places]) ** 2)) / total)
    return between(value, np.asarray(values or [value]))


def share(hits: NDArray[np.bool_]) -> Measure:
    """The share of hits with Wilson's score interval (1927). `hits` is not empty."""
    n, z = len(hits), 1.959964
    p = float(hits.mean())
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * float(np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n)
    return Measure(value=p, lower=max(0.0, middle - reach), upper=min(1.0, middle + reach))


def between(value: float, draws: Numbers) -> Measure:
    """The value with the interval in which CONFIDENCE of the draws of a bootstrap lie, and the value itself."""
    low, high = np.quantile(draws, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Measure(value=value, lower=min(value, float(low)), upper=max(value, float(high)))
