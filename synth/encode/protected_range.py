"""The ends of the range of a quantity: no value of a single person, and hardly moved by outliers."""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import brentq

from synth.encode.ranges import Floats
from synth.people import People


def protected_range(x: Floats, who: People, min_count: int, decimals: int | None) -> tuple[float, float]:
    """The ends of a range: nobody's own value, and hardly moved by outliers (`protected_end`).

    Where there are too few people for two ends both are the middle.
    """
    if len(x) == 0:
        return 0.0, 0.0
    _, person = np.unique(who, return_inverse=True)
    n = int(person.max()) + 1
    if n < people_for_range(min_count):
        means = np.sort(np.bincount(person, x) / np.bincount(person))
        begin = (n - min_count) // 2
        middle = mean_of(means[begin : begin + min_count], decimals)
        return middle, middle
    least, most = np.full(n, np.inf), np.full(n, -np.inf)
    np.minimum.at(least, person, x)
    np.maximum.at(most, person, x)
    low = 0.0 - protected_end(np.sort(-least)[::-1], min_count, decimals)
    high = protected_end(np.sort(most)[::-1], min_count, decimals)
    return min(low, high), max(low, high)


def protected_end(outermost: Floats, min_count: int, decimals: int | None) -> float:
    """The upper end of a range, given the descending values of at least `people_for_range` people.

    It is the mean over the outermost `min_count` people, each capped where the outermost of all is to be expected
    (`expected_end`). So no single person moves it by more than their share of that cap.
    """
    expected = expected_end(outermost[min_count - 1 :], min_count)
    end = mean_of(np.minimum(outermost[:min_count], expected), None)
    if decimals is None or np.count_nonzero(outermost == end) >= min_count:
        return end
    # moved off the grid of the values, where it would be somebody's value; what is emitted is rounded anyway
    unit = 10.0**-decimals
    return end - unit / 2 if abs(end / unit - round(end / unit)) < 1e-6 else end


def expected_end(tail: Floats, min_count: int) -> float:
    """Where the outermost of all people is to be expected, given the descending values from the `min_count`-th on.

    The tail of a distribution is nearly a generalised Pareto one (Pickands 1975), whose value at rank r from the top
    is a + s (r^-k - 1) / k. Three groups of neighbours give a, s and k in [-1, 1]; the median of the outermost has rank
    ln 2. Where there are too few people for three groups it is the mean of the first.
    """
    ranks = np.arange(min_count, min_count + len(tail))
    groups = [slice(0, min_count), slice(2 * min_count, 4 * min_count), slice(8 * min_count, 16 * min_count)]
    first = mean_of(tail[groups[0]], None)
    if len(tail) < groups[-1].stop:
        return first
    (near, middle, far), at = (np.array([part[g].mean() for g in groups]) for part in (tail, ranks))
    if not near > middle > far:
        return first

    def height(rank: Floats | float, shape: float) -> Floats:
        return -np.log(rank) if abs(shape) < 1e-6 else (np.power(rank, -shape) - 1) / shape

    def steepness(shape: float) -> float:
        heights = height(at, shape)
        return float((heights[0] - heights[1]) / (heights[1] - heights[2]))

    wanted = np.clip((near - middle) / (middle - far), steepness(-1.0), steepness(1.0))
    shape = float(brentq(lambda k: steepness(k) - wanted, -1.0, 1.0))
    heights = height(at, shape)
    scale = (near - middle) / (heights[0] - heights[1])
    return float(near + scale * (height(math.log(2), shape) - heights[0]))


def people_for_range(min_count: int) -> int:
    """The fewest people for whom the lower end of a protected range lies below the upper one."""
    return 4 * min_count - 3


def mean_of(values: Floats, decimals: int | None) -> float:
    """The mean, rounded to so many decimals; of equal values exactly that value, whatever their sum is rounded to."""
    mean = float(np.clip(values.mean(), values.min(), values.max()))
    return mean if decimals is None else round(mean, decimals)
