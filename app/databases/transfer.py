"""A table of a database to Parquet, and Parquet to a new table, batch by batch: as much memory however many records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from app.databases.core import read_core, write_core
from app.databases.duckdb_file import read_duckdb
from app.databases.errors import SourceError
from app.databases.model import ROWS_AT_ONCE, Database, DatabaseFile, DatabaseKind, Opened, Server, TableName
from app.databases.postgresql import read_postgresql, write_postgresql
from app.intake.errors import TooLargeError, TooManyRecordsError
from app.intake.model import IntakeLimits
from synth.table.arrow_types import is_text

Told = Callable[[int], None]
PART_ROWS = 1 << 17
LOOK_ROWS = 10_000
"""Of the first batch, by which it is told whether texts of a column repeat."""
MOST_DISTINCT = 0.1
"""Share of different texts up to which they do."""
MOST_DIGITS = 38
"""So many a decimal of Arrow has that drivers take."""


def read_table(
    database: Database, table: TableName, out: Path, *, limits: IntakeLimits, seconds: float, told: Told | None = None
) -> tuple[str, ...]:
    """What a person has to know of how the table was read; `out` then holds it as Parquet, with the types it had.

    `told` hears how many records have come. `out` appears whole or not at all. Raises a SourceError, and
    TooManyRecordsError or TooLargeError where the table is beyond the limits of uploads.
    """
    part = out.with_name(f".{out.name}.part")
    try:
        with _opened(database, table, seconds) as opened:
            _write(_within(opened.batches, limits, told), opened.schema, part)
            notes = opened.notes
        if part.stat().st_size > limits.max_bytes:
            raise TooLargeError(f"expected a table of at most {limits.max_bytes:,} bytes as Parquet, got more")
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return notes


def _write(batches: Iterator[pa.RecordBatch], schema: pa.Schema, out: Path) -> None:
    """The records as Parquet. One batch is written while the next one comes, so the database does not wait for it."""
    first = next(batches, None)
    repeated = [] if first is None else _repeated(first)
    options = {"compression": "zstd", "compression_level": 1, "use_dictionary": repeated or False}
    # what is being written ends before the file is closed
    with pq.ParquetWriter(out, schema, **options) as writer, ThreadPoolExecutor(1) as pool:
        written: Future[None] | None = None
        for batch in chain([] if first is None else [first], batches):
            if written is not None:
                written.result()
            written = pool.submit(writer.write_batch, batch, row_group_size=PART_ROWS)
        if written is not None:
            written.result()


def _repeated(batch: pa.RecordBatch) -> list[str]:
    """The columns of text of which many cells are the same; for others a dictionary takes long and saves nothing."""
    some = batch.slice(0, LOOK_ROWS)
    texts = [field.name for field in batch.schema if is_text(field.type)]
    return [name for name in texts if MOST_DISTINCT * len(some) >= pc.count_distinct(some.column(name)).as_py()]


def write_table(server: Server, table: TableName, parquet: Path) -> int:
    """How many records the new table has. All of it is there afterwards, or nothing.

    Raises TableExistsError where there is a table of this name, and other SourceErrors.
    """
    with pq.ParquetFile(parquet) as file:
        schema = pa.schema([field.with_type(_plain(field.type)) for field in file.schema_arrow], None)
        batches = (
            pa.RecordBatch.from_arrays([c.cast(f.type) for c, f in zip(b.columns, schema, strict=True)], schema=schema)
            for b in file.iter_batches(ROWS_AT_ONCE)
        )
        write = write_postgresql if server.kind is DatabaseKind.POSTGRESQL else write_core
        return write(server, table, pa.RecordBatchReader.from_batches(schema, batches))


def _opened(database: Database, table: TableName, seconds: float) -> AbstractContextManager[Opened]:
    if isinstance(database, DatabaseFile) and database.kind is DatabaseKind.DUCKDB:
        return read_duckdb(database, table)
    if isinstance(database, Server) and database.kind is DatabaseKind.POSTGRESQL:
        return read_postgresql(database, table, seconds)
    return read_core(database, table, seconds)


def _within(batches: Iterator[pa.RecordBatch], limits: IntakeLimits, told: Told | None) -> Iterator[pa.RecordBatch]:
    """The batches, as long as they are within the limits."""
    rows = size = 0
    for batch in batches:
        rows, size = rows + len(batch), size + batch.nbytes
        if rows > limits.max_rows:
            raise TooManyRecordsError(f"expected at most {limits.max_rows:,} records, got more")
        if size > limits.max_decompressed_bytes:
            raise TooLargeError(f"expected at most {limits.max_decompressed_bytes:,} bytes, got more")
        if told is not None:
            told(rows)
        yield batch


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type in which every database takes a column of this one. Raises SourceError where there is none."""
    if pa.types.is_dictionary(kind):
        return _plain(kind.value_type)
    if pa.types.is_decimal(kind) and kind.precision > MOST_DIGITS:
        raise SourceError(f"expected decimals of at most {MOST_DIGITS} digits, got more: take the file instead")
    tests: tuple[tuple[Callable[[pa.DataType], bool], Callable[[], pa.DataType]], ...] = (
        (pa.types.is_uint64, lambda: pa.decimal128(20, 0)),
        (pa.types.is_uint32, pa.int64),
        (pa.types.is_unsigned_integer, pa.int32),
        (pa.types.is_int8, pa.int16),
        (pa.types.is_float16, pa.float32),
        (pa.types.is_date, pa.date32),
        (pa.types.is_time, lambda: pa.time64("us")),
        (pa.types.is_null, pa.string),
        (is_text, pa.string),
        (pa.types.is_timestamp, lambda: pa.timestamp("us", kind.tz)),
        (pa.types.is_decimal, lambda: pa.decimal128(kind.precision, max(kind.scale, 0))),
    )
    return next((wanted() for test, wanted in tests if test(kind)), kind)
