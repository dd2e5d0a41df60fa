"""A9: are the unknown columns of a training record reconstructed better than those of people who were held out?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier

from privacy.about import About, Question
from privacy.beliefs import Hidden, propagate, spanning_tree
from privacy.columns import Place, only, usable
from privacy.distance import Encoded, nearest
from privacy.evidence import Evidence
from privacy.features import ordinal
from privacy.finding import Finding
from privacy.guess import values_of
from privacy.plants import Plant
from privacy.residual import FEWEST, mean_risk_finding, not_applicable, of_a_part
from privacy.scores import ASKS, FEWEST_SYNTHETIC, Scored, Scores, none_applicable, score_findings
from privacy.threat import FILE_ONLY
from synth.threads import one_thread

ABOUT = About(
    title="Reconstruction",
    question=Question.INFERENCE,
    statistics={
        "excess": "information reconstructed beyond that of people held out",
    },
    other_questions=dict.fromkeys(("auc", "tpr_at_1_percent", "tpr_at_01_percent"), Question.MEMBERSHIP),
    plants=(Plant.COPIED_1, Plant.COPIED_2, Plant.COPIED_5, Plant.COPIED_10),
)
"""`excess` tells what is learnt of a person, the others tell who was in the data."""

Codes = NDArray[np.intp]
Matrix = NDArray[np.float32]

MOST_SYNTHETIC = 15_000
MOST_PEOPLE = 5_000
"""Per side."""
MOST_HIDDEN = 10
"""Columns reconstructed in each of the two halves: those with the most distinct values."""
MOST_KNOWN = 20
"""Columns that the attacker knows in each half, so that a wide table costs what a narrow one does."""
BINS = 20
"""A number is reconstructed to one of so many bins of about equally many synthetic records."""
MOST_LEVELS = 50
"""Values of a category that may be guessed: the most frequent synthetic ones."""
TREES = 25
MOST_CUTS = 8
"""Known columns tried at each cut of a tree."""
NEIGHBOURS = 20
BLOCK = 512
"""People whose beliefs are propagated at a time."""
KNOWS_HALF = "An attacker holds the synthetic file and half the columns of one person's record, and guesses the rest."
KNOWS_ALL = FILE_ONLY + ASKS
NOTE = "The score is the share of the information in a person's record that is reconstructed from its other columns."


@dataclass(frozen=True, kw_only=True, slots=True)
class _Column:
    """A column to reconstruct, as codes 0 to `values` - 1."""

    synthetic: Codes
    people: Codes
    values: int
    guessable: int
    """Codes below this are values; the code above, where there is one, is every value that is never guessed."""


def reconstruction(evidence: Evidence, rng: np.random.Generator) -> tuple[Finding, ...]:
    """`reconstruction.excess`, the residual risk, and `reconstruction.auc` with the rates of the same score.

    The attack is CoBP-RA ("SoK: Reconstruction Attacks on Synthetic Tabular Data", arXiv 2606.08372). The columns are
    split into two halves; each half is reconstructed from the other. For each unknown column trees fitted on the
    synthetic table give the chances of its values, given the known ones. These chances are the unary potentials of a
    tree over the unknown columns, the one with the most mutual information in the synthetic table. The potential of an
    edge is P(a, b) / (P(a) P(b)) among the NEIGHBOURS synthetic records that are nearest by the known columns. Belief
    propagation combines them, and the likeliest value of each column is the guess. A number is guessed as one of BINS
    bins.

    What differs from the paper: extremely randomized trees grown on all records (Geurts et al. 2006) instead of random
    forests, 20 neighbours instead of 100, and a value of frequency p counts -log p instead of 1 / p. On Adult (2,500
    records a side, every record copied with 20 % noise) the AUC is .67, against .61 with the paper's choices.

    A person's score is the share of the information in their record, the sum over columns of -log p of their values,
    that was guessed right; p is counted over train and holdout together. `excess` is the memorisation test: with
    the mean scores a of train and c of holdout it is (a - c) / (1 - c), see `mean_risk_finding`. What the attack
    learns about everybody is in c. The trees never see the people under attack, so scores of different people are
    independent and both intervals hold.

    Larger tables are sampled by `rng`: MOST_SYNTHETIC synthetic records (see `of_a_part`) and MOST_PEOPLE per side.
    """
    places = usable(evidence.columns)
    reason = _reason_against(evidence, places)
    if reason is not None:
        return _none(reason)
    rows = evidence.synthetic.take(rng.permutation(len(evidence.synthetic))[:MOST_SYNTHETIC])
    n = min(len(evidence.train), len(evidence.holdout), MOST_PEOPLE)
    people = evidence.train.take(np.arange(n)).join(evidence.holdout.take(np.arange(n)))
    right, weights = [], []
    with one_thread():
        for unknown, known in _halves(rows, places):
            for column, guess in _reconstruct(rows, people, unknown, known, int(rng.integers(2**31))):
                right.append((guess == column.people) & (column.people < column.guessable))
                weights.append(_information(column))
    total = np.sum(weights, axis=0)
    if not (total > 0).all():
        return _none("The records under attack do not differ in any column.")
    scores: Scores = np.sum([hit * weight for hit, weight in zip(right, weights, strict=True)], axis=0) / total
    excess = mean_risk_finding("reconstruction", "excess", scores[:n], scores[n:], threat=KNOWS_HALF, note=NOTE)
    scored = Scored(attack="reconstruction", train=scores[:n], holdout=scores[n:], threat=KNOWS_ALL, note=NOTE)
    plain = np.mean(right, axis=0)
    shares = {"cells_right_in_train": float(plain[:n].mean()), "cells_right_in_holdout": float(plain[n:].mean())}
    found = (replace(excess, details={**excess.details, **shares}), *score_findings(scored))
    return tuple(of_a_part(finding, len(rows), len(evidence.synthetic_keys)) for finding in found)


def _none(reason: str) -> tuple[Finding, ...]:
    return (
        not_applicable("reconstruction", "excess", KNOWS_HALF, reason),
        *none_applicable("reconstruction", threat=KNOWS_ALL, reason=reason),
    )


def _reason_against(evidence: Evidence, places: Sequence[Place]) -> str | None:
    if len(places) < 2:
        return "The table has no other column that could be known."
    if len(evidence.synthetic) < FEWEST_SYNTHETIC:
        return f"A reconstruction takes at least {FEWEST_SYNTHETIC} synthetic records to learn from."
    if min(len(evidence.train), len(evidence.holdout)) < FEWEST:
        return f"A reconstruction takes {FEWEST} records each in train and holdout."
    return None


def _halves(
    rows: Encoded, places: Sequence[Place]
) -> tuple[tuple[Sequence[Place], Sequence[Place]], tuple[Sequence[Place], Sequence[Place]]]:
    """Twice the (unknown, known) columns. Both halves have columns with many distinct values."""
    richness = [len(np.unique(values_of(rows, place))) for place in places]
    ranked = [places[i] for i in np.argsort(-np.array(richness), kind="stable")]
    first, second = ranked[::2], ranked[1::2]
    return (first[:MOST_HIDDEN], second[:MOST_KNOWN]), (second[:MOST_HIDDEN], first[:MOST_KNOWN])


def _reconstruct(
    rows: Encoded, people: Encoded, unknown: Sequence[Place], known: Sequence[Place], seed: int
) -> list[tuple[_Column, Codes]]:
    """Each unknown column and what is guessed for each person."""
    columns = [_coded(rows, people, place) for place in unknown]
    given = (ordinal(only(rows, known)).astype(np.float32), ordinal(only(people, known)).astype(np.float32))
    chances = [chances_of(column, *given, seed) for column in columns]
    near = nearest(only(people, known), only(rows, known), NEIGHBOURS).index
    edges = spanning_tree([column.synthetic for column in columns])
    guesses: list[list[Codes]] = [[] for _ in columns]
    for start in range(0, len(people), BLOCK):
        block = slice(start, start + BLOCK)
        hidden = [
            Hidden(chances=chance[block], nearby=column.synthetic[near[block]])
            for column, chance in zip(columns, chances, strict=True)
        ]
        for parts, belief in zip(guesses, propagate(hidden, edges), strict=True):
            parts.append(belief.argmax(axis=1))
    return [(column, np.concatenate(parts)) for column, parts in zip(columns, guesses, strict=True)]


def _coded(rows: Encoded, people: Encoded, place: Place) -> _Column:
    synthetic, theirs = values_of(rows, place), values_of(people, place)
    if place.number is not None:
        told = synthetic[~np.isnan(synthetic)]
        edges = np.unique(np.quantile(told, np.arange(1, BINS) / BINS)) if told.size else np.empty(0)
        missing = len(edges) + 1

        def binned(values: NDArray[np.float64]) -> Codes:
            return np.where(np.isnan(values), missing, np.searchsorted(edges, values, side="right"))

        return _Column(synthetic=binned(synthetic), people=binned(theirs), values=missing + 1, guessable=missing + 1)
    levels, counts = np.unique(synthetic, return_counts=True)
    kept = np.sort(levels[np.argsort(-counts, kind="stable")[:MOST_LEVELS]])

    def levelled(values: NDArray[np.float64]) -> Codes:
        position = np.minimum(np.searchsorted(kept, values), len(kept) - 1)
        return np.where(kept[position] == values, position, len(kept))

    return _Column(synthetic=levelled(synthetic), people=levelled(theirs), values=len(kept) + 1, guessable=len(kept))


def chances_of(column: _Column, known: Matrix, asked: Matrix, seed: int) -> NDArray[np.float64]:
    """(people, values) by trees fitted on the synthetic table, half a vote being spread evenly over all values."""
    model = ExtraTreesClassifier(TREES, max_features=min(MOST_CUTS, known.shape[1]), random_state=seed, n_jobs=1)
    model.fit(known, column.synthetic)
    chances = np.zeros((len(asked), column.values))
    chances[:, model.classes_] = model.predict_proba(asked)
    return (chances * TREES + 0.5 / column.values) / (TREES + 0.5)


def _information(column: _Column) -> Scores:
    """-log of the frequency of each person's value among all people under attack."""
    frequency = np.bincount(column.people, minlength=column.values) / len(column.people)
    information: Scores = -np.log(frequency[column.people])
    return information
