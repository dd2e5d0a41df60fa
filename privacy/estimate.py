"""Intervals and tests that the attacks share. Pure functions; every formula names its source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, binom, norm

from synth.fidelity.delong import Auc, auc_interval

__all__ = [
    "Auc",
    "Interval",
    "auc_interval",
    "clopper_pearson",
    "detectable_auc",
    "detectable_difference",
    "detectable_exclusive",
    "exclusive_excess",
    "holm",
    "newcombe",
    "permutation_p",
    "rate_at",
    "upper_tail_p",
    "wilson",
]

Interval = tuple[float, float]
Values = NDArray[np.float64]

POWER = 0.8
"""A leak counts as detectable if a repetition of the audit would see it with this probability."""


def _z(confidence: float) -> float:
    return float(norm.ppf(0.5 + confidence / 2))


def _check_count(hits: float, n: float) -> None:
    if n < 1 or not 0 <= hits <= n:
        raise ValueError(f"expected 0 <= hits <= n and n >= 1, got {hits} of {n}")


def wilson(hits: float, n: float, *, confidence: float = 0.95) -> Interval:
    """The score interval of a proportion (Wilson 1927; Brown, Cai & DasGupta 2001, eq. 4).

    Counts may be effective ones, divided by a design effect, and so need not be whole.
    """
    _check_count(hits, n)
    return _wilson(hits / n, n, _z(confidence))


def _wilson(p: float, n: float, z: float) -> Interval:
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * float(np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)))
    return (0.0 if p <= 0 else centre - reach, 1.0 if p >= 1 else centre + reach)


def clopper_pearson(hits: float, n: float, *, confidence: float = 0.95) -> Interval:
    """The exact interval of a proportion (Clopper & Pearson 1934), by quantiles of the beta distribution.

    Counts may be effective ones, divided by a design effect (Korn & Graubard 1998), and so need not be whole.
    """
    _check_count(hits, n)
    tail = (1 - confidence) / 2
    lower = 0.0 if hits <= 0 else float(beta.ppf(tail, hits, n - hits + 1))
    upper = 1.0 if hits >= n else float(beta.ppf(1 - tail, hits + 1, n - hits))
    return lower, upper


def newcombe(hits: int, n: int, control_hits: int, control_n: int, *, confidence: float = 0.95) -> Interval:
    """The interval of the difference of two independent proportions (Newcombe 1998, method 10)."""
    p, q = hits / n, control_hits / control_n
    low_p, high_p = wilson(hits, n, confidence=confidence)
    low_q, high_q = wilson(control_hits, control_n, confidence=confidence)
    lower = p - q - float(np.hypot(p - low_p, high_q - q))
    upper = p - q + float(np.hypot(high_p - p, q - low_q))
    return lower, upper


def exclusive_excess(hits: float, control_hits: float, n: float, *, scale: float, confidence: float = 0.95) -> Interval:
    """The interval of p - scale * q, where of the same n draws a part p hits and another part q hits the control.

    MOVER with Wilson's limits (Zou & Donner 2008, eq. 9; Newcombe 1998, Statistics in Medicine 17:2635, method 10, for
    scale 1). No draw hits both, so the two shares are correlated negatively; phi is that of the two-by-two table.
    Counts may be effective ones, divided by a design effect, and so need not be whole.
    """
    if not (n > 0 and hits >= 0 and control_hits >= 0 and hits + control_hits <= n * (1 + 1e-12)):
        raise ValueError(f"expected hits and control hits within n draws, got {hits} and {control_hits} of {n}")
    z, p, q = _z(confidence), hits / n, control_hits / n
    (low_p, high_p), (low_q, high_q) = _wilson(p, n, z), _wilson(q, n, z)
    misses = (1 - p) * (1 - q)
    phi = -float(np.sqrt(p * q / misses)) if misses > 0 else 0.0
    down, up = (p - low_p, scale * (high_q - q)), (high_p - p, scale * (q - low_q))
    lower, upper = (float(np.sqrt(max(0.0, a * a - 2 * phi * a * b + b * b))) for a, b in (down, up))
    return p - scale * q - lower, p - scale * q + upper


def detectable_auc(n: int, m: int) -> float:
    """The smallest AUC that a two-sided 5 % test tells from one half with 80 % power.

    Standard error under no leak: sqrt((n + m + 1) / (12 n m)) (Mann & Whitney 1947).
    """
    error = float(np.sqrt((n + m + 1) / (12 * n * m)))
    return min(1.0, 0.5 + (_z(0.95) + float(norm.ppf(POWER))) * error)


def detectable_difference(rate: float, n: int, m: int) -> float:
    """The smallest excess over a background rate that is told from none with 80 % power, by the normal approximation.

    Never below what lifts the interval of `newcombe` off 0 where there is no background at all.
    """
    error = float(np.sqrt(rate * (1 - rate) * (1 / n + 1 / m)))
    fewest = next((hits for hits in range(1, n) if newcombe(hits, n, 0, m)[0] > 0), n)
    return max((_z(0.95) + float(norm.ppf(POWER))) * error, fewest / n)


def detectable_exclusive(rate: float, n: int, *, scale: float) -> float:
    """The same for `exclusive_excess`, of one sample of n draws with a background `rate` of control hits."""
    error = float(np.sqrt(rate * scale * (1 + scale) / n))
    fewest = next((hits for hits in range(1, n) if exclusive_excess(hits, 0, n, scale=scale)[0] > 0), n)
    return min(1.0, max((_z(0.95) + float(norm.ppf(POWER))) * error, fewest / n))


def upper_tail_p(value: float, lower: float, limit: float) -> float:
    """The one-sided p value of "the true value is at most `limit`", read off a 95 % interval.

    The interval's lower arm, value - lower, is taken as 1.96 standard errors; the p value is then .025 exactly where
    the lower end touches the limit, so that the test and the printed interval never disagree.
    """
    arm = value - lower
    if arm <= 0:
        return 0.0 if value > limit else 1.0
    return float(norm.sf((value - limit) / (arm / _z(0.95))))


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """A true-positive rate at a false-positive rate, and its interval."""

    value: float
    lower: float
    upper: float
    threshold: float
    """The score that a person must exceed to be called a member."""


def rate_at(members: Values, others: Values, rate: float, *, design_effect: float = 1.0) -> Rate:
    """The true-positive rate where a share `rate` of the others is called a member, with its 95 % interval.

    The threshold is an order statistic of the others' scores, so the interval has two sources of error: which members
    exceed it (Wilson 1927), and where it lies. The number of others above the true threshold is binomial; the
    true-positive rate at both ends of that binomial's interval says how much the place of the threshold matters. MOVER
    joins the two (Zou & Donner 2008, eq. 9). Measured coverage: 95 to 97 % with 2,000 to 10,000 people a side, rates
    of 1 % and .1 %, and 0 to 50 % of the members copied (`benchmarks/audit.py coverage`).

    Equal scores are put in random order, and the rate is its expectation, as a ROC curve joins the ends of a tie by a
    straight line (Fawcett 2006, section 5). Counts are divided by `design_effect`.
    """
    ranked = np.sort(others)[::-1]
    n, m = len(members) / design_effect, len(others) / design_effect

    def share_above(rank: float) -> float:
        """The share of members above the others' score of this rank, 1 being the highest."""
        place = min(max(int(rank) - 1, 0), len(ranked) - 1)
        score = ranked[place]
        above, tied = int((others > score).sum()), int((others == score).sum())
        within = (place + 1 - above) / (tied + 1)
        return float((members > score).mean() + within * (members == score).mean())

    # Without a leak a share rank / (others + 1) of the members lies above that rank.
    rank = max(1, int(rate * (len(ranked) + 1)))
    value = share_above(rank)
    low, high = wilson(value * n, n)
    strict, lax = (share_above(design_effect * float(binom.ppf(q, round(m), rate))) for q in (0.025, 0.975))
    lower, upper = (
        value - float(np.hypot(value - low, value - strict)),
        value + float(np.hypot(high - value, lax - value)),
    )
    return Rate(value=value, lower=max(0.0, lower), upper=min(1.0, upper), threshold=float(ranked[rank - 1]))


def holm(p_values: Sequence[float], *, level: float) -> tuple[bool, ...]:
    """Which hypotheses are rejected at a family-wise `level` (Holm 1979), in the order given."""
    rejected = [False] * len(p_values)
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        if p_values[index] > level / (len(p_values) - rank):
            break
        rejected[index] = True
    return tuple(rejected)


def permutation_p(observed: float, draws: NDArray[np.float64]) -> float:
    """The one-sided p value of a large `observed` among permuted `draws`: (1 + #{draw >= observed}) / (1 + #draws).

    Phipson & Smyth (2010), eq. 2: counting the observed one keeps the p value above 0 and the test valid.
    """
    return float((1 + int((draws >= observed - 1e-12).sum())) / (1 + len(draws)))
