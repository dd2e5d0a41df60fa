"""The check behind all others: are train and holdout draws from the same people? If not, no comparison means much."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from privacy.about import About, Question
from privacy.distance import Encoded
from privacy.estimate import auc_interval, detectable_auc
from privacy.evidence import Evidence
from privacy.finding import Finding, FindingStatus
from synth.threads import one_thread

ABOUT = About(
    title="Split check",
    question=Question.TRUST,
    plants=None,
)

MOST_RECORDS = 5_000
FEWEST_RECORDS = 50
THREAT = "No attacker: train and holdout must be alike, else a difference between them says nothing about leaking."


def drift(evidence: Evidence, rng: np.random.Generator) -> tuple[Finding, ...]:
    """One finding, `drift.auc`: how well a classifier that is fitted on half of train and holdout tells the other half.

    A policy voids the audit where `details["lower_99"]`, the lower end of the 99 % interval, is above one half: at
    95 % one honest audit in forty would be void by chance. Folds would use everybody, but they are not independent: the
    standard error of their AUC is a fifth larger than DeLong's, and one honest audit in forty was void at 99 %.
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
    half = n // 2
    sides = (evidence.train, evidence.holdout)
    known, asked = (
        np.concatenate([_features(side.take(np.arange(begin, begin + half))) for side in sides]) for begin in (0, half)
    )
    labels = np.repeat([1, 0], half)
    seed = int(rng.integers(2**31))
    model = HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=15, early_stopping=False, random_state=seed)
    with one_thread():
        scores = model.fit(known, labels).predict_proba(asked)[:, 1]
    auc, strict = (auc_interval(scores[labels == 1], scores[labels == 0], confidence=c) for c in (0.95, 0.99))
    return (
        Finding(
            attack="drift",
            statistic="auc",
            value=auc.value,
            baseline=0.5,
            lower=auc.lower,
            upper=auc.upper,
            n=half,
            threat=THREAT,
            minimum_detectable=detectable_auc(half, half),
            gating=False,
            details={"lower_99": strict.lower, "upper_99": strict.upper},
        ),
    )


def _features(rows: Encoded) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    columns = [*rows.numbers, *rows.codes]
    return np.stack([column.astype(np.float64) for column in columns], axis=1)
