"""Proposes what the columns of a table mean. The user may correct the proposal before anything is learnt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from synth.detect.columns import Found, read_texts
from synth.detect.identifiers import is_called_identifier
from synth.detect.integers import read_numbers
from synth.detect.parts import LOOKED_AT, with_parts_of_names
from synth.detect.person import Held, find_person
from synth.detect.words import STAFF, words_of
from synth.errors import TableError
from synth.table.pandas_types import as_came, held_frame, is_categories
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema
from synth.written.surrogate import Replaced, SurrogateForm

__all__ = ["is_called_identifier", "propose_schema"]

TARGET_CLASSES = 20
"""A numeric target with at most this many distinct values is a class label."""
REFERRING = 0.95
"""A column refers to an identifier where this share of its distinct values is among those."""
FEWEST_REFERRING = 3
_POINTING = STAFF | frozenset({"reports", "boss", "head", "vorgesetzter", "superior"})


def propose_schema(frame: pd.DataFrame, *, target: str | None = None, decimal: str | None = None) -> TableSchema:
    """The schema that the columns' types, names and values suggest, with `target` as the target column.

    `decimal` is the decimal sign of numbers that are written as text; it is told from them where it is None.
    Each column says in a line why it was read so, and what else it may be. Raises TableError where the table has no
    columns, none called `target`, or one that is not read (see `synth.table.pandas_types`).
    """
    if frame.columns.empty:
        raise TableError("expected at least one column, got none")
    if target is not None and target not in frame.columns:
        raise TableError(f"expected the target among the {len(frame.columns)} columns, {target!r} is not")
    came, frame = frame, held_frame(frame)
    names = list(frame.columns)
    columns = [_propose(name, frame.iloc[:, i], target, decimal) for i, name in enumerate(names)]
    columns = [_as_categories(c) if is_categories(came.iloc[:, i]) else c for i, c in enumerate(columns)]
    columns = _with_references(columns, frame)
    columns = with_parts_of_names(columns, lambda name: _texts(frame[name]))
    held = [_held(spec, frame.iloc[:, i]) for i, spec in enumerate(columns)]
    whom = find_person(held, len(frame))
    if whom is not None:
        columns = [
            replace(c, role=ColumnRole.PERSON, reason=f"{c.reason}; {whom.reason}", doubt=whom.doubt or c.doubt)
            if c.name == whom.name
            else c
            for c in columns
        ]
    return TableSchema(columns=tuple(as_came(c, came.iloc[:, i]) for i, c in enumerate(columns)))


def _propose(name: str, column: pd.Series, target: str | None, decimal: str | None) -> ColumnSpec:
    found = _found(name, column, decimal)
    if name != target:
        return found.spec(name)
    kind = found.kind
    if kind is ColumnKind.IDENTIFIER:
        found = Found(kind=ColumnKind.CATEGORICAL, reason="the target")
    elif kind is ColumnKind.NUMERICAL and column.nunique() <= TARGET_CLASSES:
        found = Found(kind=ColumnKind.CATEGORICAL, reason="the target, of few distinct values")
    return replace(found.spec(name), role=ColumnRole.TARGET)


def _as_categories(spec: ColumnSpec) -> ColumnSpec:
    """Numbers that came as categories are categories."""
    if spec.kind is not ColumnKind.NUMERICAL or spec.form is not None:
        return spec
    return replace(spec, kind=ColumnKind.CATEGORICAL, markers=(), reason="categories by its dtype", doubt="")


def _found(name: str, column: pd.Series, decimal: str | None) -> Found:
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return Found(kind=ColumnKind.DATETIME, reason="dates or datetimes")
    present = column.dropna()
    if present.empty:
        return Found(kind=ColumnKind.CATEGORICAL, reason="no record has a value")
    if pd.api.types.is_bool_dtype(column.dtype):
        return Found(kind=ColumnKind.CATEGORICAL, reason="true or false")
    if pd.api.types.is_numeric_dtype(column.dtype):
        values = present.to_numpy(dtype=np.float64)
        whole = bool((values == np.floor(values)).all()) if np.isfinite(values).all() else False
        return read_numbers(name, values, [int(value) for value in present] if whole else None)
    counts = present.astype(str).value_counts()
    return read_texts(name, {str(text): int(count) for text, count in counts.items()}, decimal)


def _texts(column: pd.Series) -> list[str]:
    """The texts of evenly spaced records, empty where there is none."""
    some = column.iloc[:: max(1, len(column) // LOOKED_AT)]
    return ["" if missing else str(value) for value, missing in zip(some, some.isna(), strict=True)]


def _held(spec: ColumnSpec, column: pd.Series) -> Held:
    if spec.kind is not ColumnKind.IDENTIFIER:
        return Held(spec=spec, present=0, distinct=0)
    present = column.dropna()
    return Held(spec=spec, present=len(present), distinct=present.nunique())


def _with_references(columns: list[ColumnSpec], frame: pd.DataFrame) -> list[ColumnSpec]:
    """The columns; those whose values are ids of another column's records refer to that one."""
    keys = []
    for i, spec in enumerate(columns):
        values = frame.iloc[:, i]
        if (
            spec.surrogate is not None
            and spec.surrogate.of is Replaced.CODE
            and values.notna().all()
            and values.is_unique
        ):
            keys.append((spec.name, i))
    return [_referring(spec, frame.iloc[:, i], keys, frame) if keys else spec for i, spec in enumerate(columns)]


def _referring(spec: ColumnSpec, column: pd.Series, keys: list[tuple[str, int]], frame: pd.DataFrame) -> ColumnSpec:
    pointing = is_called_identifier(spec.name) or not _POINTING.isdisjoint(words_of(spec.name))
    if not pointing or spec.role is not ColumnRole.FEATURE or pd.api.types.is_datetime64_any_dtype(column.dtype):
        return spec
    distinct = set(column.dropna().unique())
    for name, place in keys:
        key = frame.iloc[:, place]
        comparable = (column.dtype == object) == (key.dtype == object)
        if name == spec.name or not comparable or len(distinct) < FEWEST_REFERRING:
            continue
        if len(distinct & set(key)) >= REFERRING * len(distinct) and len(distinct) < len(key):
            form = SurrogateForm(of=Replaced.CODE, refers_to=name)
            reason = f"its values are among those of {name!r}, and refer to these"
            return replace(spec, kind=ColumnKind.IDENTIFIER, form=form, markers=(), reason=reason, doubt="")
    return spec
