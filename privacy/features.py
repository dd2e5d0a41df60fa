"""Encoded records as plain matrices, for attacks that need coordinates rather than distances."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from privacy.distance import Encoded

Matrix = NDArray[np.float64]

COMPONENTS = 10
MOST_INDICATORS = 300
"""One-hot columns in all; the rarer levels of each column share the all-zero code."""
SMALLEST_SHARE = 1e-4
"""Components with less than this share of the largest one's variance are dropped: rounding, not data."""


def ordinal(rows: Encoded) -> Matrix:
    """float64, records x columns: the scaled numbers, then one column of codes per categorical column."""
    return np.stack([column.astype(np.float64) for column in (*rows.numbers, *rows.codes)], axis=1)


def components(fitted_on: Sequence[Encoded], others: Sequence[Encoded]) -> tuple[list[Matrix], list[Matrix]]:
    """The principal components of the records `fitted_on`, taken together, and of the others: at most COMPONENTS.

    Numbers are brought to mean 0 and variance 1, categories are indicators of variance p (1 - p). float64,
    records x components; no component at all where the records `fitted_on` do not differ.
    """
    levels = _levels(fitted_on)
    tables = [_indicators(rows, levels) for rows in (*fitted_on, *others)]
    base = np.concatenate(tables[: len(fitted_on)])
    count = base.shape[1] - sum(len(kept) for kept in levels)
    centre, spread = base.mean(axis=0), np.ones(base.shape[1])
    spread[:count] = base[:, :count].std(axis=0)
    spread[spread == 0] = 1.0
    axes = _axes((base - centre) / spread)
    turned = [((table - centre) / spread) @ axes for table in tables]
    return turned[: len(fitted_on)], turned[len(fitted_on) :]


def _axes(standardised: Matrix) -> Matrix:
    width = standardised.shape[1]
    covariance = standardised.T @ standardised / len(standardised)
    first = max(0, width - COMPONENTS)
    variance, axes = eigh(covariance, subset_by_index=[first, width - 1])
    kept = variance > SMALLEST_SHARE * max(float(variance.max(initial=0.0)), 1e-9)
    turned: Matrix = axes[:, kept][:, ::-1]
    return turned


def _levels(fitted_on: Sequence[Encoded]) -> list[NDArray[np.intp]]:
    """Per column of codes its most frequent levels."""
    columns = len(fitted_on[0].codes)
    most = max(2, MOST_INDICATORS // max(1, columns))
    kept = []
    for column in range(columns):
        counts = np.bincount(np.concatenate([rows.codes[column].astype(np.intp) for rows in fitted_on]))
        by_count = np.argsort(-counts, kind="stable")
        kept.append(by_count[: min(most, int((counts > 0).sum()))])
    return kept


def _indicators(rows: Encoded, levels: Sequence[NDArray[np.intp]]) -> Matrix:
    coded = [codes[:, None] == kept for codes, kept in zip(rows.codes, levels, strict=True)]
    return np.concatenate([rows.numbers.T.astype(np.float64), *coded], axis=1)
