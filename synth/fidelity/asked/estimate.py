"""One aggregate of one table, with its 95 % interval from the people behind it.

Each estimate is linearized: a sum of one influence for each record (Deville 1999). The influences are added up by
person and their squares give the variance, so several records of a person do not count as several people (Binder 1983).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc
from scipy.stats import norm, t

from synth.fidelity.asked.aggregate import Aggregate, Function
from synth.protection import HOLDERS

Floats = NDArray[np.float64]
Owners = NDArray[np.int64]

FEWEST_PEOPLE = 20
"""No answer stands on fewer: neither a group, nor a term of a regression, nor what lies beyond a quantile."""
SMALLEST_SINGULAR = 1e-7
"""Of the standardized regressors, as a share of the largest: below it they determine one another."""
EXACT = 1e-12
"""What is left unexplained, as a share, where one column follows from others."""
SMALLEST_WEIGHT = 1e-3
"""Of the largest: amid equal values a quantile is that value, however long the tail beside them is."""
UPPER = 0.975
ALONE = "an answer that rests on one person more than on all others together"
DETERMINED = "columns that determine one another"
FEW = f"fewer than {HOLDERS} people whom the columns of the question tell apart from all others"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no estimate, as the end of a sentence on the table."""

    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """A number with its two-sided 95 % interval."""

    value: float
    lower: float
    upper: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """The records that an aggregate is computed from: none of their cells is missing."""

    columns: tuple[Floats, ...]
    """(records,) for each term"""
    owners: Owners
    """(records,) whose each record is, 0 to people - 1"""

    @property
    def people(self) -> int:
        """How many they are."""
        return int(self.owners.max()) + 1 if self.owners.size else 0

    def having(self, met: NDArray[np.bool_]) -> int:
        """How many people have a record of these."""
        return int(np.unique(self.owners[met]).size)


def needed(aggregate: Aggregate) -> int:
    """How many people an answer takes: 20, 20 more for each further coefficient, and 20 beyond a quantile."""
    if aggregate.part is not None:
        return round(FEWEST_PEOPLE / min(aggregate.part, 1 - aggregate.part))
    return FEWEST_PEOPLE * (2 if aggregate.function is Function.CORR else len(aggregate.terms))


def estimate(aggregate: Aggregate, sample: Sample, *, real: bool, smooth: int) -> Sequence[Estimate] | Refusal:
    """One estimate, or of a regression one for the intercept and each term; or why there is none.

    A quantile is as smooth as that of `smooth` people: those of the smaller table, so that both are alike. Of `real`
    records no answer is given that is the value, or the lack of one, of all or nearly all people.
    """
    refused = _refused(aggregate, sample, real=real) or (_told_apart(aggregate, sample) if real else None)
    if refused is not None:
        return refused
    if aggregate.function is Function.REGRESSION:
        return _regression(sample, real=real)
    if aggregate.part is not None:
        return _quantile(sample, aggregate.part, smooth)
    return _WAYS[aggregate.function](sample)


def _refused(aggregate: Aggregate, sample: Sample, *, real: bool) -> Refusal | None:
    """Why these records give no answer, as far as that can be told before it is computed."""
    if sample.people < needed(aggregate):
        return Refusal(f"fewer than {needed(aggregate)} people")
    is_share = aggregate.function is Function.SHARE
    if is_share and not real:
        return None
    if not all(np.isfinite(each.std()) for each in sample.columns):
        return Refusal("numbers too large to compute with")
    if not is_share and any(np.ptp(each) == 0 for each in sample.columns) and (real or len(sample.columns) > 1):
        return Refusal("one value only in a column")
    fewest = HOLDERS if is_share else FEWEST_PEOPLE
    for term, column in zip(aggregate.terms, sample.columns, strict=True):
        if term.value is not None and min(sample.having(column == 1), sample.having(column == 0)) < fewest:
            return Refusal(f"fewer than {fewest} people with the value that is named, or without it")
    return None


