"""Exact intervals for how many training people an attack finds beyond what it finds of held-out people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from privacy.estimate import POWER, Interval

Scores = NDArray[np.float64]

LEVEL = 0.05
"""Two-sided: intervals are of 95 %."""
IN_VIEW = 0.999
"""How sure noise at one threshold stays in view. More than 99 %, for the upper end is the largest over thresholds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Excess:
    """How many training people are found beyond chance, as a share of all training people."""

    value: float
    lower: float
    upper: float
    rank: int
    """The threshold behind `value`: the score of the held-out person with this rank, 1 being the highest score. 0 where
    all people who were found count."""
    found: int
    """Training people above that threshold."""
    chance: float
    """How many would be above it by chance alone, on average."""
    detectable: float
    """The smallest share that has a lower end above 0 in 80 % of repetitions."""


def found_more(found: int, n: int, control_found: int, control_n: int, *, level: float = LEVEL) -> Interval:
    """The interval of the share of people who were found because of a leak, by inverting an exact test.

    Model: M of the n people are found because of a leak. The others are found as often as the control is, so given
    their total their count is hypergeometric (Fisher's exact test). The interval holds each M that the test does not
    reject at `level`, divided by n; a negative M is a leak of the control's people, divided by control_n.
    """
    lower = _fewest(found, n, control_found, control_n, level / 2)
    upper = _most(found, n, control_found, control_n, level / 2)
    low = lower / n if lower > 0 else -_most(control_found, control_n, found, n, level / 2) / control_n
    high = upper / n if upper >= 0 else -_fewest(control_found, control_n, found, n, level / 2) / control_n
    return low, high


def _fewest(found: int, n: int, control_found: int, control_n: int, tail: float) -> int:
    """The smallest M of 0..found that explains so many found."""
    low, high = 0, found
    while low < high:
        m = (low + high) // 2
        above = 1 - _hypergeometric(found - m - 1, n + control_n - m, found + control_found - m, n - m)
        low, high = (low, m) if above > tail else (m + 1, high)
    return low


def _most(found: int, n: int, control_found: int, control_n: int, tail: float) -> int:
    """The largest M of 0..found that explains so few found, or -1 if even 0 does not."""
    low, high = -1, found
    while low < high:
        m = (low + high + 1) // 2
        below = _hypergeometric(found - m, n + control_n - m, found + control_found - m, n - m)
        low, high = (m, high) if below > tail else (low, m - 1)
    return low


def _hypergeometric(most: int, population: int, marked: int, draws: int) -> float:
    """The probability that at most `most` of the draws, without replacement, are marked."""
    k = np.arange(max(0, draws + marked - population), min(most, marked, draws) + 1)
    log_p = _choose(marked, k) + _choose(population - marked, draws - k) - _choose(population, draws)
    return min(1.0, float(np.exp(log_p).sum()))


def _choose(n: int | Scores | NDArray[np.integer], k: int | NDArray[np.integer]) -> NDArray[np.float64]:
    """The logarithm of the binomial coefficient."""
    chosen: NDArray[np.float64] = gammaln(np.add(n, 1.0)) - gammaln(np.add(k, 1.0)) - gammaln(np.subtract(n, k) + 1.0)
    return chosen


def ranks_within(sight: float, n: int, control_n: int) -> tuple[int, ...]:
    """Up to three ranks of the held-out people to use as thresholds: 1, and wider ones.

    The widest is the largest whose noise still leaves a limit of `sight` (a share of the n people) in view: without a
    leak the upper end lies within it in 99 % of audits or more. It is at most twice `sight` of the held-out people, so
    that in large tables, too, it speaks of few. The sizes alone decide, so no choice depends on data.
    """
    low, high = 1, max(1, int(2 * sight * control_n))
    while low < high:
        middle = (low + high + 1) // 2
        if _reach(middle, n, control_n) <= sight * n:
            low = middle
        else:
            high = middle - 1
    return tuple(sorted({1, max(1, round(low**0.5)), low}))


def _reach(rank: int, n: int, control_n: int) -> int:
    return _quantile(rank, n, control_n, IN_VIEW) - _quantile(rank, n, control_n, LEVEL / 2)


def above_control(
    ours: Scores,
    control: Scores,
    ranks: Sequence[int],
    rng: np.random.Generator,
    *,
    floor: float,
    level: float = LEVEL,
) -> Excess:
    """How many of `ours` score above the control's person of each rank, less what chance does.

    Without a leak the two sides are exchangeable, so the number of ours above the control's r-th highest score is
    negative hypergeometric, whatever the scores are. The interval shifts that distribution by the M people whom a leak
    lifts above the threshold. The lower end, at `level`, is the largest over `ranks`, each at a level divided by their
    number (Bonferroni); `value` and `rank` are those of the rank that gave it. The upper end is the largest over
    `ranks`, since each of them has to be within a limit (Berger 1982). Ties are broken at random. A score at or below
    `floor` means "not found": it never counts as above a threshold, which can only lower the count.
    """
    n, m = len(ours), len(control)
    jitter = rng.random(n + m)
    place = np.empty(n + m, dtype=np.int64)
    place[np.lexsort((jitter, np.concatenate([ours, control])))] = np.arange(n + m)
    ours_at, control_at = place[:n], np.sort(place[n:])[::-1]
    usable, control_usable = ours > floor, int((control > floor).sum())
    tail = level / len(ranks) / 2
    critical = {rank: _quantile(rank, n, m, 1 - tail) for rank in ranks}
    detectable = min((critical[rank] + 1 - _quantile(rank, n, m, 1 - POWER)) / n for rank in ranks)
    best: Excess | None = None
    upper = -1.0
    for rank in ranks:
        found = int((usable & (ours_at > control_at[rank - 1])).sum())
        chance = rank * n / (m + 1) if control_usable >= rank else control_usable * n / m
        others = n - max(0, round(found - chance))
        spare = _quantile(rank, others, m, LEVEL / 2) if control_usable >= rank else 0
        upper = max(upper, (found - spare) / n)
        one = Excess(
            value=(found - chance) / n,
            lower=(found - critical[rank]) / n,
            upper=upper,
            rank=rank,
            found=found,
            chance=chance,
            detectable=min(1.0, detectable),
        )
        best = one if best is None or one.lower > best.lower else best
    if best is None:
        raise ValueError("expected at least one rank, got none")
    return replace(best, upper=max(upper, best.value))


def _quantile(rank: int, n: int, m: int, share: float) -> int:
    """The `share` quantile of how many of n people score above the r-th highest of m others, all exchangeable.

    Negative hypergeometric (Johnson, Kemp & Kotz 2005, section 6.2.2).
    """
    if n == 0:
        return 0
    ratio = n / m
    most = min(n, int(ratio * rank + 12 * np.sqrt(ratio * (1 + ratio) * rank) + 40 * (1 + ratio)))
    t = np.arange(most + 1)
    log_p = _choose(t + rank - 1, t) + _choose(n - t + m - rank, n - t) - _choose(n + m, n)
    return min(most, int(np.searchsorted(np.cumsum(np.exp(log_p)), share - 1e-9)))
