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

BINS = 10


def trend_error(real: pd.DataFrame, synthetic: pd.DataFrame) -> float:
    """The mean over all pairs of columns, in [0, 1].

    Of two quantities half the difference of their correlations, of other pairs the total variation distance of their
    tables: one less the scores that SDMetrics calls correlation and contingency similarity.
    """
    quantities = [name for name in real if is_quantity(real[name])]
    cut = {name: edges(real[name]) for name in quantities}
    errors = []
    for pair in combinations(real.columns, 2):
        if set(pair) <= set(quantities):
            first, second = (table[list(pair)].dropna().corr().iloc[0, 1] for table in (real, synthetic))
            errors.append(abs(first - second) / 2)
        else:
            first, second = (joint(table, pair, cut) for table in (real, synthetic))
            errors.append(float(first.sub(second, fill_value=0).abs().sum()) / 2)
    return fmean(errors)


def is_quantity(column: pd.Series) -> bool:
    """Whether score.py takes a column of the training table for one of numbers."""
    numbers = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    return bool(numbers and column.nunique() > 2)


def edges(column: pd.Series) -> np.ndarray:
    """Inner edges of BINS equal parts of the column's range."""
    found: np.ndarray = np.histogram_bin_edges(column.dropna(), BINS)[1:-1]
    return found


def joint(table: pd.DataFrame, pair: tuple[str, str], cut: dict[str, np.ndarray]) -> pd.Series:
    """The share of records in each cell of two columns; missing is a value of its own."""
    told = {}
    for name in pair:
        column = table[name]
        number = (
            pd.Series(np.digitize(column, cut[name]), column.index).where(column.notna()) if name in cut else column
        )
        told[name] = number.astype(object).where(column.notna(), "<NA>").astype(str)
    return pd.DataFrame(told).value_counts(normalize=True)


def trend_error_of(train: Path, synthetic: Path) -> float:
    """The same of two CSV files."""
    real = pd.read_csv(train)
    return trend_error(real, pd.read_csv(synthetic)[list(real.columns)])
