"""A5: does a person look more like the synthetic table than like other people?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier

from privacy.about import About, Question
from privacy.distance import Encoded
from privacy.evidence import Evidence
from privacy.features import ordinal
from privacy.finding import Finding
from privacy.plants import Plant
from privacy.scores import (
    ASKS,
    FEWEST_REFERENCE,
    FEWEST_SYNTHETIC,
    NO_REFERENCE,
    Scored,
    none_applicable,
    score_findings,
)
from privacy.threat import FILE_AND_REFERENCE
from synth.threads import one_thread

ABOUT = About(
    title="Classifier",
    question=Question.MEMBERSHIP,
    plants=(Plant.COPIED_1, Plant.COPIED_2, Plant.COPIED_10),
)

MOST_SYNTHETIC = 15_000
MOST_REFERENCE = 5_000
MOST_PER_REFERENCE = 3
"""Synthetic records per reference record: beyond, all trees agree on so many people that the surest all tie."""
TREES = 60
THREAT = FILE_AND_REFERENCE + ASKS


def classifier(evidence: Evidence, rng: np.random.Generator) -> tuple[Finding, ...]:
    """`classifier.auc` and the rates: score = P(synthetic), by trees that tell S from R (SynthEval's `mia`).

    Extremely randomized trees (Geurts et al. 2006) grown to pure leaves: a leaf of one record can hold a copy, where
    boosted trees with leaves of twenty smooth it away (AUC on a verbatim copy of Adult: .99 against .65). The trees
    never see the people under attack, so the scores are independent and DeLong's interval holds. They learn from
    samples drawn by `rng`: at most 5,000 of R and of S 15,000, and no more than three times as many as of R.

    Half blind to what is copied with noise, for a jittered copy seldom falls into the leaf of its original: AUC .54 at
    20 % jitter, where the nearest distance gives .66. Boosted trees see nothing there (.50). No substitute for the
    attacks on distances.
    """
    reference = evidence.reference
    if reference is None or len(reference) < FEWEST_REFERENCE:
        return none_applicable("classifier", threat=THREAT, reason=NO_REFERENCE)
    if len(evidence.synthetic) < FEWEST_SYNTHETIC:
        reason = f"A classifier takes at least {FEWEST_SYNTHETIC} synthetic records to learn from."
        return none_applicable("classifier", threat=THREAT, reason=reason)
    others = reference.take(rng.permutation(len(reference))[:MOST_REFERENCE])
    most = min(MOST_SYNTHETIC, MOST_PER_REFERENCE * len(others))
    synthetic = evidence.synthetic.take(rng.permutation(len(evidence.synthetic))[:most])
    model = ExtraTreesClassifier(
        TREES, min_samples_leaf=1, class_weight="balanced", random_state=int(rng.integers(2**31)), n_jobs=1
    )
    with one_thread():
        features = np.concatenate([_features(synthetic), _features(others)])
        model.fit(features, np.repeat([1, 0], [len(synthetic), len(others)]))
        train, holdout = (
            model.predict_proba(_features(people))[:, 1].astype(np.float64)
            for people in (evidence.train, evidence.holdout)
        )
    return score_findings(Scored(attack="classifier", train=train, holdout=holdout, threat=THREAT))


def _features(rows: Encoded) -> NDArray[np.float32]:
    return ordinal(rows).astype(np.float32)
