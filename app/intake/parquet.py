"""Reads a Parquet file that a stranger wrote: flat columns of known types only, each batch validated, bytes counted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from app.intake.engine import rows_at_once
from app.intake.errors import NotFiniteError, NotParquetError, NotTextError, TooLargeError, UnsupportedTypeError
from app.intake.model import ColumnType, IntakeLimits
from app.intake.records import check_count, check_names


@contextmanager
def _refusing(position: str = "") -> Iterator[None]:
    """Arrow's errors may quote values, so they are replaced. A MemoryError of Arrow's goes on as one."""
    try:
        yield
    except MemoryError:
        raise
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise NotParquetError(f"expected readable Parquet, reading failed{position} ({type(error).__name__})") from None


def inspect_parquet(path: Path, limits: IntakeLimits) -> dict[str, ColumnType]:
    """The column names and types of the file, from its footer alone.

    Raises NotParquetError, UnsupportedTypeError, TooLargeError and what checking names and counts raises.
    """
    with _refusing():
        metadata = pq.read_metadata(path)
        schema = metadata.schema.to_arrow_schema()
        declared = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    check_names(schema.names, limits)
    check_count(metadata.num_rows, limits)
    if declared > limits.max_decompressed_bytes:
        raise TooLargeError(f"expected at most {limits.max_decompressed_bytes:,} bytes after decompression, got more")
    return {field.name: _type(position, field.type) for position, field in enumerate(schema, start=1)}


def _type(position: int, found: pa.DataType) -> ColumnType:
    kind = found.value_type if pa.types.is_dictionary(found) else found
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return ColumnType.TEXT
    if pa.types.is_boolean(kind) or pa.types.is_null(kind) or pa.types.is_time(kind):
        return ColumnType.TEXT
    if pa.types.is_integer(kind):
        return ColumnType.INTEGER
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return ColumnType.REAL
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return ColumnType.DATETIME
    family = "nested values" if pa.types.is_nested(kind) else "binary values or durations"
    raise UnsupportedTypeError(
        f"column {position}: expected text, numbers, booleans, dates or timestamps; got {family}"
    )


def read_batches(path: Path, types: dict[str, ColumnType], limits: IntakeLimits) -> Iterator[pa.RecordBatch]:
    """The records of the file, cast to what `types` says; empty text becomes missing, as in CSV.

    Raises NotParquetError, NotFiniteError, NotTextError, TooLargeError.
    """
    taken = 0
    with _refusing():
        file = pq.ParquetFile(path)
    with file:
        batches = file.iter_batches(batch_size=rows_at_once(len(types)), use_threads=False)
        while (batch := _next(batches)) is not None:
            taken += batch.nbytes
            if taken > limits.max_decompressed_bytes:
                raise TooLargeError(f"expected at most {limits.max_decompressed_bytes:,} bytes decompressed, got more")
            columns = enumerate(zip(batch.columns, types.values(), strict=True))
            arrays = [_normalised(i, array, kind) for i, (array, kind) in columns]
            yield pa.RecordBatch.from_arrays(arrays, names=list(types))


def _next(batches: Iterator[pa.RecordBatch]) -> pa.RecordBatch | None:
    with _refusing():
        batch = next(batches, None)
        if batch is not None:
            batch.validate(full=True)
        return batch


def _normalised(index: int, array: pa.Array, kind: ColumnType) -> pa.Array:
    with _refusing(f" in column {index + 1}"):
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        if kind is ColumnType.TEXT:
            array = array.cast(pa.string())
            array = pc.if_else(pc.equal(array, ""), None, array)
        elif kind is ColumnType.INTEGER:
            array = array.cast(pa.int64())
        elif kind is ColumnType.REAL:
            array = array.cast(pa.float64())
            array = pc.if_else(pc.is_nan(array), None, array)
        else:
            # a time zone only says how to show the instant: what is kept is the instant in UTC
            array = array.cast(pa.timestamp("us"), safe=False)
    if kind is ColumnType.REAL and pc.any(pc.is_inf(array)).as_py():
        raise NotFiniteError(f"column {index + 1}: expected finite numbers, got infinite ones")
    if kind is ColumnType.TEXT and pc.any(pc.match_substring(array, "\0")).as_py():
        raise NotTextError(f"column {index + 1}: expected text, got NUL characters")
    return array
