"""How a column differs from the same column of train: what is missing, what is unknown, what lies elsewhere."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, chi2_contingency, fisher_exact, ks_2samp

Values = NDArray[np.float64]
Labels = NDArray[np.object_]
T = TypeVar("T")

FEWEST_VALUES = 30
ELSEWHERE = 0.1
"""A value lies elsewhere if, rank for rank, train's is farther off than this part of train's spread."""
QUANTILES = np.linspace(0.005, 0.995, 199)
COMMON, FEWEST_COMMON = 0.01, 10
"""Categories that a smaller share of train holds, or fewer records, are taken together, else a small table would differ
by the rare ones alone."""
MILLISECOND = 1e3
DATE_GRAINS = tuple(MILLISECOND * 1e3 * s for s in (86_400, 43_200, 3_600, 1_800, 900, 600, 300, 60, 30, 10, 1))
NUMBER_GRAINS = tuple(10.0**power for power in range(6, -7, -1))
COLLAPSED, VARIED = 0.9, 0.5
"""A column nearly all of one value, where train's has none that is so frequent, is a poor generator's, not miscoded."""
FEWEST_DIFFERENT = 10
ON_GRAIN = 0.999
MOST_STEPS = 1e9
"""Beyond, a double cannot tell whether a value is a whole number of steps."""
SAME_OFFSET = 0.9


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """How much of a column differs, from 0 to 1, and the p value of no difference at all."""

    value: float
    p_value: float = 1.0


def missing(blank: NDArray[np.bool_], train: NDArray[np.bool_]) -> Difference:
    """The difference of the shares that are missing (Fisher's exact test)."""
    a, b = int(blank.sum()), int(train.sum())
    p_value = float(fisher_exact(np.array([[a, len(blank) - a], [b, len(train) - b]])).pvalue)
    return Difference(value=abs(a / len(blank) - b / len(train)), p_value=p_value)


def elsewhere(values: Values, train: Values) -> Difference:
    """The share of a numeric column that lies elsewhere than train's: the smaller of two distances from 0 to 1.

    The Kolmogorov-Smirnov distance alone calls a spike at zero moved by next to nothing a difference of everything;
    the share of quantiles that lie more than ELSEWHERE of train's spread (1st to 99th percentile) from train's alone
    does so for a wrong shape. Only where both are large the numbers have nothing to do with train's. The p value is
    that of the Kolmogorov-Smirnov test.
    """
    if min(len(values), len(train)) < FEWEST_VALUES or _is_collapsed(values, train):
        return Difference(value=0.0)
    ours, theirs = np.quantile(values, QUANTILES), np.quantile(train, QUANTILES)
    moved = float((np.abs(ours - theirs) > ELSEWHERE * spread(train)).mean())
    test = ks_2samp(values, train, method="asymp")
    return Difference(value=min(moved, float(test.statistic)), p_value=float(test.pvalue))


def _is_collapsed(values: Values, train: Values) -> bool:
    """Whether nearly all values are one and the same within train's range, and train's are not."""
    ours, theirs = Counter(values.tolist()), Counter(train.tolist())
    inside = float(train.min()) <= ours.most_common(1)[0][0] <= float(train.max())
    return inside and _most_frequent(ours) >= COLLAPSED and _most_frequent(theirs) < VARIED


def _most_frequent(counts: Counter[T]) -> float:
    return max(counts.values(), default=0) / max(1, counts.total())


def spread(values: Values) -> float:
    """From the 1st to the 99th percentile; the range, the size or 1 where that is 0. Finite values only."""
    low, high = np.quantile(values, [0.01, 0.99])
    return float(high - low) or float(values.max() - values.min()) or float(np.abs(values).max()) or 1.0


def how_moved(values: Values, train: Values) -> str:
    """What seems to have become of a numeric column that lies elsewhere: mirrored, other units, shifted."""
    ours, theirs = np.quantile(values, QUANTILES), np.quantile(train, QUANTILES)
    upright, mirrored = _likeness(ours, theirs), _likeness(-ours[::-1], theirs)
    times = float(np.ptp(ours)) / (float(np.ptp(theirs)) or 1.0)
    if mirrored > upright + 0.02 and mirrored > 0.9 and 0.5 < times < 2:
        return "they look mirrored"
    if upright > 0.9 and not 2 / 3 <= times <= 1.5:
        return f"they look like train's in other units, with {times:.2g} times its spread"
    if upright > 0.9:
        return "they look shifted"
    return "other units or another quantity"


def _likeness(ours: Values, theirs: Values) -> float:
    if np.ptp(ours) == 0 or np.ptp(theirs) == 0:
        return 0.0
    return float(np.corrcoef(ours, theirs)[0, 1])


def unknown(labels: Labels, known: frozenset[str], *, expected: float) -> Difference:
    """The share of categories that nobody among the people has, beyond what is `expected` (exact binomial test)."""
    if len(labels) == 0:
        return Difference(value=0.0)
    hits = sum(label not in known for label in labels.tolist())
    return Difference(
        value=max(0.0, hits / len(labels) - expected), p_value=float(binom.sf(hits - 1, len(labels), expected))
    )


def unseen(labels: Labels) -> float:
    """How likely a further record has a category that none of these has: the share of those that occur once.

    Good (1953), eq. 9, after Turing.
    """
    return sum(count == 1 for count in Counter(labels.tolist()).values()) / max(1, len(labels))


def frequencies(labels: Labels, train: Labels) -> Difference:
    """The total variation between categories' shares, rare ones taken together (chi-squared test)."""
    ours, theirs = Counter(labels.tolist()), Counter(train.tolist())
    if min(len(labels), len(train)) < FEWEST_VALUES or _most_frequent(ours) >= COLLAPSED > VARIED > _most_frequent(
        theirs
    ):
        return Difference(value=0.0)
    common = [name for name, count in theirs.items() if count >= max(FEWEST_COMMON, COMMON * len(train))]
    table = np.array([[*(counts[name] for name in common), 0] for counts in (ours, theirs)], dtype=np.float64)
    table[:, -1] = np.array([len(labels), len(train)]) - table.sum(axis=1)
    table = table[:, table.sum(axis=0) > 0]
    shares = table / table.sum(axis=1, keepdims=True)
    p_value = float(chi2_contingency(table).pvalue) if table.shape[1] > 1 else 1.0
    return Difference(value=float(np.abs(shares[0] - shares[1]).sum() / 2), p_value=p_value)


@dataclass(frozen=True, kw_only=True, slots=True)
class Grain:
    """The step of which all values of a column are whole multiples: full minutes, whole numbers, two decimals."""

    step: float

    @staticmethod
    def of(train: Values, *, dates: bool) -> Grain | None:
        """The coarsest step that train keeps to, or None where it keeps to none or has too few different values."""
        if len(np.unique(train[:1_000])) < FEWEST_DIFFERENT:
            return None
        for step in DATE_GRAINS if dates else NUMBER_GRAINS:
            grain = Grain(step=step)
            if np.abs(train).max() / step <= MOST_STEPS and grain.off(train) <= 1 - ON_GRAIN:
                return grain
        return None

    def off(self, values: Values) -> float:
        """The share of values that are no multiples of the step."""
        return float((self._offsets(values) > 1e-6).mean()) if len(values) else 0.0

    def difference(self, values: Values) -> Difference:
        """The share that is off, and how likely it is if as many are as train may have (exact binomial test)."""
        share = self.off(values)
        p_value = binom.sf(round(share * len(values)) - 1, len(values), 1 - ON_GRAIN)
        return Difference(value=share, p_value=float(p_value))

    def is_shifted(self, values: Values) -> bool:
        """Whether next to all values are off by the same amount."""
        counts = np.unique(np.round(self._offsets(values), 5), return_counts=True)[1]
        return bool(counts.max(initial=0) >= SAME_OFFSET * len(values))

    def _offsets(self, values: Values) -> Values:
        steps = values / self.step
        return np.abs(steps - np.round(steps))
