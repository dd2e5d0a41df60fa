"""A table in memory is a pandas DataFrame with exactly its schema's columns; here it is read, checked and written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from synth.errors import TableError
from synth.schema import ColumnKind, ColumnSpec, TableSchema
from synth.values import values_of

CSV = pyarrow.csv.WriteOptions(quoting_style="needed")
ROW_GROUP = 131_072
"""Records of a row group of a Parquet file that is written in batches, about."""


def read_parquet(path: Path, schema: TableSchema) -> pd.DataFrame:
    """The table at `path`, its columns in the schema's order and of the types that the column kinds ask for.

    Numbers and dates stand in place of the texts that stand for them.

    Raises TableError where the file is not Parquet, or lacks a column, or has one of a type that its kind cannot have.
    """
    try:
        held = pq.read_schema(path)
        missing = [name for name in schema.names if name not in held.names]
        if missing:
            raise TableError(f"expected the {len(schema)} columns of the schema, {len(missing)} are missing")
        table = pq.read_table(path, columns=list(schema.names))
    except (pa.ArrowException, OSError) as error:
        raise TableError(f"expected a Parquet file, could not read one ({type(error).__name__})") from error
    stored = validate(pd.DataFrame({name: _to_series(table.column(name)) for name in schema.names}), schema)
    return values_of(stored, schema)


def read_column(path: Path, spec: ColumnSpec) -> pd.Series:
    """(records,) one column of the Parquet file at `path` as it is stored. Raises TableError as `read_parquet` does."""
    try:
        if spec.name not in pq.read_schema(path).names:
            raise TableError(f"column {spec.name!r}: expected a column of the schema, it is missing")
        column = pq.read_table(path, columns=[spec.name]).column(0)
    except (pa.ArrowException, OSError) as error:
        raise TableError(f"expected a Parquet file, could not read one ({type(error).__name__})") from error
    return _checked(_to_series(column).rename(spec.name), spec)


def _to_series(column: pa.ChunkedArray) -> pd.Series:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    wanted = _memory_type(kind)
    nullable = pa.types.is_integer(wanted) and column.null_count > 0
    types = {pa.int64(): pd.Int64Dtype()} if nullable else {}
    series: pd.Series = column.cast(wanted).to_pandas(types_mapper=types.get)
    return series.astype(object) if pa.types.is_string(wanted) else series


def _memory_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_date(kind) or (pa.types.is_timestamp(kind) and kind.unit in ("s", "ms", "us")):
        return pa.timestamp("us")
    if pa.types.is_timestamp(kind):
        return pa.timestamp(kind.unit)
    if pa.types.is_integer(kind):
        return pa.int64()
    if pa.types.is_decimal(kind) or pa.types.is_floating(kind):
        return pa.float64()
    return pa.string()


def validate(frame: pd.DataFrame, schema: TableSchema) -> pd.DataFrame:
    """The table with the schema's columns in order, text as object dtype and missing text as None.

    Raises TableError where a column is missing or of a type that its kind cannot have. The input is not changed.
    """
    if frame.columns.has_duplicates:
        raise TableError("expected distinct column names, got repeated ones")
    missing = [name for name in schema.names if name not in frame.columns]
    if missing or len(frame.columns) != len(schema):
        raise TableError(
            f"expected the {len(schema)} columns of the schema, got {len(frame.columns)}, {len(missing)} are missing"
        )
    columns = {spec.name: _checked(frame[spec.name], spec) for spec in schema}
    return pd.DataFrame(columns).reset_index(drop=True)


def _checked(column: pd.Series, spec: ColumnSpec) -> pd.Series:
    kind = spec.kind
    if isinstance(column.dtype, pd.CategoricalDtype) or pd.api.types.is_string_dtype(column.dtype):
        column = column.astype(object)
    if column.isna().all():
        return column
    numeric = pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype)
    if spec.value_form is not None and (column.dtype == object or numeric):
        kind = ColumnKind.CATEGORICAL  # the values are told from what is written
    if kind is ColumnKind.NUMERICAL and not numeric:
        raise TableError(f"column {column.name!r}: expected numbers, got {column.dtype}")
    if kind is ColumnKind.DATETIME and not pd.api.types.is_datetime64_dtype(column.dtype):
        raise TableError(f"column {column.name!r}: expected datetimes without a time zone, got {column.dtype}")
    if column.dtype == object:
        if pd.api.types.infer_dtype(column, skipna=True) != "string":
            raise TableError(f"column {column.name!r}: expected text, got other values among it")
        return column.where(column.notna(), None)
    if numeric and not np.isfinite(column.dropna().to_numpy(dtype=np.float64)).all():
        raise TableError(f"column {column.name!r}: expected finite numbers, got infinite ones")
    return column


def write_batches(
    batches: Iterable[pa.RecordBatch], *, parquet: Path | None = None, csv: Path | None = None, days: Sequence[str] = ()
) -> int:
    """Writes record batches as they come, as Parquet (zstd), as CSV or as both; how many records there were.

    In memory there are a few batches at a time. `days` are the datetime columns that CSV shows as YYYY-MM-DD. Raises
    TableError where there is no batch: one without records tells at least the columns.
    """
    rows, waiting, held = 0, list[pa.RecordBatch](), 0
    sinks: tuple[pq.ParquetWriter | None, pyarrow.csv.CSVWriter | None] | None = None
    with ExitStack() as stack:
        for batch in batches:
            if sinks is None:
                sinks = _sinks(stack, batch.schema, parquet, csv, days)
            if sinks[1] is not None:
                sinks[1].write_batch(_plain(batch, days))
            waiting.append(batch)
            rows, held = rows + len(batch), held + len(batch)
            if held >= ROW_GROUP:
                _flush(sinks[0], waiting)
                waiting, held = [], 0
        if sinks is None:
            raise TableError("expected a batch of records at least, got none")
        _flush(sinks[0], waiting)
    return rows


def _sinks(
    stack: ExitStack, schema: pa.Schema, parquet: Path | None, csv: Path | None, days: Sequence[str]
) -> tuple[pq.ParquetWriter | None, pyarrow.csv.CSVWriter | None]:
    # only what has few values is worth a dictionary: to look each value up in one costs more than to write it
    few = [field.name for field in schema if pa.types.is_dictionary(field.type)]
    in_rows = None
    if parquet is not None:
        # a reader is to see text, not how it was held in memory
        made = pq.ParquetWriter(parquet, _as_text(schema), compression="zstd", use_dictionary=few, store_schema=False)
        in_rows = stack.enter_context(made)
    if csv is None:
        return in_rows, None
    plain = _plain(pa.RecordBatch.from_pylist([], schema), days).schema
    return in_rows, stack.enter_context(pyarrow.csv.CSVWriter(csv, plain, write_options=CSV))


def _flush(writer: pq.ParquetWriter | None, batches: list[pa.RecordBatch]) -> None:
    if writer is not None and batches:
        table = pa.Table.from_batches(batches)
        # written as it is, a dictionary would list categories that no record has
        writer.write_table(table.cast(_as_text(table.schema)))


def _as_text(schema: pa.Schema) -> pa.Schema:
    """The schema with text in place of dictionaries of text."""
    return pa.schema([f.with_type(pa.string()) if pa.types.is_dictionary(f.type) else f for f in schema])


def _plain(batch: pa.RecordBatch, days: Sequence[str]) -> pa.RecordBatch:
    """The batch as CSV shows it: text as text, and days as days."""
    columns = [
        column.cast(pa.string())
        if pa.types.is_dictionary(column.type)
        else column.cast(pa.date32())
        if name in days
        else column
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, batch.schema.names)


def to_arrow(frame: pd.DataFrame) -> pa.Table:
    """The table as Arrow: text as string, integers as int64, missing as null."""
    arrays = [pa.array(frame[name], from_pandas=True) for name in frame.columns]
    arrays = [a.cast(pa.string()) if pa.types.is_null(a.type) else a for a in arrays]
    return pa.table(dict(zip(frame.columns, arrays, strict=True)))


def write_parquet(frame: pd.DataFrame, path: Path) -> None:
    """Writes the table as Parquet (zstd), without the pandas metadata."""
    pq.write_table(to_arrow(frame), path, compression="zstd")


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Writes the table as UTF-8 CSV: integers as integers, missing as empty, dates at midnight as YYYY-MM-DD."""
    table = to_arrow(frame)
    for i, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            table = table.set_column(i, field.name, _as_dates(table.column(i)))
    pyarrow.csv.write_csv(table, path, CSV)


def _as_dates(column: pa.ChunkedArray) -> pa.ChunkedArray:
    days = pc.floor_temporal(column, unit="day")
    whole = pc.all(pc.equal(column, days)).as_py()
    return column.cast(pa.date32()) if whole in (True, None) else column
