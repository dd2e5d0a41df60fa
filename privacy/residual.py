"""Residual risk: what an attacker gains on people whose records were learnt over people whose records were not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from privacy.estimate import Interval, detectable_difference, wilson
from privacy.finding import Finding, FindingStatus

Values = NDArray[np.float64]

FEWEST = 100
"""With fewer people or guesses per side a residual risk of 5 % is out of reach of any interval."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tries:
    """How often an attack succeeded on train, and the same attack on people whose records were not learnt."""

    hits: int
    n: int
    control_hits: int
    control_n: int

    def __post_init__(self) -> None:
        for hits, n in ((self.hits, self.n), (self.control_hits, self.control_n)):
            if not 0 <= hits <= n:
                raise ValueError(f"expected 0 <= hits <= tries, got {hits} of {n}")

    def thinned(self, design_effect: float) -> Tries:
        """As many independent tries as these are worth: tries that hang together count less (Kish 1965, 8.2)."""
        n, m = int(self.n / design_effect), int(self.control_n / design_effect)
        return Tries(
            hits=min(n, round(self.hits / design_effect)),
            n=n,
            control_hits=min(m, round(self.control_hits / design_effect)),
            control_n=m,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Strata:
    """Tries sorted by how hard they are, and how much each stratum counts.

    Sorting and weights must rest on what is known without the synthetic table and without who was learnt. Then the
    risk of any weighting is 0 without a leak, and f where a share f of the people is given away whoever they are.
    """

    tries: tuple[Tries, ...]
    weights: tuple[float, ...]

    @property
    def together(self) -> Tries:
        """All tries as if there were no strata."""
        hits, n = sum(t.hits for t in self.tries), sum(t.n for t in self.tries)
        control_hits, control_n = sum(t.control_hits for t in self.tries), sum(t.control_n for t in self.tries)
        return Tries(hits=hits, n=n, control_hits=control_hits, control_n=control_n)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Misses:
    """A (weighted) share of misses, and how many independent tries it is worth."""

    share: float
    n: float

    def limits(self, confidence: float) -> Interval:
        return wilson(self.share * self.n, self.n, confidence=confidence)


def residual_risk(tries: Tries | Strata) -> float:
    """(a - c) / (1 - c): the share of what the control missed that the attack got (Giomi et al. 2023, section 3.1).

    0 without a leak, 1 where every attack succeeds, negative where the control does better. Of strata, a and c are the
    weighted means of their rates.
    Raises ValueError where the control never misses: then there is nothing left to learn.
    """
    mine, control = _misses(tries)
    return 1 - mine.share / control.share


def residual_interval(tries: Tries | Strata, *, confidence: float = 0.95) -> Interval:
    """The interval of `residual_risk` for two independent binomial samples, stratified or not, not clipped.

    The risk is one minus a ratio of two proportions, those of the misses. The interval of the ratio is MOVER's (Donner
    & Zou 2012, Statistical Methods in Medical Research 21:347; Zou & Donner 2008 for the method) with Wilson's limits
    for each proportion: x is within where (p - x q)^2 is at most (p - its limit)^2 + x^2 (q - its limit)^2, the limits
    being those that face each other. The ends are written as roots of that quadratic, which also hold where the upper
    limit of the control's misses is more than twice their share. A stratified share has Wilson's limits at its
    effective number of tries (Korn & Graubard 1998, Survey Methodology 24:193; Dean & Pagano 2015 for Wilson's).
    Raises ValueError where the control never misses.
    """
    return _ratio_interval(*_misses(tries), confidence)


def _ratio_interval(one: _Misses, other: _Misses, confidence: float) -> Interval:
    p, q = one.share, other.share
    low_p, high_p = one.limits(confidence)
    low_q, high_q = other.limits(confidence)
    mine, others = low_p * (2 * p - low_p), high_q * (2 * q - high_q)
    below = p * q + _root(p * q, mine, others)
    smallest = mine / below if below > 0 else 0.0
    mine, others = high_p * (2 * p - high_p), low_q * (2 * q - low_q)
    largest = (p * q + _root(p * q, mine, others)) / others
    return 1 - largest, 1 - smallest


def _root(product: float, mine: float, others: float) -> float:
    return float(np.sqrt(max(0.0, product * product - mine * others)))


def _misses(tries: Tries | Strata) -> tuple[_Misses, _Misses]:
    strata = tries if isinstance(tries, Strata) else Strata(tries=(tries,), weights=(1.0,))
    together = strata.together
    if min(together.n, together.control_n) < 1:
        raise ValueError("expected at least one try on each side, got none")
    if together.control_hits == together.control_n:
        raise ValueError(f"expected a control that misses at least once, got {together.control_n} hits")
    weights = np.array(strata.weights) / sum(strata.weights)
    mine = [(t.n - t.hits, t.n) for t in strata.tries]
    control = [(t.control_n - t.control_hits, t.control_n) for t in strata.tries]
    return _weighted(mine, weights), _weighted(control, weights)


def _weighted(counts: Sequence[tuple[int, int]], weights: Values) -> _Misses:
    """The weighted mean of shares, and of how many tries of one stratum its variance would be: p (1 - p) / variance.

    For the variance alone half a miss and half a hit are added to each stratum, so that one without any counts too.
    """
    misses, n = np.array(counts, dtype=np.float64).T
    smooth = (misses + 0.5) / (n + 1)
    variance = float((weights**2 * smooth * (1 - smooth) / n).sum())
    mean = float(weights @ smooth)
    return _Misses(share=min(1.0, float(weights @ (misses / n))), n=max(1.0, mean * (1 - mean) / variance))


def detectable_risk(tries: Tries | Strata) -> float:
    """The smallest residual risk that is told from none with 80 % power, if the control's success rate is right."""
    return _detectable(*_misses(tries))


def _detectable(mine: _Misses, control: _Misses) -> float:
    found = detectable_difference(1 - control.share, max(1, round(mine.n)), max(1, round(control.n)))
    return min(1.0, found / control.share)


def risk_finding(
    attack: str,
    statistic: str,
    tries: Tries | Strata,
    *,
    threat: str,
    note: str = "",
    details: Mapping[str, float] | None = None,
    design_effect: float = 1.0,
) -> Finding:
    """The finding of one attack; `design_effect` thins tries without strata for the interval.

    Not applicable, with the reason, where fewer than FEWEST tries are left or the control always succeeds.
    """
    worth = tries.thinned(design_effect) if isinstance(tries, Tries) else tries
    every = tries if isinstance(tries, Tries) else tries.together
    left = worth if isinstance(worth, Tries) else worth.together
    if min(left.n, left.control_n) < FEWEST:
        return not_applicable(attack, statistic, threat, f"There are fewer than {FEWEST} tries on train or holdout.")
    if left.control_hits == left.control_n:
        reason = "The attack always succeeds on people whose records were not learnt, so there is nothing left to gain."
        return not_applicable(attack, statistic, threat, reason)
    lower, upper = residual_interval(worth)
    return Finding(
        attack=attack,
        statistic=statistic,
        value=residual_risk(worth),
        baseline=0.0,
        lower=lower,
        upper=upper,
        n=every.n,
        threat=threat,
        minimum_detectable=detectable_risk(worth),
        note=note,
        details={
            "success_on_train": every.hits / every.n,
            "success_on_holdout": every.control_hits / every.control_n,
            **(details or {}),
        },
    )


def mean_risk(train: Values, holdout: Values, *, confidence: float = 0.95) -> tuple[float, Interval]:
    """The residual risk of scores in [0, 1], each the share of one person's record that was got, and its interval.

    With the mean scores a of train and c of holdout it is (a - c) / (1 - c). The interval is that of
    `residual_interval`, each mean being worth as many tries as give a proportion its variance. Scores of different
    people must be independent. Measured coverage of the 95 % interval: 95 % for scores that vary within (0, 1) from 100
    a side, 94 % or more where each is 0 or 1.
    Raises ValueError where nobody of holdout misses anything.
    """
    mine, control = _missed(train), _missed(holdout)
    if control.share <= 0:
        raise ValueError(f"expected a control that misses at least once, got {len(holdout)} full scores")
    return 1 - mine.share / control.share, _ratio_interval(mine, control, confidence)


def _missed(scores: Values) -> _Misses:
    """For the variance alone half a score of 0 and half a score of 1 are added, so that equal scores have one too."""
    missed = 1 - scores
    padded = np.append(missed, [0.0, 1.0])
    weights = np.append(np.ones(len(missed)), [0.5, 0.5])
    mean = float(np.average(padded, weights=weights))
    variance = float(np.average((padded - mean) ** 2, weights=weights)) / len(missed)
    return _Misses(share=float(missed.mean()), n=max(1.0, mean * (1 - mean) / variance))


def mean_risk_finding(
    attack: str, statistic: str, train: Values, holdout: Values, *, threat: str, note: str = ""
) -> Finding:
    """The finding of an attack that scores each person in [0, 1]; not applicable where nothing is left to gain."""
    if min(len(train), len(holdout)) < FEWEST:
        return not_applicable(attack, statistic, threat, f"There are fewer than {FEWEST} people in train or holdout.")
    try:
        value, (lower, upper) = mean_risk(train, holdout)
    except ValueError:
        reason = "The attack always succeeds on people whose records were held out, so nothing is left to gain."
        return not_applicable(attack, statistic, threat, reason)
    return Finding(
        attack=attack,
        statistic=statistic,
        value=value,
        baseline=0.0,
        lower=lower,
        upper=upper,
        n=len(train),
        threat=threat,
        minimum_detectable=_detectable(_missed(train), _missed(holdout)),
        note=note,
        details={"mean_on_train": float(train.mean()), "mean_on_holdout": float(holdout.mean())},
    )


def of_a_part(finding: Finding, seen: int, synthetic: int) -> Finding:
    """What an attack says of a table of `synthetic` records that looked at `seen` of them, drawn at random.

    Whoever is given away by a single record is given away to this attack only where it saw that one. So a leak may be
    as many times larger as the table is: the upper end and the smallest leak that would be seen grow by that factor.
    Value and lower end are what was found, which is there at least. Where it saw all, the finding comes back as it is.
    """
    if seen >= synthetic or finding.upper is None or finding.minimum_detectable is None:
        return finding
    times, baseline = synthetic / seen, finding.baseline or 0.0
    note = (
        f"The attack saw {seen:,} of {synthetic:,} synthetic records, drawn at random, so that share of a leak through "
        f"single records. Upper end and smallest detectable leak are {times:.3g} times those of that part."
    )
    return replace(
        finding,
        upper=max(finding.upper, min(1.0, baseline + times * (finding.upper - baseline))),
        minimum_detectable=min(1.0, baseline + times * (finding.minimum_detectable - baseline)),
        note=f"{finding.note} {note}".strip(),
        details={**finding.details, "synthetic_seen": float(seen), "synthetic_records": float(synthetic)},
    )


def not_applicable(attack: str, statistic: str, threat: str, reason: str) -> Finding:
    """The finding that says why there is no figure."""
    return Finding(attack=attack, statistic=statistic, status=FindingStatus.NOT_APPLICABLE, threat=threat, note=reason)
