"""C2ST: can a classifier tell synthetic records from real ones that the generator never saw?"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from synth.fidelity.delong import Auc, auc_interval
from synth.fidelity.frames import Part, Tables, draw, feature_matrices
from synth.threads import one_thread

MOST_RECORDS = 10_000
FEWEST_RECORDS = 50
FOLDS = 5
ROC_POINTS = 51

Scores = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """Two sets of records with the score that each got from a classifier which had not seen it."""

    real: pd.DataFrame
    other: pd.DataFrame
    real_scores: Scores
    other_scores: Scores
    """The larger, the surer the classifier is that a record is one of `other`."""

    def auc(self) -> Auc:
        """The AUC of `other` against `real`, with DeLong's 95 % interval."""
        return auc_interval(self.other_scores, self.real_scores)

    def roc(self) -> list[float]:
        """The share of `other` that is found where 0, 2, 4, ... 100 % of `real` are taken for `other`."""
        cuts = np.unique(np.concatenate([self.real_scores, self.other_scores]))[::-1]
        shares = [
            np.concatenate([[0.0], 1 - np.searchsorted(np.sort(scores), cuts, side="left") / len(scores)])
            for scores in (self.real_scores, self.other_scores)
        ]
        return [float(y) for y in np.interp(np.linspace(0, 1, ROC_POINTS), shares[0], shares[1])]


@dataclass(frozen=True, kw_only=True, slots=True)
class Detection:
    """The out-of-fold AUC of holdout against synthetic; one half means that they cannot be told apart."""

    auc: float
    lower: float
    upper: float
    """The 95 % interval (DeLong)."""
    records: int
    """Records per side."""
    told: Told = field(repr=False)
    floor: Told | None = field(repr=False)
    """The same test of train against holdout: what a real sample of the same size reaches."""

    def to_json(self) -> dict[str, object]:
        """The figures and both ROC curves as JSON values."""
        found: dict[str, object] = {"auc": self.auc, "lower": self.lower, "upper": self.upper, "records": self.records}
        found["roc"] = self.told.roc()
        if self.floor is not None:
            auc = self.floor.auc()
            found["floor"] = {"auc": auc.value, "lower": auc.lower, "upper": auc.upper, "roc": self.floor.roc()}
        return found


def detection(tables: Tables, rng: np.random.Generator) -> Detection | Part:
    """The classifier two-sample test (Lopez-Paz & Oquab 2017) with gradient boosting on at most 10,000 per side.

    Where train has as many records, the test is made of them as well. Without that there is no floor.
    """
    n = min(len(tables.holdout), len(tables.synthetic), MOST_RECORDS)
    if n < FEWEST_RECORDS:
        return Part(reason=f"Fewer than {FEWEST_RECORDS} records in holdout or in the synthetic table.")
    real, synthetic = draw(tables.holdout, n, rng), draw(tables.synthetic, n, rng)
    seed = int(rng.integers(2**31))
    told = _tell_apart(real, synthetic, tables, seed)
    floor = None
    if len(tables.train) >= n:
        floor = _tell_apart(real, draw(tables.train, n, rng.spawn(1)[0]), tables, seed)
    auc = told.auc()
    return Detection(auc=auc.value, lower=auc.lower, upper=auc.upper, records=n, told=told, floor=floor)


def _tell_apart(real: pd.DataFrame, other: pd.DataFrame, tables: Tables, seed: int) -> Told:
    x = np.concatenate(feature_matrices((real, other), tables.columns, tables.categories))
    y = np.repeat([0, 1], [len(real), len(other)])
    model = HistGradientBoostingClassifier(max_iter=100, early_stopping=False, random_state=seed)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    with one_thread():
        scores = cross_val_predict(model, x, y, cv=folds, method="predict_proba")[:, 1]
    return Told(real=real, other=other, real_scores=scores[y == 0], other_scores=scores[y == 1])
