"""DuckDB files, which give Arrow by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import pyarrow as pa

from app.databases.errors import SourceAwayError, SourceColumnError, SourceError, SourceTableError
from app.databases.model import ROWS_AT_ONCE, DatabaseFile, Opened, TableName, driver
from synth.table.arrow_types import is_known

CONFIG = {
    "enable_external_access": "false",
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "lock_configuration": "true",
    "threads": "2",
}
"""A view in the file must not reach other files or the network."""
AS_TEXT = frozenset({"UUID", "HUGEINT", "UHUGEINT"})


@contextmanager
def read_duckdb(database: DatabaseFile, table: TableName) -> Iterator[Opened]:
    """The table's columns and records from the file, which is opened to be read alone. Raises a SourceError."""
    duckdb = driver("duckdb", "duckdb")
    if not database.path.is_file():
        raise SourceAwayError("expected a database file that is there, got no file of this name")
    named = ".".join(_quoted(part) for part in (table.schema, table.name) if part)
    with ExitStack() as stack:
        with _refusing():
            connection = stack.enter_context(closing(duckdb.connect(str(database.path), read_only=True, config=CONFIG)))
            columns = [(name, kind) for name, kind, *_ in connection.execute(f"DESCRIBE {named}").fetchall()]
            listed = ", ".join(_selected(name, kind) for name, kind in columns)
            found = connection.sql(f"SELECT {listed} FROM {named}")  # noqa: S608 - quoted
            reader = found.to_arrow_reader(ROWS_AT_ONCE)
        for field, (_, kind) in zip(reader.schema, columns, strict=True):
            if not is_known(field.type):
                raise SourceColumnError(
                    f"column {field.name!r}: expected text, numbers, booleans, dates, times or timestamps; got the "
                    f"type {kind}; read a view that leaves the column out or casts it to text"
                )
        yield Opened(schema=reader.schema, batches=_batches(reader))


def _batches(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    while True:
        with _refusing():
            batch = next(reader, None)
        if batch is None:
            return
        yield batch


@contextmanager
def _refusing() -> Iterator[None]:
    """What DuckDB says, in our words: its own may quote values."""
    duckdb = driver("duckdb", "duckdb")
    try:
        yield
    except duckdb.CatalogException:
        raise SourceTableError("expected a table or a view that the database has, it knows none of this name") from None
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise SourceError(f"expected a DuckDB file that can be read, got {type(error).__name__}") from None


def _selected(name: str, kind: str) -> str:
    quoted = _quoted(name)
    return f"{quoted}::VARCHAR AS {quoted}" if kind in AS_TEXT else quoted


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
