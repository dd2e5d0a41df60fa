"""Records and single values reduced to comparable 64-bit keys, so that replay is a matter of set membership."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from privacy.distance import as_labels, as_numbers
from synth.table.schema import ColumnKind, TableSchema

Keys = NDArray[np.uint64]

DIGITS = 9
"""Numbers that agree in this many significant digits are the same value, whatever a CSV did to the rest."""
MISSING = np.uint64(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Canonical:
    """One key per record and one per cell. Equal keys mean equal values, but for a collision in 2^64."""

    records: Keys
    values: Mapping[str, Keys]
    """Per column that is not an identifier; 0 where the cell is missing."""

    def __len__(self) -> int:
        return len(self.records)

    def take(self, index: NDArray[np.intp]) -> Canonical:
        """The records at `index`, in that order."""
        return Canonical(records=self.records[index], values={c: v[index] for c, v in self.values.items()})

    def join(self, other: Canonical) -> Canonical:
        """These records followed by the other's."""
        return Canonical(
            records=np.concatenate([self.records, other.records]),
            values={c: np.concatenate([v, other.values[c]]) for c, v in self.values.items()},
        )


def canonical(frame: pd.DataFrame, schema: TableSchema) -> Canonical:
    """The keys of a table. -0 equals 0, 1 equals 1.0, a datetime equals itself in any resolution."""
    values = {spec.name: _keys(frame[spec.name], spec.kind) for spec in schema if spec.kind.is_learnt}
    return Canonical(records=record_keys(values, len(frame)), values=values)


def record_keys(values: Mapping[str, Keys], n: int) -> Keys:
    """One key per record from the keys of its cells; the order of the columns counts."""
    keys = np.full(n, 0x9E3779B97F4A7C15, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for cells in values.values():
            keys = pd.util.hash_array(keys * np.uint64(0x100000001B3) ^ cells)
    return keys


def all_but_one(table: Canonical) -> tuple[Keys, ...]:
    """For each column one key per record, equal where all cells but that column's are equal.

    Sums, modulo 2^64, of cell keys mixed with their column, less that column's. None for a table of one column.
    """
    with np.errstate(over="ignore"):
        cells = [
            pd.util.hash_array((keys + np.uint64(1)) * np.uint64(2 * place + 0x100000001B3))
            for place, keys in enumerate(table.values.values())
        ]
        if len(cells) < 2:
            return ()
        total = np.sum(cells, axis=0, dtype=np.uint64)
        return tuple(total - cell for cell in cells)


def _keys(column: pd.Series, kind: ColumnKind) -> Keys:
    if kind.is_category:
        labels = as_labels(column)
        missing = pd.isna(labels)
        keys = pd.util.hash_array(np.where(missing, "", labels).astype(object), categorize=True)
    else:
        numbers = as_numbers(column)
        missing = np.isnan(numbers)
        exact = numbers if kind.is_moment else _significant(numbers)
        keys = pd.util.hash_array(np.where(missing, 0.0, exact) + 0.0)
    keys = np.where(keys == MISSING, np.uint64(1), keys)
    return np.where(missing, MISSING, keys)


def _significant(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    whole = np.isfinite(numbers) & (numbers == np.round(numbers))
    usable = np.isfinite(numbers) & ~whole
    out = numbers.copy()
    size = np.floor(np.log10(np.abs(numbers[usable])))
    factor = 10.0 ** (DIGITS - 1 - size)
    out[usable] = np.round(numbers[usable] * factor) / factor
    return out
