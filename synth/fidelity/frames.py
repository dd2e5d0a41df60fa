"""Real and synthetic tables brought to one form that every score can read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.errors import TableError
from synth.table.schema import ColumnRole, TableSchema

MISSING_LABEL = "<NA>"
MOST_LEVELS = 200
"""Categories beyond the 200 most frequent share one code in the feature matrices of classifiers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tables:
    """Train, holdout and synthetic with the schema's columns but identifiers: numbers as float64, the rest as text."""

    train: pd.DataFrame
    holdout: pd.DataFrame
    synthetic: pd.DataFrame
    numbers: tuple[str, ...]
    """Numerical and datetime columns (as seconds); missing is NaN."""
    categories: tuple[str, ...]
    """Categorical columns; missing is the text `<NA>`."""
    holders: NDArray[np.int64] | None = None
    """Whose each record of train is, as a number per person; None where the schema names no person."""

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns, in the schema's order."""
        return tuple(str(column) for column in self.train.columns)

    @property
    def people(self) -> NDArray[np.int64]:
        """Whose each record of train is; without a person column each record is a person."""
        return np.arange(len(self.train)) if self.holders is None else self.holders


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """Why a part of the assessment has no figures."""

    reason: str


def align(train: pd.DataFrame, holdout: pd.DataFrame, synthetic: pd.DataFrame, schema: TableSchema) -> Tables:
    """The three tables in one form. Raises TableError if a column is missing or one of them has no records."""
    for name, frame in (("train", train), ("holdout", holdout), ("synthetic", synthetic)):
        if len(frame) == 0:
            raise TableError(f"{name}: expected at least one record, got none")
        missing = sum(column not in frame.columns for column in schema.names)
        if missing:
            raise TableError(f"{name}: expected the schema's {len(schema)} columns, got {missing} fewer")
    return Tables(
        train=_plain(train, schema),
        holdout=_plain(holdout, schema),
        synthetic=_plain(synthetic, schema),
        numbers=schema.quantities,
        categories=schema.categories,
        holders=_holders(train, schema),
    )


def _holders(train: pd.DataFrame, schema: TableSchema) -> NDArray[np.int64] | None:
    """One number per record of train: that of its person, or one of its own where the person is missing."""
    person = schema.with_role(ColumnRole.PERSON)
    if person is None:
        return None
    numbers = pd.factorize(train[person])[0].astype(np.int64)
    return np.where(numbers < 0, -1 - np.arange(len(numbers)), numbers)


def _plain(frame: pd.DataFrame, schema: TableSchema) -> pd.DataFrame:
    columns: dict[str, NDArray[np.float64] | NDArray[np.object_]] = {}
    for spec in schema:
        if spec.kind.is_category:
            columns[spec.name] = _texts(frame[spec.name])
        elif spec.kind.is_learnt:
            columns[spec.name] = _floats(frame[spec.name], spec.name)
    return pd.DataFrame(columns, index=pd.RangeIndex(len(frame)))


def _texts(column: pd.Series) -> NDArray[np.object_]:
    missing = column.isna().to_numpy(dtype=bool)
    is_number = pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype)
    values = pd.Series(column.to_numpy(dtype=np.float64, na_value=np.nan)) if is_number else column
    texts = values.map(lambda value: f"{value:.12g}" if is_number else str(value)).to_numpy(dtype=object)
    return np.where(missing, MISSING_LABEL, texts).astype(object)


def _floats(column: pd.Series, name: str) -> NDArray[np.float64]:
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        moments = column.dt.tz_localize(None) if getattr(column.dt, "tz", None) is not None else column
        ticks = moments.to_numpy(dtype="datetime64[us]")
        return np.where(np.isnat(ticks), np.nan, ticks.astype(np.int64) / 1e6)
    if not pd.api.types.is_numeric_dtype(column.dtype) and not column.isna().all():
        raise TableError(f"column {name!r}: expected numbers or datetimes, got {column.dtype}")
    numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def draw(frame: pd.DataFrame, most: int, rng: np.random.Generator) -> pd.DataFrame:
    """At most `most` records, drawn at random without replacement."""
    if len(frame) <= most:
        return frame
    return frame.iloc[rng.permutation(len(frame))[:most]].reset_index(drop=True)


def feature_matrices(
    frames: tuple[pd.DataFrame, ...], columns: tuple[str, ...], categories: tuple[str, ...]
) -> tuple[NDArray[np.float64], ...]:
    """One float64 matrix (records x columns) per frame, without gaps; what stands for what is learnt from the first.

    Categories are coded by their frequency rank; one that the first frame does not have, or beyond its 200 most
    frequent, is -1. Missing numbers lie below all others: trees split them off, a column of nothing else is constant.
    """
    coded = set(categories)
    matrices: list[list[NDArray[np.float64]]] = [[] for _ in frames]
    for name in columns:
        first = frames[0][name]
        if name in coded:
            levels = {label: float(i) for i, label in enumerate(first.value_counts().index[:MOST_LEVELS])}
            values = [frame[name].map(levels).fillna(-1.0).to_numpy(dtype=np.float64) for frame in frames]
        else:
            known = first.dropna().to_numpy(dtype=np.float64)
            below = float(known.min() - np.ptp(known) - 1.0) if known.size else 0.0
            values = [frame[name].fillna(below).to_numpy(dtype=np.float64) for frame in frames]
        for matrix, column in zip(matrices, values, strict=True):
            matrix.append(column)
    return tuple(np.column_stack(matrix) for matrix in matrices)
