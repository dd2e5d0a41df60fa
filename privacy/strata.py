"""How many of the values found in a file chance does not explain: exact tests of counts in several strata."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln
from scipy.stats import norm

Probabilities = NDArray[np.float64]

MOST_EXACT = 3000
"""Above so many found values the normal approximation takes the place of the sum of exact distributions."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stratum:
    """Things that are alike but for their side: how many train and holdout have, and how many of them are found."""

    train: int
    train_found: int
    holdout: int
    holdout_found: int

    def without(self, hits: int) -> Stratum:
        """The stratum without so many of train's found ones."""
        return Stratum(
            train=self.train - hits,
            train_found=self.train_found - hits,
            holdout=self.holdout,
            holdout_found=self.holdout_found,
        )


def chance_of_as_many(strata: Sequence[Stratum]) -> float:
    """The probability that as many of train's are found as were, or more, if the sides do not matter.

    In each stratum the found ones are then a random sample of all, so train's share of them is hypergeometric (Fisher
    1935); the strata are independent, so their sums are convolved (Mehta, Patel & Gray 1985).
    """
    return _tail(strata, lambda total: total.at_least)


def leaked(strata: Sequence[Stratum], *, confidence: float) -> tuple[int, int]:
    """The two-sided interval of how many of train's found ones chance does not explain.

    L of them leaked if, without them, no more is found of train than of holdout. The interval holds all L that neither
    of the two one-sided tests rejects. The L are taken from the strata in which they count most against the interval's
    end, so that it errs outwards. Where nothing of train is found, nothing leaked: all of train was looked up.
    """
    found = sum(stratum.train_found for stratum in strata)
    level = (1 - confidence) / 2
    by_share = sorted(strata, key=lambda s: s.train / max(1, s.train + s.holdout))

    def too_few(hits: int) -> bool:
        return _tail(_taken(by_share, hits), lambda total: total.at_least) <= level

    def too_many(hits: int) -> bool:
        return _tail(_taken(by_share[::-1], hits), lambda total: total.at_most) <= level

    lower = _first(0, found, lambda hits: not too_few(hits))
    upper = found - _first(0, found, lambda fewer: not too_many(found - fewer))
    return lower, max(lower, upper)


def detectable(strata: Sequence[Stratum], *, level: float) -> int | None:
    """How many of train's must be found, beside what is found of holdout, to reject chance; None where all do not."""
    most = sum(stratum.train for stratum in strata)

    def rejects(hits: int) -> bool:
        return _tail(_found(strata, hits), lambda total: total.at_least) <= level

    if not rejects(most):
        return None
    enough = 8
    while enough < most and not rejects(enough):
        enough *= 2
    return _first(0, min(enough, most), rejects)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Total:
    """The distribution of how many of train's are found, from `start` on, and how many were."""

    chances: Probabilities
    start: int
    observed: int

    @property
    def at_least(self) -> float:
        return float(self.chances[max(0, self.observed - self.start) :].sum())

    @property
    def at_most(self) -> float:
        return float(self.chances[: max(0, self.observed - self.start + 1)].sum())


def _tail(strata: Sequence[Stratum], end: Callable[[_Total], float]) -> float:
    counted = [s for s in strata if s.train_found + s.holdout_found > 0]
    observed = sum(s.train_found for s in counted)
    if sum(s.train_found + s.holdout_found for s in counted) > MOST_EXACT:
        return end(_approximate(counted, observed))
    chances, start = np.ones(1), 0
    for s in counted:
        drawn, everyone = s.train_found + s.holdout_found, s.train + s.holdout
        fewest, most = max(0, drawn - s.holdout), min(drawn, s.train)
        of_train = np.arange(fewest, most + 1)
        likely = _log_choose(s.train, of_train) + _log_choose(s.holdout, drawn - of_train)
        chances = np.convolve(chances, np.exp(likely - _log_choose(everyone, drawn)))
        start += fewest
    return min(1.0, end(_Total(chances=chances, start=start, observed=observed)))


def _log_choose(n: int, k: NDArray[np.intp] | int) -> Probabilities:
    """The logarithm of "n choose k"."""
    log: Probabilities = -betaln(n - np.asarray(k) + 1, np.asarray(k) + 1) - np.log(n + 1)
    return log


def _approximate(strata: Sequence[Stratum], observed: int) -> _Total:
    mean = variance = 0.0
    for s in strata:
        drawn, everyone = s.train_found + s.holdout_found, s.train + s.holdout
        mean += drawn * s.train / everyone
        variance += drawn * s.train * s.holdout * (everyone - drawn) / (everyone**2 * max(1, everyone - 1))
    spread = variance**0.5
    start = int(mean - 12 * spread) - 1
    edges = np.arange(start, int(mean + 12 * spread) + 3) - 0.5
    if spread == 0:
        return _Total(chances=np.ones(1), start=round(mean), observed=observed)
    return _Total(chances=np.diff(norm.cdf((edges - mean) / spread)), start=start, observed=observed)


def _taken(strata: Sequence[Stratum], hits: int) -> list[Stratum]:
    """The strata without so many of train's found ones, taken from the first strata that have some."""
    left, out = hits, []
    for stratum in strata:
        here = min(left, stratum.train_found)
        out.append(stratum.without(here))
        left -= here
    return out


def _found(strata: Sequence[Stratum], hits: int) -> list[Stratum]:
    """The strata with so many of train's found, spread over them by how many train has in each."""
    most = max(1, sum(stratum.train for stratum in strata))
    ends = np.cumsum([0, *(stratum.train for stratum in strata)]) * hits // most
    return [
        Stratum(
            train=stratum.train, train_found=int(found), holdout=stratum.holdout, holdout_found=stratum.holdout_found
        )
        for stratum, found in zip(strata, np.diff(ends), strict=True)
    ]


def _first(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """The smallest number from `low` to `high` from which on it holds; `high` where it holds for none before."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
