"""Turns the columns of pandas frames into the dtypes that a table has in memory, and back into those that came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from synth.errors import TableError
from synth.table.arrow_types import is_known, parse_type, plain, restored
from synth.table.schema import ColumnSpec, TableSchema

HELD = frozenset({"int64", "float64", "bool", "Int64", *(f"datetime64[{unit}]" for unit in ("s", "ms", "us", "ns"))})
"""The dtypes that a table has in memory, beside text as object; all others are turned into one of them."""
ADVICE: tuple[tuple[Callable[[Any], bool], str], ...] = (
    (pd.api.types.is_timedelta64_dtype, "make it a number with frame[{name!r}].dt.total_seconds()"),
    (lambda dtype: isinstance(dtype, pd.PeriodDtype), "make it a date with frame[{name!r}].dt.to_timestamp()"),
    (pd.api.types.is_complex_dtype, "make a column of each of its parts"),
    (lambda _: True, "make it text with frame[{name!r}].astype(str), or leave the column out"),
)
"""What to do with a column of a dtype that is not read."""


def expect_names(frame: pd.DataFrame) -> None:
    """Returns where all column names are text. Raises TableError, naming the first that is none."""
    names: list[object] = list(frame.columns)
    for name in names:
        if not isinstance(name, str):
            kind = type(name).__name__
            remedy = "frame.columns = ['_'.join(map(str, name)) for name in frame.columns]"
            if not isinstance(name, tuple):
                remedy = "frame.columns = frame.columns.map(str)"
            raise TableError(f"column {name!r}: expected a name that is text, got {kind}; rename with {remedy}")


def held_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with every column of a dtype that a table has in memory. The input is not changed.

    Raises TableError, naming the column and saying what to do, where a name is not text or a column cannot be read.
    """
    expect_names(frame)
    if frame.columns.has_duplicates:
        raise TableError("expected distinct column names, got repeated ones")
    changed = {str(name): _held(frame[name]) for name in frame if not is_held(frame[name])}
    return frame.assign(**changed) if changed else frame


def is_held(column: pd.Series) -> bool:
    """Whether the column is of a dtype that a table has in memory."""
    if column.dtype == object:
        return pd.api.types.infer_dtype(column, skipna=True) in {"string", "empty"}
    return str(column.dtype) in HELD


def is_categories(column: pd.Series) -> bool:
    """Whether the column's dtype says that its values are categories."""
    return isinstance(column.dtype, pd.CategoricalDtype)


def as_came(spec: ColumnSpec, column: pd.Series) -> ColumnSpec:
    """The spec with the types of the column, where it is not of one that a table has in memory."""
    if is_held(column):
        return spec
    arrow, order = _arrow(column), tuple[str, ...]()
    if isinstance(column.dtype, pd.CategoricalDtype) and column.dtype.ordered:
        order = tuple(map(str, column.dtype.categories))
    return replace(spec, arrow_type=str(arrow.type), pandas_dtype=str(column.dtype), order=order)


def frame_as_came(frame: pd.DataFrame, schema: TableSchema) -> pd.DataFrame:
    """The table with the dtypes that its columns came with. Raises TableError where a value does not fit one."""
    changed = {s.name: _as_came(frame[s.name], s) for s in schema if s.arrow_type and s.pandas_dtype}
    return frame.assign(**changed) if changed else frame


def _held(column: pd.Series) -> pd.Series:
    name, arrow = str(column.name), _arrow(column)
    try:
        array = plain(arrow)
    except (pa.ArrowException, ValueError):
        raise TableError(
            f"column {name!r}: expected integers from -2^63 to 2^63 - 1, got others; "
            f"make it text with frame[{name!r}].astype(str)"
        ) from None
    nullable = pa.types.is_integer(array.type) and array.null_count > 0
    types = {pa.int64(): pd.Int64Dtype()} if nullable else {}
    series = pd.Series(array.to_pandas(types_mapper=types.get))
    return pd.Series(series.array, index=column.index, name=name)


def _arrow(column: pd.Series) -> pa.Array | pa.ChunkedArray:
    """The column as Arrow. Raises TableError where it is of a type that a flat table does not have."""
    name, dtype = str(column.name), column.dtype
    try:
        dense = np.asarray(column) if isinstance(dtype, pd.SparseDtype) else column
        array = pa.array(dense, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        mixed = pd.api.types.is_object_dtype(dtype)
        found = pd.api.types.infer_dtype(column, skipna=True) if mixed else dtype
        raise _refusal(name, dtype, f"values of one kind, got {found}") from None
    if not is_known(array.type):
        raise _refusal(name, dtype, f"text, numbers, booleans, dates or times, got {dtype}")
    return array


def _refusal(name: str, dtype: object, expected: str) -> TableError:
    advice = next(said for test, said in ADVICE if test(dtype))
    return TableError(f"column {name!r}: expected {expected}; {advice.format(name=name)}")


def _as_came(column: pd.Series, spec: ColumnSpec) -> pd.Series:
    """The column in its Arrow type, and from there in its dtype."""
    array = restored(pa.array(column, from_pandas=True), parse_type(spec.arrow_type), spec.name, spec.order)
    dtype = spec.pandas_dtype
    if dtype.endswith("[pyarrow]"):
        found = pd.Series(pd.arrays.ArrowExtensionArray(array))
    else:
        found = pd.Series(array.to_pandas())
        try:
            found = found.astype(object if dtype == "object" else pd.api.types.pandas_dtype(dtype))
        except (TypeError, ValueError):
            raise TableError(f"column {spec.name!r}: expected values that fit the dtype {dtype}, got others") from None
    return pd.Series(found.array, index=column.index, name=spec.name)
