"""The check behind all others: are train and holdout draws from the same people? If not, no comparison means much."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from privacy.distance import Encoded
from privacy.estimate import auc_interval, detectable_auc
from privacy.evidence import Evidence
from privacy.finding import Finding, FindingStatus
from synth.threads import one_thread

MOST_RECORDS = 5_000
FEWEST_RECORDS = 50
FOLDS = 5
THREAT = "No attacker: train and holdout must be alike, else a difference between them says nothing about leaking."


def drift(evidence: Evidence, rng: np.random.Generator) -> tuple[Finding, ...]:
    """One finding, `drift.auc`: how well a classifier tells train from holdout, out of fold.

    A policy voids the audit where `details["lower_99"]`, the lower end of the 99 % interval, is above one half: at
    95 % one honest audit in forty would be void by chance. Below one half is no drift but a known bias of folds.
    """
    n = min(len(evidence.train), len(evidence.holdout), MOST_RECORDS)
    if n < FEWEST_RECORDS:
        return (
            Finding(
                attack="drift",
                statistic="auc",
                status=FindingStatus.NOT_APPLICABLE,
                threat=THREAT,
                gating=False,
                note=f"Fewer than {FEWEST_RECORDS} records in train or holdout.",
            ),
        )
    first = np.arange(n)
    features = np.concatenate([_features(evidence.train.take(first)), _features(evidence.holdout.take(first))])
    labels = np.repeat([1, 0], n)
    seed = int(rng.integers(2**31))
    model = HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=15, early_stopping=False, random_state=seed)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    with one_thread():
        scores = cross_val_predict(model, features, labels, cv=folds, method="predict_proba")[:, 1]
    auc, strict = (auc_interval(scores[labels == 1], scores[labels == 0], confidence=c) for c in (0.95, 0.99))
    return (
        Finding(
            attack="drift",
            statistic="auc",
            value=auc.value,
            baseline=0.5,
            lower=auc.lower,
            upper=auc.upper,
            n=n,
            threat=THREAT,
            minimum_detectable=detectable_auc(n, n),
            gating=False,
            details={"lower_99": strict.lower, "upper_99": strict.upper},
        ),
    )


def _features(rows: Encoded) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    columns = [*rows.numbers, *rows.codes]
    return np.stack([column.astype(np.float64) for column in columns], axis=1)
