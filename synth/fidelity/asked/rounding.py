"""Figures rounded to their own noise: what a figure does not know anyway tells nobody's value by subtraction.

The step is 1, 2 or 5 times a power of ten, a tenth to a quarter of half the width of the difference's interval. One
person of `n` moves a mean by (x - mean) / n, and half that interval is at least about two standard errors of the real
mean, 2 sd / sqrt(n).
So two answers on groups that differ by one person, as far from the mean as others are, mostly come out the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from synth.fidelity.asked.estimate import Estimate

PARTS = 4
"""Steps, at least, in half of the interval."""
DOUBLE = 1e-6
"""Of a step: what doubles lose is no reason to go one step further."""
FINEST = 1e-6
"""A step is no finer than this share of the figure. Without noise are medians that lie amid many equal values."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """What is told of one answer."""

    real: float
    synthetic: float
    difference: float
    lower: float
    upper: float


def rounded(real: Estimate, synthetic: Estimate, interval: tuple[float, float]) -> Figures:
    """The figures in steps of their noise, the interval outwards: it is never narrower than it was measured."""
    lower, upper = interval
    size = max(abs(real.value), abs(synthetic.value))
    step, places = _step(max((upper - lower) / (2 * PARTS), size * FINEST) or 1.0)
    ours, theirs = (round(each.value / step) for each in (real, synthetic))
    return Figures(
        real=round(ours * step, places),
        synthetic=round(theirs * step, places),
        difference=round((theirs - ours) * step, places),
        lower=round(math.floor(lower / step + DOUBLE) * step, places),
        upper=round(math.ceil(upper / step - DOUBLE) * step, places),
    )


def _step(most: float) -> tuple[float, int]:
    """(the largest of 1, 2 and 5 times a power of ten that is no larger, the decimal places that it has)"""
    power = math.floor(math.log10(most))
    first = next(digit for digit in (5, 2, 1) if digit * 10.0**power <= most * (1 + 1e-9) or digit == 1)
    return first * 10.0**power, -power
