"""Proposes what the columns of a table mean. The user may correct the proposal before anything is learnt."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from synth.errors import TableError
from synth.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema

TARGET_CLASSES = 20
"""A numeric target with at most this many distinct values is a class label."""
UNIQUE_SHARE = 0.95
"""Text with this share of distinct values names records rather than describing them."""
LEARNABLE_COUNT = 5
"""A value that is less frequent than this may not be emitted."""
LEARNABLE_SHARE = 0.2
"""Text of which less than this share is frequent enough holds too little that may be emitted."""

_ID_NAME = re.compile(r"(^|[_\W])(id|uuid|guid|key|index|ssn|nr|number|no)($|[_\W])|(?<=[a-z])(ID|Id)$", re.IGNORECASE)


def propose_schema(frame: pd.DataFrame, *, target: str | None = None) -> TableSchema:
    """The schema that the columns' types, names and distinct values suggest, with `target` as the target column.

    Raises TableError where the table has no columns or no column is called `target`; SchemaError on repeated names.
    """
    if frame.columns.empty:
        raise TableError("expected at least one column, got none")
    if target is not None and target not in frame.columns:
        raise TableError(f"expected the target among the {len(frame.columns)} columns, {target!r} is not")
    return TableSchema(columns=tuple(_propose(str(n), frame.iloc[:, i], target) for i, n in enumerate(frame.columns)))


def _propose(name: str, column: pd.Series, target: str | None) -> ColumnSpec:
    if name == target:
        return ColumnSpec(name=name, kind=_target_kind(column), role=ColumnRole.TARGET)
    return ColumnSpec(name=name, kind=_kind(name, column))


def _target_kind(column: pd.Series) -> ColumnKind:
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return ColumnKind.DATETIME
    if pd.api.types.is_numeric_dtype(column.dtype) and column.nunique() > TARGET_CLASSES:
        return ColumnKind.NUMERICAL
    return ColumnKind.CATEGORICAL


def _kind(name: str, column: pd.Series) -> ColumnKind:
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return ColumnKind.DATETIME
    present = column.dropna()
    if pd.api.types.is_bool_dtype(column.dtype) or present.empty:
        return ColumnKind.CATEGORICAL
    if pd.api.types.is_numeric_dtype(column.dtype):
        return _numeric_kind(name, present)
    counts = present.value_counts()
    learnable = int(counts[counts >= LEARNABLE_COUNT].sum())
    names_records = len(counts) >= UNIQUE_SHARE * len(present) or learnable < LEARNABLE_SHARE * len(present)
    return ColumnKind.IDENTIFIER if names_records and len(counts) > 2 else ColumnKind.CATEGORICAL


def _numeric_kind(name: str, present: pd.Series) -> ColumnKind:
    values = present.to_numpy(dtype=np.float64)
    distinct = len(np.unique(values))
    if distinct <= 2:
        return ColumnKind.CATEGORICAL
    whole = bool((values == np.floor(values)).all())
    if whole and distinct == len(values) and len(values) >= LEARNABLE_COUNT:
        counted = values.max() - values.min() == len(values) - 1
        if counted or _ID_NAME.search(name):
            return ColumnKind.IDENTIFIER
    return ColumnKind.NUMERICAL
