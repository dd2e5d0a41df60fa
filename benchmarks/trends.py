"""Errors of pair trends as score.py has them, but with the same bins for both tables.

SDMetrics' report cuts a quantity into ten equal parts of each table's own range. Where the ends of a range are clipped,
as they are here for protection, or one record more or less has an extreme value, all ten parts lie elsewhere, and the
score tells of the ends rather than of how columns hang together. Here the bins of the training table hold for both.
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from statistics import fmean

import numpy as np
import pandas as pd
from numpy.typing import NDArray

BINS = 10

Codes = NDArray[np.int64]


def trend_error(real: pd.DataFrame, synthetic: pd.DataFrame) -> float:
    """The mean over all pairs of columns, in [0, 1].

    Of two quantities half the difference of their correlations, of other pairs the total variation distance of their
    tables: one less the scores that SDMetrics calls correlation and contingency similarity.
    """
    quantities = [name for name in real if is_quantity(real[name])]
    correlations = [table[quantities].corr() for table in (real, synthetic)]
    codes = {name: codes_of(real[name], synthetic[name], name in quantities) for name in real}
    errors = []
    for first, second in combinations(real.columns, 2):
        if {first, second} <= set(quantities):
            errors.append(abs(correlations[0].loc[first, second] - correlations[1].loc[first, second]) / 2)
        else:
            width = 1 + max(int(each.max()) for each in codes[second])
            shares = [joint(*pair, width) for pair in zip(codes[first], codes[second], strict=True)]
            size = max(len(share) for share in shares)
            one, other = (np.pad(share, (0, size - len(share))) for share in shares)
            errors.append(float(np.abs(one - other).sum()) / 2)
    return fmean(errors)


def is_quantity(column: pd.Series) -> bool:
    """Whether score.py takes a column of the training table for one of numbers."""
    numbers = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    return bool(numbers and column.nunique() > 2)


def codes_of(real: pd.Series, synthetic: pd.Series, quantity: bool) -> tuple[Codes, Codes]:
    """A number for each value of both, by the real column's bins where it is a quantity."""
    if quantity:
        cut = np.histogram_bin_edges(real.dropna(), BINS)[1:-1]
        first, second = (np.where(column.notna(), np.digitize(column, cut), BINS) for column in (real, synthetic))
        return first, second
    together = pd.concat([real.astype(object), synthetic.astype(object)])
    found: Codes = pd.factorize(together.where(together.notna(), "<NA>").astype(str))[0]
    return found[: len(real)], found[len(real) :]


def joint(first: Codes, second: Codes, width: int) -> np.ndarray:
    """The share of records in each cell of two columns, of which the second has `width` values."""
    found: np.ndarray = np.bincount(first * width + second) / len(first)
    return found


def trend_error_of(train: Path, synthetic: Path) -> float:
    """The same of two CSV files."""
    real = pd.read_csv(train)
    return trend_error(real, pd.read_csv(synthetic)[list(real.columns)])
