"""A8: does knowing everything but one column of a person's record, and the synthetic table, tell that column?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from privacy.about import About, Question
from privacy.columns import Place, named, only, usable
from privacy.distance import Encoded, nearest
from privacy.evidence import Evidence
from privacy.finding import Finding
from privacy.guess import Boosted, Values, boosted, linear_guess, values_of
from privacy.plants import Plant
from privacy.residual import FEWEST, Strata, Tries, not_applicable, of_a_part, risk_finding

ABOUT = About(
    title="Attribute inference",
    question=Question.INFERENCE,
    statistics={
        "nearest": "by the nearest records",
        "boosting": "by gradient boosting",
        "linear": "by a linear model",
    },
    plants=(Plant.COPIED_5, Plant.COPIED_10),
)

Mask = NDArray[np.bool_]
Index = NDArray[np.intp]

TOLERANCE = 0.05
"""A guess of a number is right within this share of the range between the quartiles of the column in holdout."""
MOST_SYNTHETIC = 100_000
PAIRS = 120_000_000
FEWEST_ATTACKED = 600
"""People attacked by nearest neighbour per side and secret: as many as keep all distances within PAIRS, but so many."""
FEWEST_REFERENCE = 500
FEWEST_RARE = 20
VOTERS = 20
NO_DISTANCE = 1e-6
STRATA = 16
FEWEST_IN_STRATUM = 50
"""People of both sides together."""
LEAST_CHANCE = 0.02
"""Added to each chance before it becomes a weight, so that nobody counts more than fifty times another."""
THREAT = "An attacker holds the synthetic file and all of one person's record but one column, and guesses that column."
NOTE = (
    "The attacker knows the reference too. Only people whose value other people's records do not tell are under attack"
    ", and they count the more the less the reference expects their value."
)
METHODS = ("nearest", "boosting", "linear")


@dataclass(frozen=True, kw_only=True, slots=True)
class Secret:
    """A column whose value an attacker guesses from the columns that he knows."""

    place: Place
    known: tuple[Place, ...]
    tolerance: float
    train: Values
    """What is to be guessed, of all people of train under attack."""
    holdout: Values

    def right(self, guess: Values, truth: Values) -> Mask:
        """Exactly the category, or the number within the tolerance; a missing cell only by guessing that it is."""
        if self.place.number is None:
            return np.equal(guess, truth)
        both = np.isnan(guess) & np.isnan(truth)
        close: Mask = np.abs(guess - truth) <= self.tolerance
        return close | both


@dataclass(frozen=True, kw_only=True, slots=True)
class _Targets:
    """Whose secret is guessed: positions among the people under attack, equally many of each side."""

    train: Index
    holdout: Index
    train_chances: Values
    """How likely their secret is to the model fitted on the reference."""
    holdout_chances: Values
    prior: Boosted | None
    """The model fitted on the reference, where there is one."""
    share: float
    """Of the people of holdout under attack."""
    note: str


def attribute(evidence: Evidence, rng: np.random.Generator, *, secrets: Sequence[str] = ()) -> tuple[Finding, ...]:
    """Per secret column NAME the residual risks `attribute.nearest:NAME`, `.boosting:NAME` and `.linear:NAME`.

    nearest: the value of the synthetic record that is nearest by all other columns (where there is a reference, see
    `guesses_of_nearest`). boosting: gradient boosting fitted on the synthetic table. linear, for a secret of two values
    only: least squares on the counts of random three-way tables, see `linear_guess`. Success on train is held against
    success on equally many people of holdout.

    Whoever can guess a secret from records of other people learns nothing of one person by it. So where there is a
    reference set the people under attack are those, of train and of holdout alike, whose secret a model fitted on the
    reference gets wrong. That choice knows nothing of who was learnt, and (a - c) / (1 - c) counts only people whom
    the control misses anyway; keeping the others would only widen the interval. They are sorted into STRATA by how
    likely their secret is to that model, and count the more the less likely it is: where the control hardly ever
    succeeds, a success tells most. If a share f of the people is given away, so that success is c + f (1 - c), the
    variance of an estimate of f is least with weights inverse to c (weighted least squares); the chance by the
    reference stands for c, for it depends neither on who was learnt nor on the synthetic table. A leak that spares
    people with surprising secrets shows less than its share. On Adult (15,000 in train, 12,000 in holdout, 5,000 in
    reference, income as the secret) the three intervals reach .024 to .029 to either side, against .05 and more for
    plain success rates, and the upper ends were at most .05 in 35 of 40 draws without a leak.

    The categorical column of the greatest entropy and the number with the most distinct values in holdout are always
    attacked. The schema's target and `secrets` are attacked in addition, and those findings are marked
    (`Finding.named`): whoever names a column must not draw the attack away from another, nor change a figure of it.
    Raises AuditInputError on an unknown column.
    """
    own = _default(evidence)
    targets = [place for place in usable(evidence.columns) if place.is_target]
    asked = dict.fromkeys((*targets, *named(evidence.columns, secrets)))
    added = tuple(place for place in asked if place not in own)
    if not own and not added:
        reason = "No column is a secret that could be guessed."
        return tuple(not_applicable("attribute", method, THREAT, reason) for method in METHODS)
    rows = evidence.synthetic.take(rng.permutation(len(evidence.synthetic))[:MOST_SYNTHETIC])
    found = [*_attack_all(evidence, rows, own, rng)]
    found += [replace(finding, named=True) for finding in _attack_all(evidence, rows, added, rng)]
    return tuple(of_a_part(finding, len(rows), len(evidence.synthetic_keys)) for finding in found)


def _default(evidence: Evidence) -> tuple[Place, ...]:
    """What is attacked whatever the schema or the sender names."""
    columns = [place for place in usable(evidence.columns) if _why_not(evidence, place) is None]
    values = {place.name: values_of(evidence.holdout, place) for place in columns}
    categories = [place for place in columns if place.number is None]
    numbers = [place for place in columns if place.number is not None]
    first = max(categories, key=lambda place: _entropy(values[place.name]), default=None)
    second = max(numbers, key=lambda place: len(np.unique(values[place.name])), default=None)
    return tuple(place for place in (first, second) if place is not None)


def _entropy(values: Values) -> float:
    shares = np.unique(values, return_counts=True)[1] / len(values)
    return float(-(shares * np.log(shares)).sum())


def _why_not(evidence: Evidence, place: Place) -> str | None:
    """Why this column cannot be a secret."""
    if place.is_identifier:
        return "The column is an identifier, which is never learnt."
    if len(usable(evidence.columns)) < 2:
        return "The table has no other column that could be known."
    values = np.concatenate([values_of(people, place) for people in (evidence.train, evidence.holdout)])
    return "The column is constant." if len(np.unique(values)) < 2 else None


def _attack_all(
    evidence: Evidence, rows: Encoded, chosen: Sequence[Place], rng: np.random.Generator
) -> Iterator[Finding]:
    most = max(FEWEST_ATTACKED, PAIRS // (2 * len(rows) * max(1, len(chosen))))
    for place in chosen:
        yield from _attack(evidence, rows, place, most, rng)


def _attack(evidence: Evidence, rows: Encoded, place: Place, most: int, rng: np.random.Generator) -> list[Finding]:
    reason = _why_not(evidence, place)
    if reason is not None:
        return [_not(method, place, reason) for method in METHODS]
    known = tuple(other for other in usable(evidence.columns) if other != place)
    train, holdout = values_of(evidence.train, place), values_of(evidence.holdout, place)
    secret = Secret(place=place, known=known, tolerance=_tolerance(holdout), train=train, holdout=holdout)
    targets = _targets(evidence, secret, rng)
    if len(targets.train) < FEWEST:
        why = f"Fewer than {FEWEST} people of train or holdout can be attacked. {targets.note}"
        return [_not(method, place, why) for method in METHODS]
    few = min(most, len(targets.train))
    sides = [(people, who[:few]) for people, who in _sides(evidence, targets)]
    by_nearest = [guesses_of_nearest(people.take(who), rows, secret, targets.prior) for people, who in sides]
    model = boosted(rows, place, known, rng)
    by_boosting = [model.guesses(people.take(who)) for people, who in _sides(evidence, targets)]
    return [
        _finding("nearest", secret, targets, by_nearest),
        _finding("boosting", secret, targets, by_boosting),
        _linear(evidence, rows, secret, targets, rng),
    ]


def _sides(evidence: Evidence, targets: _Targets) -> tuple[tuple[Encoded, Index], tuple[Encoded, Index]]:
    return (evidence.train, targets.train), (evidence.holdout, targets.holdout)


def _tolerance(holdout: Values) -> float:
    """TOLERANCE of the range between the quartiles, or of the whole range where the quartiles are equal."""
    told = holdout[~np.isnan(holdout)]
    if told.size == 0:
        return 0.0
    low, high = np.quantile(told, [0.25, 0.75])
    return TOLERANCE * (float(high - low) or float(told.max() - told.min()))


def _targets(evidence: Evidence, secret: Secret, rng: np.random.Generator) -> _Targets:
    people = (evidence.train, evidence.holdout)
    if evidence.reference is None or len(evidence.reference) < FEWEST_REFERENCE:
        every = np.arange(min(map(len, people)))
        alike = np.full(len(every), 0.5)
        note = f"Without a reference set of {FEWEST_REFERENCE} records, everybody is under attack."
        return _Targets(
            train=every, holdout=every, train_chances=alike, holdout_chances=alike, prior=None, share=1.0, note=note
        )
    model = boosted(evidence.reference, secret.place, secret.known, rng)
    truths = (secret.train, secret.holdout)
    wrong = [
        np.flatnonzero(~secret.right(model.guesses(side), truth)) for side, truth in zip(people, truths, strict=True)
    ]
    n = min(map(len, wrong))
    chances = [
        model.chances(side.take(who[:n]), truth[who[:n]])
        for side, who, truth in zip(people, wrong, truths, strict=True)
    ]
    return _Targets(
        train=wrong[0][:n],
        holdout=wrong[1][:n],
        train_chances=chances[0],
        holdout_chances=chances[1],
        prior=model,
        share=len(wrong[1]) / len(people[1]),
        note=NOTE,
    )


def guesses_of_nearest(people: Encoded, rows: Encoded, secret: Secret, prior: Boosted | None) -> Values:
    """What each person's nearest record says of the secret; of equally near ones the first in `rows` (shuffled).

    An attacker who holds other people's records too does not take the nearest record's word against all he knows. So
    of a category, where there is a prior, VOTERS nearest records vote, each with the inverse square of its distance
    (Dudani 1976 weighs by distance); the prior's votes are its chances times VOTERS, a record as far as the farthest
    voter having one vote. A copy, at no distance, outvotes them all.
    """
    many = min(VOTERS, len(rows)) if prior is not None and secret.place.number is None else 1
    found = nearest(only(people, secret.known), only(rows, secret.known), many)
    values = values_of(rows.take(found.index.ravel()), secret.place).reshape(found.index.shape)
    if prior is None or many == 1:
        return values[:, 0]
    apart = np.maximum(found.distances.astype(np.float64), NO_DISTANCE)
    weights = (apart[:, -1:] / apart) ** 2
    # The prior's own favourite stands for election too, even where nobody near has it.
    values = np.concatenate([values, prior.guesses(people)[:, None]], axis=1)
    weights = np.concatenate([weights, np.zeros((len(people), 1))], axis=1)
    votes = many * prior.chances(people, values)
    for voter in range(many):
        votes += weights[:, [voter]] * (values == values[:, [voter]])
    best: Values = values[np.arange(len(people)), votes.argmax(axis=1)]
    return best


def _linear(evidence: Evidence, rows: Encoded, secret: Secret, targets: _Targets, rng: np.random.Generator) -> Finding:
    kinds = np.unique(np.concatenate([secret.train, secret.holdout]))
    if len(kinds) != 2 or np.isnan(kinds).any():
        return _not("linear", secret.place, "The column does not have exactly two values.")
    value, other = (float(kind) for kind in kinds)
    if (secret.holdout == value).sum() > (secret.holdout == other).sum():
        value, other = other, value
    guesses = []
    # The same random tables for both sides: all guesses of a side hang on them, so others would tell the sides apart.
    seed = int(rng.integers(2**31))
    for people, who in _sides(evidence, targets):
        model = targets.prior
        prior = None if model is None else model.chances(people, np.full(len(people), value))
        bits = linear_guess(rows, people, secret.place, value, secret.known, np.random.default_rng(seed), prior=prior)
        guesses.append(np.where(bits[who], value, other))
    return _finding("linear", secret, targets, guesses)


def _finding(method: str, secret: Secret, targets: _Targets, guesses: Sequence[Values]) -> Finding:
    """From the guesses for the first targets of train and of holdout."""
    n = len(guesses[0])
    truths = (secret.train[targets.train[:n]], secret.holdout[targets.holdout[:n]])
    right = [secret.right(guess, truth) for guess, truth in zip(guesses, truths, strict=True)]
    return risk_finding(
        "attribute",
        f"{method}:{secret.place.name}",
        stratified(right[0], right[1], targets.train_chances[:n], targets.holdout_chances[:n]),
        threat=THREAT,
        note=targets.note,
        details={"share_not_told_by_others": targets.share, **_rare_precision(secret, guesses, truths)},
    )


def stratified(train: Mask, holdout: Mask, train_chances: Values, holdout_chances: Values) -> Strata:
    """Successes by strata of about equally many people, both sides together; ties stay in one stratum.

    A stratum weighs as the harmonic mean of its people on both sides over their mean chance.
    """
    chances = np.concatenate([train_chances, holdout_chances])
    many = max(1, min(STRATA, len(chances) // FEWEST_IN_STRATUM))
    edges = np.unique(np.quantile(chances, np.arange(1, many) / many, method="higher")) if many > 1 else np.empty(0)
    mine, others = (np.searchsorted(edges, side, side="right") for side in (train_chances, holdout_chances))
    tries, weights = [], []
    for stratum in range(len(edges) + 1):
        of_train, of_holdout = mine == stratum, others == stratum
        n, m = int(of_train.sum()), int(of_holdout.sum())
        if min(n, m) == 0:
            continue
        chance = float(np.concatenate([train_chances[of_train], holdout_chances[of_holdout]]).mean())
        hits, control = int(train[of_train].sum()), int(holdout[of_holdout].sum())
        tries.append(Tries(hits=hits, n=n, control_hits=control, control_n=m))
        weights.append(2 * n * m / (n + m) / (chance + LEAST_CHANCE))
    return Strata(tries=tuple(tries), weights=tuple(weights))


def _rare_precision(secret: Secret, guesses: Sequence[Values], truths: Sequence[Values]) -> dict[str, float]:
    """How often a guess of the rarest category that FEWEST_RARE people of holdout have is right, per side."""
    if secret.place.number is not None:
        return {}
    kinds, times = np.unique(secret.holdout, return_counts=True)
    often = times >= FEWEST_RARE
    if not often.any():
        return {}
    rare = kinds[often][np.argmin(times[often])]
    claimed = {side: guess == rare for side, guess in zip(("train", "holdout"), guesses, strict=True)}
    return {
        f"rare_precision_{side}": float((truth[mask] == rare).mean())
        for (side, mask), truth in zip(claimed.items(), truths, strict=True)
        if mask.any()
    }


def _not(method: str, place: Place, reason: str) -> Finding:
    return not_applicable("attribute", f"{method}:{place.name}", THREAT, reason)
