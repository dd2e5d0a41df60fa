"""A8 over all columns at once: does the synthetic table tell any one cell of a person's record from the other cells?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from privacy.about import About, Question
from privacy.columns import Place, usable
from privacy.distance import Encoded, nearest
from privacy.evidence import Evidence
from privacy.finding import Finding
from privacy.guess import values_of
from privacy.plants import Plant
from privacy.residual import Tries, not_applicable, of_a_part, risk_finding

ABOUT = About(
    title="Inference of every value",
    question=Question.INFERENCE,
    plants=(Plant.COPIED_2, Plant.COPIED_5, Plant.COPIED_10),
)

ATTACK, STATISTIC = "every_cell", "nearest"
CANDIDATES = 10
"""Records among which the nearest without one column is looked for."""
LEAST_CHANCE = 0.02
"""Added to how often a column is guessed before it becomes a weight: none counts fifty times another."""
TOLERANCE = 0.05
"""A guess of a number is right within this share of the range between the quartiles of the column in holdout."""
TOLD_BY = 3
"""A cell that one of so many most similar records of the reference holds is told by other people's records."""
MOST_PEOPLE = 5_000
MOST_SYNTHETIC = 100_000
PAIRS = 120_000_000
FEWEST_PEOPLE = 600
"""People per side: as many as keep all distances to the synthetic table within PAIRS, but at least so many."""
FEWEST_REFERENCE = 100
THREAT = (
    "An attacker holds the synthetic file and all of one person's record but one cell, whichever it is, and guesses it."
)
NOTE = "Only cells that the most similar records of the reference do not tell are under attack."

Mask = NDArray[np.bool_]
Weights = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Side:
    """Per person and column whether the cell is under attack, and whether the attack guessed it."""

    attacked: Mask
    right: Mask

    def tries(self, weights: Weights) -> tuple[int, int]:
        """Hits and tries, as many independent ones as these are worth.

        The share of hits is a ratio of weighted totals; its variance is that over clusters, the people, by
        linearization (Kish 1965, section 6.3). As many independent tries have the same variance.
        """
        guessed, asked = (self.attacked & self.right) @ weights, self.attacked @ weights
        total = float(asked.sum())
        if total == 0:
            return 0, 0
        share = float(guessed.sum()) / total
        variance = float(((guessed - share * asked) ** 2).sum()) / total**2
        n = int((asked > 0).sum()) if variance == 0 else round(share * (1 - share) / variance)
        return round(share * n), n


def every_cell(evidence: Evidence, rng: np.random.Generator) -> tuple[Finding, ...]:
    """The residual risk `every_cell.nearest`: (a - c) / (1 - c), over all columns as the secret in turn.

    A cell is guessed from the synthetic record that is nearest by all other columns (among the ten nearest by all).
    Whoever can guess a cell from other people's records learns nothing of one person by it, so where there is a
    reference only cells are under attack that its three most similar records do not hold. That choice knows neither who
    was trained on nor the synthetic table. a is the share guessed of train, c of holdout.

    One secret column gives an interval that is wider than a limit of 5 % until tens of thousands of people are under
    attack. All columns together give some five times as many guesses for each person: a leak of whole records shows
    here first, a leak of one column in `attribute`.
    """
    columns = usable(evidence.columns)
    if len(columns) < 2:
        reason = "The table has no other column that could be known."
        return (not_applicable(ATTACK, STATISTIC, THREAT, reason),)
    rows = evidence.synthetic.take(rng.permutation(len(evidence.synthetic))[:MOST_SYNTHETIC])
    most = min(MOST_PEOPLE, max(FEWEST_PEOPLE, PAIRS // (2 * len(rows))))
    tolerances = [_tolerance(values_of(evidence.holdout, place)) for place in columns]
    reference = evidence.reference
    if reference is not None and len(reference) < FEWEST_REFERENCE:
        reference = None
    train, holdout = (
        _attack(people.take(np.arange(min(most, len(people)))), rows, reference, columns, tolerances)
        for people in (evidence.train, evidence.holdout)
    )
    weights = _weights(train, holdout)
    (hits, n), (control_hits, control_n) = train.tries(weights), holdout.tries(weights)
    finding = risk_finding(
        ATTACK,
        STATISTIC,
        Tries(hits=hits, n=n, control_hits=control_hits, control_n=control_n),
        threat=THREAT,
        note=NOTE if reference is not None else "",
        details={
            "people": float(len(train.right)),
            "columns": float(len(columns)),
            "cells": float(train.attacked.sum()),
        },
    )
    return (of_a_part(finding, len(rows), len(evidence.synthetic_keys)),)


def _weights(train: _Side, holdout: _Side) -> Weights:
    """Per column the inverse of how often its cells are guessed on both sides: what is seldom guessed tells most.

    If a share f of the cells is given away, so that c + f (1 - c) are guessed, the variance of an estimate of f is
    least with weights inverse to c. Symmetric in train and holdout, so without a leak the weighted shares are equal.
    """
    attacked = train.attacked.sum(axis=0) + holdout.attacked.sum(axis=0)
    guessed = (train.attacked & train.right).sum(axis=0) + (holdout.attacked & holdout.right).sum(axis=0)
    weights: Weights = 1 / (guessed / np.maximum(attacked, 1) + LEAST_CHANCE)
    return weights


def _attack(
    people: Encoded, rows: Encoded, reference: Encoded | None, columns: tuple[Place, ...], tolerances: list[float]
) -> _Side:
    right = _guessed(people, rows, columns, tolerances, guesses=1)
    if reference is None:
        return _Side(attacked=np.ones_like(right), right=right)
    return _Side(attacked=~_guessed(people, reference, columns, tolerances, guesses=TOLD_BY), right=right)


def _guessed(
    people: Encoded, rows: Encoded, columns: tuple[Place, ...], tolerances: list[float], *, guesses: int
) -> Mask:
    """People x columns: whether one of the `guesses` records nearest by all other columns holds the person's cell."""
    found = nearest(people, rows, CANDIDATES)
    guesses = min(guesses, found.index.shape[1])
    near = rows.take(found.index.ravel())
    right = np.empty((len(people), len(columns)), dtype=np.bool_)
    everyone = np.arange(len(people))[:, None]
    for i, (place, tolerance) in enumerate(zip(columns, tolerances, strict=True)):
        truth = values_of(people, place)[:, None]
        guess = values_of(near, place).reshape(found.index.shape)
        both, one = np.isnan(truth) & np.isnan(guess), np.isnan(truth) != np.isnan(guess)
        if place.number is None:
            apart, agree = (guess != truth).astype(np.float64), guess == truth
        else:
            gap = np.where(both | one, 0.0, np.abs(guess - truth))
            apart, agree = gap + one, (gap <= tolerance) & ~one
        best = np.argpartition(found.distances - apart, guesses - 1, axis=1)[:, :guesses]
        right[:, i] = agree[everyone, best].any(axis=1)
    return right


def _tolerance(holdout: NDArray[np.float64]) -> float:
    """TOLERANCE of the range between the quartiles, or of the whole range where the quartiles are equal."""
    told = holdout[~np.isnan(holdout)]
    if told.size == 0:
        return 0.0
    low, high = np.quantile(told, [0.25, 0.75])
    return TOLERANCE * (float(high - low) or float(told.max() - told.min()))
