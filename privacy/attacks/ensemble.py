"""A6: what does an attacker see who learns from known members how the synthetic table treats those it remembers?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.tree import ExtraTreeClassifier, ExtraTreeRegressor

from privacy.about import About, Question
from privacy.distance import Encoded
from privacy.evidence import Evidence
from privacy.features import Matrix, components, ordinal
from privacy.finding import Finding
from privacy.kernel import density_ratio
from privacy.plants import Plant
from privacy.scores import (
    ASKS,
    FEWEST_REFERENCE,
    FEWEST_SYNTHETIC,
    Scored,
    Scores,
    none_applicable,
    score_findings,
)
from synth.threads import one_thread

ABOUT = About(
    title="Error ensemble",
    question=Question.MEMBERSHIP,
    plants=(Plant.COPIED_1, Plant.COPIED_2, Plant.COPIED_10, Plant.JITTERED_COPY),
)

FOLDS = 5
DESIGN_EFFECT = 1 + FOLDS / (FOLDS - 1)
FEWEST_PEOPLE = 100
"""Per side. With fewer the meta-classifier learns noise."""
MOST_COLUMNS = 12
"""Columns predicted from the others: those with most distinct values in S, which identify best."""
MOST_SYNTHETIC = 15_000
MOST_REFERENCE = 5_000
"""Synthetic records of which a density is estimated, at least."""
MOST_LEVELS = 50
"""Levels of a predicted category; the rarer ones are one level together. The predictors see all of them."""
MOST_CUTS = 15
"""Columns tried at each cut of a tree, so that a wide table costs what a narrow one does."""
THREAT = (
    "An attacker holds the synthetic file, one person's complete record and the records of many others known to have"
    " been learnt or not, and of people like them where there is a reference set" + ASKS
)
NOTE = "Labels are symmetric: the attack finds whatever tells train from holdout, so drift between them shows here too."


def ensemble(evidence: Evidence, rng: np.random.Generator) -> tuple[Finding, ...]:
    """`ensemble.auc` and the rates: boosted trees over prediction errors and distances, cross-fitted over the people.

    Per column a tree fitted on S predicts it from the other columns; a remembered record is predicted too well (the
    error features of EPT, midst-toolkit). Beside these errors stand Gower distances to the nearest and the five nearest
    synthetic records. Where there is a reference of enough records, the distances to that, the differences and the
    density ratio of DOMIAS (van Breugel et al. 2023, arXiv 2302.12580, eq. 2) are features too. The density ratio
    raises the AUC on copies with noise a little (Adult, 2,500 a side, eight draws: by .001 to .010, mean .005). The
    meta-classifier learns from members and non-members in four folds and scores the fifth, so nobody is scored by a
    model that knew the answer. This is an evaluator's attacker, at the upper end of what anybody could know.

    Scores count as ranks within their fold, so that folds need not be calibrated to one another. Folds are not
    independent: what two of them share by chance is learnt in the one and confirmed in the other, and again the other
    way round. So DeLong's variance, which takes scores as independent, is multiplied by 1 + FOLDS / (FOLDS - 1) = 2.25
    (Nadeau & Bengio 2003, Machine Learning 52:239, section 5: the corrected resampled variance), and so are the counts
    behind the rates divided by it. Measured without a leak on 250 draws of Adult with 800 records a side, the variance
    is 1.7 times DeLong's: the interval errs towards being wide. Swapping train and holdout does not mirror
    the AUC but leaves it: a meta-classifier learns either direction.
    """
    n = min(len(evidence.train), len(evidence.holdout))
    if n < FEWEST_PEOPLE:
        reason = f"Learning from known members takes {FEWEST_PEOPLE} records each in train and holdout."
        return none_applicable("ensemble", threat=THREAT, reason=reason)
    with one_thread():
        train, holdout = cross_fitted(features_of(evidence, n, rng), n, rng)
    scored = Scored(
        attack="ensemble", train=train, holdout=holdout, threat=THREAT, note=NOTE, design_effect=DESIGN_EFFECT
    )
    return score_findings(scored)


def features_of(evidence: Evidence, n: int, rng: np.random.Generator) -> Matrix:
    """What the meta-classifier knows of the first n records of train and then of holdout: (2 n, features)."""
    synthetic = evidence.synthetic.take(rng.permutation(len(evidence.synthetic))[:MOST_SYNTHETIC])
    sides = [evidence.train.take(np.arange(n)), evidence.holdout.take(np.arange(n))]
    errors = _errors(synthetic, sides[0].join(sides[1]), int(rng.integers(2**31)))
    ratio = _density_ratio(evidence, synthetic, sides)
    return np.concatenate(
        [errors, errors.mean(axis=1, keepdims=True), _distances(evidence, n), *([] if ratio is None else [ratio])],
        axis=1,
    )


def meta_classifier(features: Matrix, members: NDArray[np.bool_], seed: int) -> HistGradientBoostingClassifier:
    """Boosted trees that tell members from others by these features."""
    model = HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=15, early_stopping=False, random_state=seed)
    return model.fit(features, members)


def _errors(synthetic: Encoded, people: Encoded, seed: int) -> Matrix:
    """People x predicted columns: |prediction - value| of a number, 1 - p(own level) of a category."""
    known, asked = ordinal(synthetic).astype(np.float32), ordinal(people).astype(np.float32)
    numbers = len(synthetic.numbers)
    richness = np.array([len(np.unique(column)) for column in known.T])
    errors = []
    for column in np.argsort(-richness, kind="stable")[:MOST_COLUMNS]:
        others = np.delete(np.arange(known.shape[1]), column)
        if others.size == 0:
            others = np.array([column])
        predict = _number_errors if column < numbers else _category_errors
        errors.append(predict(known[:, others], known[:, column], asked[:, others], asked[:, column], seed))
    return np.stack(errors, axis=1)


def _number_errors(
    known: NDArray[np.float32],
    target: NDArray[np.float32],
    asked: NDArray[np.float32],
    truth: NDArray[np.float32],
    seed: int,
) -> Scores:
    tree = ExtraTreeRegressor(max_features=min(MOST_CUTS, known.shape[1]), random_state=seed)
    predicted: Scores = tree.fit(known, target).predict(asked)
    return np.abs(predicted - truth)


def _category_errors(
    known: NDArray[np.float32],
    target: NDArray[np.float32],
    asked: NDArray[np.float32],
    truth: NDArray[np.float32],
    seed: int,
) -> Scores:
    levels, counts = np.unique(target, return_counts=True)
    kept = np.sort(levels[np.argsort(-counts, kind="stable")[:MOST_LEVELS]])
    classes, own = _levelled(target, kept), _levelled(truth, kept)
    tree = ExtraTreeClassifier(max_features=min(MOST_CUTS, known.shape[1]), random_state=seed).fit(known, classes)
    chances = np.zeros((len(asked), len(kept) + 1))
    chances[:, tree.classes_] = tree.predict_proba(asked)
    right: Scores = chances[np.arange(len(asked)), own]
    return 1.0 - right


def _levelled(codes: NDArray[np.float32], kept: NDArray[np.float32]) -> NDArray[np.intp]:
    """The position of each code among those kept, or one past the last."""
    place = np.minimum(np.searchsorted(kept, codes), len(kept) - 1)
    return np.where(kept[place] == codes, place, len(kept))


def _distances(evidence: Evidence, n: int) -> Matrix:
    near = evidence.near
    synthetic = _nearest_and_mean([near.train_synthetic, near.holdout_synthetic], n)
    if near.train_reference is None or near.holdout_reference is None or evidence.reference is None:
        return synthetic
    if len(evidence.reference) < FEWEST_REFERENCE:
        return synthetic
    reference = _nearest_and_mean([near.train_reference, near.holdout_reference], n)
    return np.concatenate([synthetic, reference, reference - synthetic], axis=1)


def _density_ratio(evidence: Evidence, synthetic: Encoded, sides: Sequence[Encoded]) -> Matrix | None:
    """(people, 1) DOMIAS' score; None without a reference of enough records, or where no record differs."""
    reference = evidence.reference
    if reference is None or len(reference) < FEWEST_REFERENCE or len(synthetic) < FEWEST_SYNTHETIC:
        return None
    (near, others), people = components(
        [synthetic, reference.take(np.arange(min(MOST_REFERENCE, len(reference))))], sides
    )
    if near.shape[1] == 0:
        return None
    return np.concatenate([density_ratio(side, near, others) for side in people])[:, None]


def _nearest_and_mean(sides: list[NDArray[np.float32]], n: int) -> Matrix:
    joint = np.concatenate([side[:n] for side in sides]).astype(np.float64)
    return np.stack([joint[:, 0], joint.mean(axis=1)], axis=1)


def cross_fitted(features: Matrix, n: int, rng: np.random.Generator) -> tuple[Scores, Scores]:
    """Scores of the first n records, who are members, and of the n others, each by a model fitted without them."""
    members = np.repeat([True, False], n)
    fold = np.concatenate([rng.permutation(n) % FOLDS, rng.permutation(n) % FOLDS])
    scores = np.empty(2 * n)
    for this in range(FOLDS):
        asked = fold == this
        model = meta_classifier(features[~asked], members[~asked], int(rng.integers(2**31)))
        scores[asked] = rankdata(model.decision_function(features[asked])) / int(asked.sum())
    return scores[:n], scores[n:]
