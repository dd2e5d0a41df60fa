"""How strongly each pair of columns is associated, in the real and in the synthetic table: the heat maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.fidelity.frames import MISSING_LABEL, Part, Tables, draw
from synth.fidelity.levels import people
from synth.protection import HOLDERS

LEVELS = 10
MOST_COLUMNS = 40
MOST_RECORDS = 50_000
FEWEST_RECORDS = 50

Matrix = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class PairTrends:
    """Square matrices over the same columns; entries in [0, 1], NaN where a column is constant."""

    columns: tuple[str, ...]
    real: Matrix
    synthetic: Matrix
    holdout: Matrix | None
    """What a real sample reaches; None where the holdout has too few records."""
    left_out: int
    """How many columns of a wide table are not shown."""

    @property
    def difference(self) -> Matrix:
        """Synthetic minus real, in [-1, 1]."""
        return self.synthetic - self.real

    @property
    def mean_difference(self) -> float | None:
        """The mean absolute difference over pairs that both tables have."""
        upper = np.abs(self.difference[np.triu_indices(len(self.columns), 1)])
        known = upper[np.isfinite(upper)]
        return float(known.mean()) if known.size else None

    def to_json(self) -> dict[str, object]:
        """The matrices as nested lists, None where there is no value."""
        return {
            "columns": list(self.columns),
            "real": _lists(self.real),
            "synthetic": _lists(self.synthetic),
            "holdout": None if self.holdout is None else _lists(self.holdout),
            "difference": _lists(self.difference),
            "mean_difference": self.mean_difference,
            "left_out": self.left_out,
            "measure": "Cramer's V, bias-corrected; numbers in ten bins",
        }


def _lists(matrix: Matrix) -> list[list[float | None]]:
    return [[round(float(x), 2) if np.isfinite(x) else None for x in row] for row in matrix]


def pair_trends(tables: Tables, rng: np.random.Generator) -> PairTrends | Part:
    """Cramér's V of every pair of columns, bias-corrected (Bergsma 2013, eq. 4-6), in train and in synthetic.

    One measure for all kinds of columns: numbers are cut at train's deciles, categories beyond the nine most frequent
    share a level, missing is a level of its own. Levels of fewer than five people share one too: the strength of a pair
    would tell what the only one of them has in the other column.
    Of a table wider than 40 columns, 40 are drawn at random.
    """
    if min(len(tables.train), len(tables.synthetic)) < FEWEST_RECORDS:
        return Part(reason=f"Fewer than {FEWEST_RECORDS} records in train or in the synthetic table.")
    columns = list(tables.columns)
    if len(columns) < 2:
        return Part(reason="There is only one column.")
    if len(columns) > MOST_COLUMNS:
        columns = [columns[i] for i in np.sort(rng.permutation(len(columns))[:MOST_COLUMNS])]
    places = np.arange(len(tables.train))
    places = places if len(places) <= MOST_RECORDS else rng.permutation(len(places))[:MOST_RECORDS]
    real, synthetic = tables.train.iloc[places], draw(tables.synthetic, MOST_RECORDS, rng)
    holdout = draw(tables.holdout, MOST_RECORDS, rng)
    codes = [
        _joined(_codes((real[c], synthetic[c], holdout[c]), is_number=c in tables.numbers), tables.people[places])
        for c in columns
    ]
    matrices = [_matrix([column[i] for column in codes]) for i in range(3)]
    return PairTrends(
        columns=tuple(columns),
        real=matrices[0],
        synthetic=matrices[1],
        holdout=matrices[2] if len(holdout) >= FEWEST_RECORDS else None,
        left_out=len(tables.columns) - len(columns),
    )


def _codes(columns: tuple[pd.Series, ...], *, is_number: bool) -> list[NDArray[np.int64]]:
    """One code for each record of each table; cuts and levels follow from the first."""
    real = columns[0]
    if not is_number:
        counts = real[real != MISSING_LABEL].value_counts()
        levels = {label: i for i, label in enumerate(counts.index[: LEVELS - 1])} | {MISSING_LABEL: LEVELS}
        return [column.map(levels).fillna(LEVELS - 1).to_numpy(dtype=np.int64) for column in columns]
    known = real.dropna().to_numpy()
    cuts = np.unique(np.quantile(known, np.linspace(0, 1, LEVELS + 1)[1:-1])) if known.size else np.empty(0)
    return [
        np.where(column.isna(), LEVELS, np.searchsorted(cuts, column.to_numpy(), side="left")).astype(np.int64)
        for column in columns
    ]


def _joined(codes: list[NDArray[np.int64]], holders: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The codes with all levels that fewer than five people of train or of holdout have in one, of five people too."""
    real, _, holdout = codes
    sides = [(real, holders)]
    if len(holdout) >= FEWEST_RECORDS:
        sides.append((holdout, np.arange(len(holdout))))
    held = [people(side, owners, LEVELS + 1) for side, owners in sides]
    few = np.min(held, axis=0) < HOLDERS
    while not few.all() and any(0 < np.unique(owners[few[side]]).size < HOLDERS for side, owners in sides):
        few[np.where(few, len(real) + 1, held[0]).argmin()] = True
    places = np.where(few, few.argmax(), np.arange(LEVELS + 1))
    return [places[each] for each in codes]


def _matrix(codes: list[NDArray[np.int64]]) -> Matrix:
    n, width = len(codes[0]), LEVELS + 1
    matrix = np.eye(len(codes))
    for i, a in enumerate(codes):
        if np.unique(a).size < 2:
            matrix[i, i] = np.nan
        for j in range(i + 1, len(codes)):
            table = np.bincount(a * width + codes[j], minlength=width * width).reshape(width, width)
            matrix[i, j] = matrix[j, i] = _cramers_v(table.astype(np.float64), n)
    return matrix


def _cramers_v(table: Matrix, n: int) -> float:
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    rows, columns = table.shape
    if min(rows, columns) < 2 or n < 2:
        return float("nan")
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    phi = float(((table - expected) ** 2 / expected).sum()) / n
    corrected = max(0.0, phi - (rows - 1) * (columns - 1) / (n - 1))
    rows_, columns_ = rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)
    smaller = min(rows_, columns_) - 1
    return float(np.sqrt(corrected / smaller).clip(0, 1)) if smaller > 0 else float("nan")
