"""A table in memory is a pandas DataFrame with exactly its schema's columns; here it is read, checked and written."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from synth.errors import TableError
from synth.table.arrow_types import PANDAS_DTYPES, pandas_metadata, parse_type, plain, restored
from synth.table.pandas_types import held_frame
from synth.table.schema import ColumnKind, ColumnSpec, TableSchema
from synth.table.values import values_of

CSV = pyarrow.csv.WriteOptions(quoting_style="needed")
SHOWN = (
    pa.types.is_boolean,
    pa.types.is_date,
    pa.types.is_decimal,
    pa.types.is_float32,
    lambda kind: pa.types.is_timestamp(kind) and kind.tz is not None,
)
"""Types that CSV shows otherwise than the values that are held: without a time, with all decimals, with a zone."""
DIGITS = 38
"""Of a decimal, at most."""
ROW_GROUP = 131_072
"""Records of a row group of a Parquet file that is written in batches, about."""


def read_parquet(path: Path, schema: TableSchema) -> pd.DataFrame:
    """The table at `path`, its columns in the schema's order and of the types that the column kinds ask for.

    Numbers and dates stand in place of the texts that stand for them.

    Raises TableError where the file is not Parquet, or lacks a column, or has one of a type that its kind cannot have.
    """
    with readable():
        held = pq.read_schema(path)
        missing = [name for name in schema.names if name not in held.names]
        if missing:
            raise TableError(f"expected the {len(schema)} columns of the schema, {len(missing)} are missing")
        table = pq.read_table(path, columns=list(schema.names))
    stored = validate(pd.DataFrame({spec.name: _to_series(table.column(spec.name), spec) for spec in schema}), schema)
    return values_of(stored, schema)


def open_parquet(path: Path) -> pq.ParquetFile:
    """The file with its footer read once, which in a file of many columns takes longer than reading one of them.

    Raises TableError where it is not Parquet.
    """
    with readable():
        return pq.ParquetFile(path, pre_buffer=False)


def read_column(file: pq.ParquetFile, spec: ColumnSpec) -> pd.Series:
    """(records,) one column of the file as it is stored. Raises TableError as `read_parquet` does."""
    with readable():
        # columns whose names go on behind a dot are read as well
        found = file.read(columns=[spec.name])
    if spec.name not in found.column_names:
        raise TableError(f"column {spec.name!r}: expected a column of the schema, it is missing")
    return _checked(_to_series(found.column(spec.name), spec).rename(spec.name), spec)


def read_stored(path: Path, schema: TableSchema, names: Collection[str] | None = None) -> pd.DataFrame:
    """The columns of the schema as the file stores them, or those in `names` alone. Raises as `read_column`."""
    file = open_parquet(path)
    return pd.DataFrame({spec.name: read_column(file, spec) for spec in schema if names is None or spec.name in names})


@contextmanager
def readable() -> Iterator[None]:
    """Raises TableError where what is read inside is not Parquet."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise TableError(f"expected a Parquet file, could not read one ({type(error).__name__})") from error


def _to_series(column: pa.ChunkedArray, spec: ColumnSpec) -> pd.Series:
    exact = pa.types.is_timestamp(column.type) and column.type.unit == "ns" and not spec.arrow_type
    held = column.cast(pa.timestamp("ns")) if exact else plain(column)
    nullable = pa.types.is_integer(held.type) and held.null_count > 0
    types = {pa.int64(): pd.Int64Dtype()} if nullable else {}
    series: pd.Series = held.to_pandas(types_mapper=types.get)
    return series.astype(object) if pa.types.is_string(held.type) else series


def validate(frame: pd.DataFrame, schema: TableSchema) -> pd.DataFrame:
    """The table with the schema's columns in order, of the dtypes that a table has in memory, missing text as None.

    Raises TableError where a column is missing, of a dtype that is not read (see `synth.table.pandas_types`), or of
    one that its kind cannot have. The input is not changed.
    """
    frame = held_frame(frame)
    missing = [name for name in schema.names if name not in frame.columns]
    if missing or len(frame.columns) != len(schema):
        raise TableError(
            f"expected the {len(schema)} columns of the schema, got {len(frame.columns)}, {len(missing)} are missing"
        )
    columns = {spec.name: _checked(frame[spec.name], spec) for spec in schema}
    return pd.DataFrame(columns).reset_index(drop=True)


def _checked(column: pd.Series, spec: ColumnSpec) -> pd.Series:
    kind = spec.kind
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
        # who somebody is and what a quantity is are never empty text
        told_apart = spec.form is None and spec.kind.is_category
        missing = column.isna() if told_apart else column.isna() | (column == "")
        return column.where(~missing, None)
    if numeric and not np.isfinite(column.dropna().to_numpy(dtype=np.float64)).all():
        raise TableError(f"column {column.name!r}: expected finite numbers, got infinite ones; write them as missing")
    return column


@dataclass(frozen=True, kw_only=True, slots=True)
class TextForm:
    """How CSV shows records."""

    days: Sequence[str] = ()
    """The datetime columns that are shown as YYYY-MM-DD."""
    places: Mapping[str, int] = field(default_factory=dict)
    """How many places are shown of columns of doubles that have no more."""
    delimiter: str = ","


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sinks:
    """The files that are written, and how each shows the records."""

    parquet: pq.ParquetWriter | None
    csv: pyarrow.csv.CSVWriter | None
    stored: pa.Schema
    """Of the Parquet file."""
    shown: pa.Schema
    """Of what the CSV file shows."""
    orders: Mapping[str, Sequence[str]]
    """Of the categories of columns that came with one."""


