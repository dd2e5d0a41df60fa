"""C2ST: can a classifier tell synthetic records from real ones that the generator never saw?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from synth.fidelity.delong import auc_interval
from synth.fidelity.frames import Part, Tables, draw, feature_matrices
from synth.threads import one_thread

MOST_RECORDS = 10_000
FEWEST_RECORDS = 50
FOLDS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Detection:
    """The out-of-fold AUC of holdout against synthetic; one half means that they cannot be told apart."""

    auc: float
    lower: float
    upper: float
    """The 95 % interval (DeLong)."""
    records: int
    """Records per side."""

    def to_json(self) -> dict[str, object]:
        """The figures as JSON values."""
        return {"auc": self.auc, "lower": self.lower, "upper": self.upper, "records": self.records}


def detection(tables: Tables, rng: np.random.Generator) -> Detection | Part:
    """The classifier two-sample test (Lopez-Paz & Oquab 2017) with gradient boosting on at most 10,000 per side."""
    n = min(len(tables.holdout), len(tables.synthetic), MOST_RECORDS)
    if n < FEWEST_RECORDS:
        return Part(reason=f"Fewer than {FEWEST_RECORDS} records in holdout or in the synthetic table.")
    real, synthetic = draw(tables.holdout, n, rng), draw(tables.synthetic, n, rng)
    x = np.concatenate(feature_matrices((real, synthetic), tables.columns, tables.categories))
    y = np.repeat([0, 1], n)
    seed = int(rng.integers(2**31))
    model = HistGradientBoostingClassifier(max_iter=100, early_stopping=False, random_state=seed)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    with one_thread():
        scores = cross_val_predict(model, x, y, cv=folds, method="predict_proba")[:, 1]
    auc = auc_interval(scores[y == 1], scores[y == 0])
    return Detection(auc=auc.value, lower=auc.lower, upper=auc.upper, records=n)
