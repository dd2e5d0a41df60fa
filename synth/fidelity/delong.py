"""The area under the ROC curve with DeLong's interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, rankdata


@dataclass(frozen=True, kw_only=True, slots=True)
class Auc:
    """An AUC, its standard error and the two-sided interval at the confidence asked for."""

    value: float
    error: float
    lower: float
    upper: float


def auc_interval(positives: ArrayLike, negatives: ArrayLike, *, confidence: float = 0.95) -> Auc:
    """The AUC of scores of positives against scores of negatives (ties count one half), with DeLong's interval.

    Variance: DeLong, DeLong & Clarke-Pearson (1988), eq. 5, by the midranks of Sun & Xu (2014), algorithm 2. The
    estimate of the variance is 0 where the two groups are fully separated or fully tied, so the standard error is
    never taken below half a record's weight, 1 / (2 min(m, n)). The interval is clipped to [0, 1].
    Raises ValueError if a side is empty or holds a score that is not a number.
    """
    pos, neg = np.asarray(positives, dtype=np.float64), np.asarray(negatives, dtype=np.float64)
    m, n = len(pos), len(neg)
    if m == 0 or n == 0:
        raise ValueError(f"expected at least one score on each side, got {m} and {n}")
    if np.isnan(pos).any() or np.isnan(neg).any():
        raise ValueError("expected scores that are numbers, got NaN among them")
    joint = rankdata(np.concatenate([pos, neg]))
    above: NDArray[np.float64] = (joint[:m] - rankdata(pos)) / n
    below: NDArray[np.float64] = 1.0 - (joint[m:] - rankdata(neg)) / m
    value = float(above.mean())
    variance = (float(above.var(ddof=1)) / m if m > 1 else 0.25) + (float(below.var(ddof=1)) / n if n > 1 else 0.25)
    error = max(float(np.sqrt(variance)), 0.5 / min(m, n))
    reach = float(norm.ppf(0.5 + confidence / 2)) * error
    return Auc(value=value, error=error, lower=max(0.0, value - reach), upper=min(1.0, value + reach))
