"""Guesses of one column from all others: by boosting, and by solving for the answers that a table gives to counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.linalg import lsmr
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from privacy.columns import Place, only
from privacy.distance import Encoded
from privacy.features import ordinal
from synth.threads import one_thread

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]
Cells = NDArray[np.intp]

MOST_FITTED = 10_000
MOST_CLASSES = 20
TREES = 120
MOST_ROUNDS = 60
NEVER = -1.0
"""A guess that no category equals."""
TABLES = 40
WAYS = 3
BINS = 8
MOST_STEPS = 50


def values_of(rows: Encoded, place: Place) -> Values:
    """The column as float64: the code of a category (missing has its own), or the scaled number with missing as NaN."""
    if place.number is None:
        return rows.codes[place.code or 0].astype(np.float64)
    numbers = rows.numbers[place.number].astype(np.float64)
    return numbers if place.code is None else np.where(rows.codes[place.code] != 0, np.nan, numbers)


@dataclass(frozen=True, kw_only=True, slots=True)
class Boosted:
    """Gradient boosting of one column on the known ones, or where only one value was seen, that value."""

    known: tuple[Place, ...]
    model: HistGradientBoostingClassifier | HistGradientBoostingRegressor | None
    constant: float = NEVER

    def guesses(self, people: Encoded) -> Values:
        """Each person's value: the likeliest category, or the median of the number."""
        if self.model is None:
            return np.full(len(people), self.constant)
        with one_thread():
            return np.asarray(self.model.predict(ordinal(only(people, self.known))), dtype=np.float64)

    def chances(self, people: Encoded, values: Values) -> Values:
        """How likely these categories of each person, people (x several), are to the model.

        0 for a category that is not told apart; one half of everything where the column is a number.
        """
        if isinstance(self.model, HistGradientBoostingRegressor):
            return np.full(values.shape, 0.5)
        if self.model is None:
            return np.equal(values, self.constant).astype(np.float64)
        with one_thread():
            chances = np.asarray(self.model.predict_proba(ordinal(only(people, self.known))), dtype=np.float64)
        kinds = np.asarray(self.model.classes_, dtype=np.float64)
        place = np.minimum(np.searchsorted(kinds, values), len(kinds) - 1)
        found = np.take_along_axis(chances, place.reshape(len(people), -1), axis=1).reshape(values.shape)
        return np.where(kinds[place] == values, found, 0.0)


def boosted(rows: Encoded, place: Place, known: Sequence[Place], rng: np.random.Generator) -> Boosted:
    """Gradient boosting of `place` on the known columns, fitted on at most 10,000 of `rows`.

    Of a category the 20 most frequent values are told apart and no other is ever guessed; a number is guessed by its
    median, and missing only where no number was seen. About 120 trees however many categories there are.
    """
    rows = rows.take(rng.permutation(len(rows))[:MOST_FITTED])
    seed = int(rng.integers(2**31))
    features, answers = ordinal(only(rows, known)), values_of(rows, place)
    if place.number is None:
        values, times = np.unique(answers, return_counts=True)
        common = values[np.argsort(-times, kind="stable")[:MOST_CLASSES]]
        answers = np.where(np.isin(answers, common), answers, NEVER)
    else:
        told = ~np.isnan(answers)
        features, answers = features[told], answers[told]
    kinds = np.unique(answers)
    if len(kinds) < 2:
        return Boosted(known=tuple(known), model=None, constant=float(kinds[0]) if len(kinds) else np.nan)
    with one_thread():
        model = _model(place, len(kinds), seed).fit(features, answers)
    return Boosted(known=tuple(known), model=model)


def _model(place: Place, kinds: int, seed: int) -> HistGradientBoostingClassifier | HistGradientBoostingRegressor:
    if place.number is not None:
        return HistGradientBoostingRegressor(
            loss="absolute_error", max_iter=MOST_ROUNDS, early_stopping=False, random_state=seed
        )
    rounds = min(MOST_ROUNDS, max(5, TREES // kinds))
    rate = 0.1 if rounds > 20 else 0.3
    return HistGradientBoostingClassifier(max_iter=rounds, learning_rate=rate, early_stopping=False, random_state=seed)


def linear_guess(
    rows: Encoded,
    people: Encoded,
    place: Place,
    value: float,
    known: Sequence[Place],
    rng: np.random.Generator,
    *,
    prior: Values | None = None,
) -> Mask:
    """Whether each person has this value in `place`, as the counts that `rows` gives say (arXiv 2301.10053, section 4).

    The attacker knows the other columns of all the people, and takes the share of the value in each cell of random
    three-way tables from `rows` for theirs. With s the unknown bits, c a cell of n_c people, of whom f_c rows of F say
    that they have the value, sum_{i in c} s_i = n f_c / F is solved for s by least squares (LSMR, Fong & Saunders
    2011), each equation divided by the square root of n_c, damped towards what the attacker held likely before
    (`prior`, per person; by default the share in `rows`), and s is rounded. Numbers are cut at their octiles in `rows`.
    """
    bits = values_of(rows, place) == value
    share = float(bits.mean())
    if not 0 < share < 1:
        return np.full(len(people), share > 0)
    before = np.full(len(people), share) if prior is None else prior
    columns = [_binned(rows, people, other) for other in known]
    cells, answers, sizes = _equations(columns, bits, len(people), rng)
    scale = 1 / np.sqrt(sizes)
    who = np.tile(np.arange(len(people)), len(cells) // len(people))
    table = csr_array((scale[cells], (cells, who)), shape=(len(sizes), len(people)))
    found = lsmr(table, scale * answers - table @ before, damp=1.0, maxiter=MOST_STEPS)[0]
    guess: Mask = before + found > 0.5
    return guess


def _equations(
    columns: Sequence[tuple[Cells, Cells]], bits: Mask, n: int, rng: np.random.Generator
) -> tuple[Cells, Values, Values]:
    """Per table and person the cell; per cell that has people, the count that the rows give and how many people."""
    cells, answers, sizes, first = [], [], [], 0
    for _ in range(TABLES):
        drawn = rng.permutation(len(columns))[:WAYS]
        theirs, ours = _crossed([columns[i] for i in drawn])
        kinds, cell, times = np.unique(ours, return_inverse=True, return_counts=True)
        position = np.minimum(np.searchsorted(kinds, theirs), len(kinds) - 1)
        hit = (kinds[position] == theirs) & bits
        answers.append(np.bincount(position[hit], minlength=len(kinds)) * (n / len(bits)))
        sizes.append(times.astype(np.float64))
        cells.append(cell + first)
        first += len(kinds)
    return np.concatenate(cells), np.concatenate(answers), np.concatenate(sizes)


def _crossed(columns: Sequence[tuple[Cells, Cells]]) -> tuple[Cells, Cells]:
    rows, people = columns[0]
    for theirs, ours in columns[1:]:
        width = int(max(theirs.max(initial=0), ours.max(initial=0))) + 1
        rows, people = rows * width + theirs, people * width + ours
    return rows, people


def _binned(rows: Encoded, people: Encoded, place: Place) -> tuple[Cells, Cells]:
    """The column of both as small whole numbers."""
    values = [values_of(each, place) for each in (rows, people)]
    if place.number is not None:
        told = values[0][~np.isnan(values[0])]
        edges = np.unique(np.quantile(told, np.arange(1, BINS) / BINS)) if told.size else np.empty(0)
        values = [np.where(np.isnan(each), -1, np.searchsorted(edges, each, side="right")) for each in values]
    whole = np.unique(np.concatenate(values), return_inverse=True)[1]
    return whole[: len(rows)], whole[len(rows) :]
