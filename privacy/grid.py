"""Where the values of a numeric column can lie, and whether another number equals one of them by chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_DECIMALS = 9
DAY = 864e8
"""Microseconds."""
NEAR = 1e-8
"""Numbers so near to one another, in parts of them, may be the same to nine digits."""

NEIGHBOURS = 20
"""Points of the grid on each side of a number within which others are neighbours."""
MOST_PIECES = 1_000
"""Rows or columns of a table that are looked at one by one, at most."""

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

    def telling(self, value: float, array: Numbers) -> list[float]:
        """The numbers of an array that equal `value` to nine digits, where that is not chance.

        It may be chance where the next numbers below and above lie close by, as the thresholds in a model's trees do. A
        number counts only where it stands by itself: on one side of it there is none within NEIGHBOURS points of the
        grid, or of a grid as coarse as `value` itself. The rows and columns of a table are looked at one by one, too.
        """
        finite = np.isfinite(array)
        near = finite & (np.abs(np.where(finite, array, 0.0) - value) <= NEAR * abs(value))
        if not near.any():
            return []
        reach = NEIGHBOURS * max(self.step, coarseness(value))
        alone = any(self._alone(value, piece, reach) for piece in _pieces(array))
        found: list[float] = array[near].tolist() if alone else []
        return found

    def _alone(self, value: float, numbers: Numbers, reach: float) -> bool:
        """Whether `value` is among the numbers, and those about it lie on one side of it at most."""
        about = numbers[np.isfinite(numbers) & (np.abs(numbers - value) <= reach)]
        away = about - value
        same = np.abs(away) <= NEAR * abs(value)
        others = away[~same & self._on_grid(about)]
        return bool(same.any()) and not ((others < 0).any() and (others > 0).any())

    def _points(self, numbers: Numbers, low: float, high: float) -> int:
        """How many of the numbers are points between two values."""
        return int((self._on_grid(numbers) & (numbers >= low) & (numbers <= high)).sum())

    def _on_grid(self, numbers: Numbers) -> NDArray[np.bool_]:
        on_grid: NDArray[np.bool_] = np.abs(numbers / self.step - np.round(numbers / self.step)) < 1e-6
        return on_grid


def coarseness(value: float) -> float:
    """The power of ten that the last digit of a number stands for, zeros at the end left out: 10 for 4350."""
    digits = f"{abs(value):.9g}"
    mantissa, _, exponent = digits.partition("e")
    whole, _, decimals = mantissa.partition(".")
    if decimals:
        return 10.0 ** (int(exponent or 0) - len(decimals))
    return 10.0 ** (int(exponent or 0) + len(whole) - len(whole.rstrip("0")))


def _pieces(array: Numbers) -> list[Numbers]:
    """The array as a whole, and where it is a table the rows or columns, whichever are few."""
    pieces = [array.reshape(-1)]
    if array.ndim == 2:
        pieces += [*array] if len(array) <= MOST_PIECES else []
        pieces += [*array.T] if array.shape[1] <= MOST_PIECES else []
    return pieces