def write_batches(
    batches: Iterable[pa.RecordBatch],
    *,
    parquet: Path | None = None,
    csv: Path | None = None,
    schema: TableSchema | None = None,
    text: TextForm | None = None,
) -> int:
    """Writes record batches as they come, as Parquet (zstd), as CSV or as both; how many records there were.

    In memory there are a few batches at a time. With a `schema`, columns have the types that they came with; `text` is
    how CSV shows them. Raises TableError where there is no batch (one without records tells at least the columns), and
    where a value does not fit the type of its column.
    """
    rows, waiting, held = 0, list[pa.RecordBatch](), 0
    sinks: _Sinks | None = None
    with ExitStack() as stack:
        for batch in batches:
            if sinks is None:
                sinks = _sinks(stack, batch.schema, parquet, csv, schema, text or TextForm())
            if sinks.csv is not None:
                sinks.csv.write_batch(pa.RecordBatch.from_arrays(_typed(batch, sinks.shown, {}), schema=sinks.shown))
            waiting.append(batch)
            rows, held = rows + len(batch), held + len(batch)
            if held >= ROW_GROUP:
                _flush(sinks, waiting)
                waiting, held = [], 0
        if sinks is None:
            raise TableError("expected a batch of records at least, got none")
        _flush(sinks, waiting)
    return rows


def _sinks(
    stack: ExitStack,
    held: pa.Schema,
    parquet: Path | None,
    csv: Path | None,
    schema: TableSchema | None,
    text: TextForm,
) -> _Sinks:
    came = {spec.name: parse_type(spec.arrow_type) for spec in schema or () if spec.arrow_type}
    stored, shown = _stored(held, came, schema), _shown(held, came, text)
    # only what has few values is worth a dictionary: to look each value up in one costs more than to write it
    few = [each.name for each in held if pa.types.is_dictionary(each.type)]
    in_rows, lines = None, None
    if parquet is not None:
        # a reader is to see the types that came, or else text, not how it was held in memory
        made = pq.ParquetWriter(parquet, stored, compression="zstd", use_dictionary=few, store_schema=bool(came))
        in_rows = stack.enter_context(made)
    if csv is not None:
        options = pyarrow.csv.WriteOptions(quoting_style="needed", delimiter=text.delimiter)
        lines = stack.enter_context(pyarrow.csv.CSVWriter(csv, shown, write_options=options))
    return _Sinks(
        parquet=in_rows, csv=lines, stored=stored, shown=shown, orders={spec.name: spec.order for spec in schema or ()}
    )


def _stored(held: pa.Schema, came: Mapping[str, pa.DataType], schema: TableSchema | None) -> pa.Schema:
    """The schema of the Parquet file: the types that came, and text in place of dictionaries where none did."""
    fields = [f.with_type(came.get(f.name, _as_text(f.type))) for f in held]
    dtypes = {spec.name: spec.pandas_dtype for spec in schema or () if spec.pandas_dtype in PANDAS_DTYPES}
    return pa.schema(fields, pandas_metadata(dtypes))


def _shown(held: pa.Schema, came: Mapping[str, pa.DataType], text: TextForm) -> pa.Schema:
    """What CSV shows: the types that came where they are written otherwise, days as days, and text as text."""
    fields = []
    for each in held:
        kind = came.get(each.name, each.type)
        if not any(test(kind) for test in SHOWN):
            kind = pa.date32() if each.name in text.days else _as_text(each.type)
        if each.name in text.places and pa.types.is_float64(kind):
            kind = pa.decimal128(DIGITS, text.places[each.name])
        if pa.types.is_timestamp(kind) and kind.unit == "ns":
            kind = pa.timestamp("us", kind.tz)  # no finer than what is learnt
        fields.append(each.with_type(kind))
    return pa.schema(fields)


def _flush(sinks: _Sinks, batches: list[pa.RecordBatch]) -> None:
    if sinks.parquet is not None and batches:
        table = pa.Table.from_batches(batches)
        # written as it is, a dictionary would list categories that no record has
        sinks.parquet.write_table(pa.Table.from_arrays(_typed(table, sinks.stored, sinks.orders), schema=sinks.stored))


def _typed(
    records: pa.RecordBatch | pa.Table, wanted: pa.Schema, orders: Mapping[str, Sequence[str]]
) -> list[pa.Array | pa.ChunkedArray]:
    columns = zip(records.columns, wanted, strict=True)
    return [restored(column, f.type, f.name, orders.get(f.name, ())) for column, f in columns]


def _as_text(kind: pa.DataType) -> pa.DataType:
    """Text in place of dictionaries of text."""
    return pa.string() if pa.types.is_dictionary(kind) else kind


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
    for i, each in enumerate(table.schema):
        if pa.types.is_timestamp(each.type):
            table = table.set_column(i, each.name, _as_dates(table.column(i)))
    pyarrow.csv.write_csv(table, path, CSV)


def _as_dates(column: pa.ChunkedArray) -> pa.ChunkedArray:
    days = pc.floor_temporal(column, unit="day")
    whole = pc.all(pc.equal(column, days)).as_py()
    return column.cast(pa.date32()) if whole in (True, None) else column