def _told_apart(aggregate: Aggregate, sample: Sample) -> Refusal | None:
    """Why an answer would be one on a few of these people, whom its columns tell apart from the others together.

    Columns of two values make groups, like those of `by`: a mean or a coefficient of one that a few have is their
    share. Dummies that go together may have nobody in common, as two values of one column do, but not a few people.
    """
    if aggregate.function is Function.SHARE and _error(sample.columns[0] - sample.columns[0].mean(), sample)[1]:
        return Refusal(ALONE)
    flags = [column == column.max() for column in sample.columns if np.unique(column).size == 2]
    if aggregate.part is None and any(min(sample.having(flag), sample.having(~flag)) < HOLDERS for flag in flags):
        return Refusal(FEW)
    for one, other in combinations(flags, 2):
        cells = [sample.having(a & b) for a in (one, ~one) for b in (other, ~other)]
        explains = one is not flags[0] or np.unique(sample.columns[0]).size > 2
        if any(count < HOLDERS for count in cells if count > 0 or not explains):
            return Refusal(FEW)
    return None


def _share(sample: Sample) -> Sequence[Estimate] | Refusal:
    """The interval is Wilson's (1927) with the effective number of people of Korn and Graubard (1998)."""
    met = sample.columns[0] == 1
    share = float(met.mean())
    error, _ = _error((met - share) / len(met), sample)
    number = share * (1 - share) / error**2 if error > 0 else float(sample.people)
    z = float(norm.ppf(UPPER))
    middle = (share + z * z / (2 * number)) / (1 + z * z / number)
    half = z / (1 + z * z / number) * float(np.sqrt(share * (1 - share) / number + z * z / (4 * number**2)))
    return [Estimate(value=share, lower=middle - half, upper=middle + half)]


def _mean(sample: Sample) -> Sequence[Estimate] | Refusal:
    values = sample.columns[0]
    mean = float(values.mean())
    error, alone = _error((values - mean) / len(values), sample)  # no error where all are one value
    return Refusal(ALONE) if alone else [_around(mean, error, sample.people - 1)]


def _quantile(sample: Sample, part: float, people: int) -> Sequence[Estimate] | Refusal:
    """Harrell and Davis' (1982) mean of order statistics, which is no single person's value; Woodruff's (1952) ends."""
    order = np.argsort(sample.columns[0], kind="stable")
    ordered, weights = sample.columns[0][order], _weights(len(order), part, people)
    if _rests_on_one(np.bincount(sample.owners[order], weights=weights) ** 2):
        return Refusal(ALONE)
    value = float(weights @ ordered)
    below = (sample.columns[0] <= value).astype(np.float64)
    share, simple = float(below.mean()), part * (1 - part) / len(ordered)
    error, _ = _error((below - share) / len(below), sample)
    spread = share * (1 - share) / len(ordered)
    design = max(error**2 / spread, 1.0) if spread > 0 else len(ordered) / sample.people
    half = float(t.ppf(UPPER, sample.people - 1)) * float(np.sqrt(simple * design))
    lower, upper = (float(_weights(len(order), part + side * half, people) @ ordered) for side in (-1, 1))
    return [Estimate(value=value, lower=lower, upper=upper)]


def _weights(records: int, part: float, people: int) -> Floats:
    """What each order statistic counts for in the quantile as `people` people would give it: a beta distribution."""
    part = min(max(part, 1 / (people + 1)), people / (people + 1))
    places = np.arange(records + 1) / records
    weights = np.diff(betainc((people + 1) * part, (people + 1) * (1 - part), places))
    weights[weights < SMALLEST_WEIGHT * weights.max()] = 0.0
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def _correlation(sample: Sample) -> Sequence[Estimate] | Refusal:
    """Pearson's, its error from the influence of each record (Devlin et al. 1975), its interval by Fisher's z."""
    x, y = ((column - column.mean()) / column.std() for column in sample.columns)
    r = float((x * y).mean())
    if 1 - r * r < EXACT:
        return Refusal(DETERMINED)
    error, alone = _error((x * y - r / 2 * (x**2 + y**2)) / len(x), sample)
    if alone:
        return Refusal(ALONE)
    z = _around(float(np.arctanh(r)), error / (1 - r * r), sample.people - 1)
    return [Estimate(value=r, lower=float(np.tanh(z.lower)), upper=float(np.tanh(z.upper)))]


