"""Columns as they are stored, and the numbers and dates that their texts stand for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.table.schema import ColumnSpec, TableSchema
from synth.written.forms import ValueForm
from synth.written.moments import MomentForm
from synth.written.numbers import NumberForm

EXACT = 2**53
"""Floats hold all integers up to here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parsed:
    """A column of texts or numbers as the values that they stand for."""

    values: pd.Series
    """(records,) Int64, float64 or datetime64[us]; missing where there is no value."""
    marker: NDArray[np.int32]
    """(records,) which of the column's markers each record has; -1 for none."""
    unread: int
    """Records whose text is neither a value nor a marker; they count as missing."""


def parse(column: pd.Series, spec: ColumnSpec) -> Parsed:
    """The values that the stored ones stand for. A column of values already keeps them."""
    form = spec.value_form
    if form is None or not _is_stored(column, form):
        return _numbers(column, spec.markers)
    places, distinct = pd.factorize(column, use_na_sentinel=True)
    texts = [str(text) for text in distinct]
    index = {text: i for i, text in enumerate(spec.markers)}
    marker = np.array([index.get(text, -1) for text in texts] + [-1], dtype=np.int32)
    found = [None if text in index else form.parse(text) for text in texts]
    unread = np.array([value is None and text not in index for value, text in zip(found, texts, strict=True)] + [False])
    values = _typed([*found, None], form)[places]
    return Parsed(values=pd.Series(values, name=column.name), marker=marker[places], unread=int(unread[places].sum()))


def column_values(column: pd.Series, spec: ColumnSpec) -> pd.Series:
    """(records,) the numbers, dates or texts that stored values stand for: the column itself where it holds them."""
    return parse(column, spec).values if spec.is_written else column


def values_of(frame: pd.DataFrame, schema: TableSchema) -> pd.DataFrame:
    """The table with values in place of texts that stand for them; markers are missing. The input is not changed."""
    changed = {
        spec.name: parse(frame[spec.name], spec).values.set_axis(frame.index) for spec in schema if spec.is_written
    }
    return frame.assign(**changed) if changed else frame


def _is_stored(column: pd.Series, form: ValueForm) -> bool:
    """Whether the column holds what is written, rather than the values themselves."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return False
    return column.dtype == object or (isinstance(form, MomentForm) and pd.api.types.is_integer_dtype(column.dtype))


def _typed(found: list[float | None], form: ValueForm) -> pd.api.extensions.ExtensionArray | np.ndarray:
    """The values as an array of the type that is learnt."""
    absent = np.array([value is None for value in found])
    if isinstance(form, MomentForm):
        moments = np.array([0 if v is None else int(v) for v in found], dtype=np.int64).astype("datetime64[us]")
        moments[absent] = np.datetime64("NaT")
        return moments
    whole = not isinstance(form, NumberForm) or form.whole
    if whole and all(v is None or abs(v) < EXACT for v in found):
        return pd.arrays.IntegerArray(np.array([0 if v is None else int(v) for v in found], dtype=np.int64), absent)
    return np.array([np.nan if v is None else v for v in found], dtype=np.float64)


def _numbers(column: pd.Series, markers: tuple[str, ...]) -> Parsed:
    """A column of numbers or dates, some of which are markers."""
    marker = np.full(len(column), -1, dtype=np.int32)
    if markers and pd.api.types.is_numeric_dtype(column.dtype):
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
        for i, text in enumerate(markers):
            value = _number(text)
            if value is not None:
                marker[numbers == value] = i
    if (marker >= 0).any():
        if pd.api.types.is_integer_dtype(column.dtype):
            column = column.astype("Int64")
        column = column.mask(marker >= 0)
    return Parsed(values=column.reset_index(drop=True), marker=marker, unread=0)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
