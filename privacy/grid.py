"""Where the values of a numeric column can lie, and what of other numbers is chance to be equal to one of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_DECIMALS = 9
DAY = 864e8
"""Microseconds."""
NEAR = 1e-8
"""Numbers so near to one another, in parts of them, may be the same to nine digits."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """The middle 98 % of a column's values, and the points between them at as many decimals as the values have."""

    low: float
    high: float
    step: float

    @staticmethod
    def of(values: Numbers, *, dates: bool) -> Grid:
        """The grid of a column's values, dates in microseconds; NaN and infinity are left out."""
        values = values[np.isfinite(values)]
        low, high = np.quantile(values, [0.01, 0.99]) if len(values) else (0.0, 0.0)
        decimals = next((d for d in range(MOST_DECIMALS) if (np.round(values, d) == values).all()), MOST_DECIMALS)
        days = dates and bool((values % DAY == 0).all())
        return Grid(low=float(low), high=float(high), step=DAY if days else 10.0**-decimals)

    def chance(self, numbers: Numbers) -> float:
        """How likely distinct numbers hit a value of the column: how many are points, by how many points there are."""
        return self._points(numbers, self.low, self.high) / ((self.high - self.low) / self.step + 1)

    def telling(self, value: float, array: Numbers, improbable: float) -> list[float]:
        """The numbers of an array that are all but `value`, where that is not chance.

        It may be where at least the share `improbable` of the points about the value, from half of it to half as much
        again, are in the array: the places of a model's nodes are. But an end of the array, or of one of its rows or
        columns, always counts.
        """
        near = np.abs(array - value) <= NEAR * abs(value)
        if not near.any():
            return []
        reach = abs(value) / 2
        points = self._points(np.unique(array), value - reach, value + reach)
        if points >= improbable * (2 * reach / self.step + 1):
            near &= _ends_of(array)
        found: list[float] = array[near].tolist()
        return found

    def _points(self, numbers: Numbers, low: float, high: float) -> int:
        """How many of the numbers are points between two values."""
        on_grid = np.abs(numbers / self.step - np.round(numbers / self.step)) < 1e-6
        return int((on_grid & (numbers >= low) & (numbers <= high)).sum())


def _ends_of(array: Numbers) -> NDArray[np.bool_]:
    """Where the smallest and the largest numbers stand of each row and column; those of an array of one dimension."""
    finite = np.isfinite(array)
    low, high = np.where(finite, array, np.inf), np.where(finite, array, -np.inf)
    found = np.zeros(array.shape, dtype=np.bool_)
    for axis in range(array.ndim):
        found |= (array == low.min(axis, keepdims=True)) | (array == high.max(axis, keepdims=True))
    return found