def _regression(sample: Sample, *, real: bool) -> Sequence[Estimate] | Refusal:
    """Least squares; errors by MacKinnon and White (1985), HC3, which hold whatever the residuals look like."""
    y = sample.columns[0]
    x = np.column_stack(sample.columns[1:])
    centre, scale = x.mean(axis=0), x.std(axis=0)
    design = np.column_stack([np.ones(len(x)), (x - centre) / scale])
    left, singular, right = np.linalg.svd(design, full_matrices=False)
    if singular[-1] < SMALLEST_SINGULAR * singular[0]:
        return Refusal(DETERMINED)
    solve = (right.T / singular) @ left.T
    residual = y - design @ (solve @ y)
    if residual @ residual < EXACT * len(y) * y.var():
        return Refusal(DETERMINED)
    back = np.diag(np.concatenate([[1.0], 1 / scale]))  # from standardized terms to those of the table
    back[0, 1:] = -centre / scale
    solve = back @ solve
    if real and min(_behind(weights, sample) for weights in solve[1:]) < FEWEST_PEOPLE:
        return Refusal(f"a coefficient that rests on fewer than {FEWEST_PEOPLE} people")
    free = np.maximum(1 - (left**2).sum(axis=1), EXACT)
    found = []
    for weights in solve:
        error, alone = _error(weights * residual / free, sample)
        if alone:
            return Refusal(ALONE)
        found.append(_around(float(weights @ y), error, sample.people - len(solve)))
    return found


def _behind(weights: Floats, sample: Sample) -> float:
    """How many people an answer rests on that weighs their records so: the participation ratio of squared weights.

    It is `m` for the difference between the mean of `m` people and that of very many others.
    """
    squares = np.bincount(sample.owners, weights=np.abs(weights)) ** 2
    return float(squares.sum() ** 2 / (squares**2).sum())


_WAYS: Mapping[Function, Callable[[Sample], Sequence[Estimate] | Refusal]] = {
    Function.MEAN: _mean,
    Function.SHARE: _share,
    Function.CORR: _correlation,
}


def _error(influence: Floats, sample: Sample) -> tuple[float, bool]:
    """(the standard error, whether one person has more of its square than all others together)"""
    squares = np.bincount(sample.owners, weights=influence) ** 2
    total, people = float(squares.sum()), len(squares)
    return float(np.sqrt(total * people / (people - 1))), _rests_on_one(squares)


def _rests_on_one(squares: NDArray[np.floating | np.integer]) -> bool:
    """Whether one person's is more than those of all others together."""
    return bool(squares.max() > squares.sum() / 2 > 0)


def _around(value: float, error: float, freedom: int) -> Estimate:
    half = float(t.ppf(UPPER, freedom)) * error
    return Estimate(value=value, lower=value - half, upper=value + half)


def difference(real: Estimate, synthetic: Estimate) -> tuple[float, float]:
    """The 95 % interval of synthetic minus real, from those of both (MOVER, Zou and Donner 2008).

    Of two shares it is Newcombe's (1998). The tables count as independent: what the generator took over from the real
    records belongs to the difference that is asked for.
    """
    middle = synthetic.value - real.value
    down = np.hypot(synthetic.value - synthetic.lower, real.upper - real.value)
    up = np.hypot(synthetic.upper - synthetic.value, real.value - real.lower)
    return float(middle - down), float(middle + up)
