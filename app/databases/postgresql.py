"""PostgreSQL by ADBC, whose driver turns COPY in its binary form into Arrow and back.

Every name in a statement was quoted by the server itself, or by the driver.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any
from urllib.parse import quote, urlencode

import pyarrow as pa

from app.databases.errors import (
    SourceAwayError,
    SourceColumnError,
    SourceError,
    SourceLoginError,
    SourceTableError,
    SourceTimeoutError,
    TableExistsError,
)
from app.databases.model import CONNECT_SECONDS, Opened, Server, TableName, driver

EXTRA = "postgresql"
AS_THEY_ARE = frozenset(
    {"bool", "int2", "int4", "int8", "float4", "float8", "date", "timestamp", "timestamptz", "time", "text", "varchar"}
)
AS_TEXT = frozenset({"bpchar", "name", "citext", "uuid", "inet", "cidr", "macaddr", "macaddr8"})
TLS_MODES = {"verify": "verify-full", "require": "require", "off": "disable"}
MOST_DIGITS = 38
"""So many a decimal of Arrow has."""
ONE_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
FIND = """
SELECT c.oid::regclass::text AS named, quote_ident(a.attname) AS quoted, a.attname::text AS name,
       format_type(a.atttypid, a.atttypmod) AS shown, b.typname::text AS type, b.typtype = 'e' AS coded,
       CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END AS modifier
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
WHERE c.oid = to_regclass(coalesce(quote_ident(nullif($1, '')) || '.', '') || quote_ident($2))
  AND c.relkind IN ('r', 'v', 'm', 'f', 'p')
ORDER BY a.attnum
"""
"""The columns of a table or a view, domains taken for what they are made of."""
REFUSALS: dict[str, tuple[type[SourceError], str]] = {
    "28": (SourceLoginError, "expected a user and a password that the database knows, it refused them"),
    "3D": (SourceLoginError, "expected a database that the server has, it knows none of this name"),
    "42501": (SourceTableError, "expected a table that this user has the right to, the database says they have not"),
    "ALREADY_EXISTS": (TableExistsError, "expected the name of a table that is not there yet, got one that is"),
    "NOT_FOUND": (SourceTableError, "expected a schema that the database has, it knows none of this name"),
    "57014": (SourceTimeoutError, "expected the table within the time set aside for it, the database took longer"),
    "25006": (SourceError, "expected a table that is read without writing, this view or its functions write"),
    "57P": (SourceAwayError, "expected a database that stays, it went away before the end"),
    "08": (SourceAwayError, "expected a database that stays, it went away before the end"),
}
"""What the beginning of an SQLSTATE means, or a status of ADBC."""


@contextmanager
def read_postgresql(server: Server, table: TableName, seconds: float) -> Iterator[Opened]:
    """The table's columns and records, in one read-only transaction that ends with the block.

    Raises a SourceError, then or while the records come.
    """
    with ExitStack() as stack:
        with _refusing():
            cursor = stack.enter_context(_cursor(server))
            opened = _open(cursor, table, time.monotonic() + seconds)
        yield opened


def _open(cursor: Any, table: TableName, deadline: float) -> Opened:  # noqa: ANN401 - the driver is loaded late
    """The table, in a transaction that only reads. Raises SourceTableError and SourceColumnError."""
    cursor.execute(ONE_SNAPSHOT)
    cursor.execute(f"SET LOCAL statement_timeout = {max(1, int((deadline - time.monotonic()) * 1000))}")
    cursor.execute("SET LOCAL synchronize_seqscans = off")  # the same order each time, as far as it is ours
    cursor.execute(FIND, parameters=(table.schema or "", table.name))
    columns = cursor.fetch_arrow_table().to_pylist()
    if not columns:
        raise SourceTableError(
            "expected a table or a view that the database has and this user may see, got another name"
        )
    plans = [_plan(column) for column in columns]
    listed = ", ".join(f"{plan[0]} AS {column['quoted']}" for plan, column in zip(plans, columns, strict=True))
    cursor.execute(f"SELECT {listed} FROM {columns[0]['named']}")  # noqa: S608 - quoted by the server
    reader = cursor.fetch_record_batch()
    kinds = [plan[1] or field.type for plan, field in zip(plans, reader.schema, strict=True)]
    schema = pa.schema([pa.field(c["name"], kind) for c, kind in zip(columns, kinds, strict=True)])
    notes = tuple(plan[2] for plan in plans if plan[2])
    return Opened(schema=schema, batches=_batches(cursor, reader, schema, deadline), notes=notes)


def write_postgresql(server: Server, table: TableName, batches: pa.RecordBatchReader) -> int:
    """How many records the new table has. All of it is there afterwards, or nothing.

    Raises TableExistsError where there is a table of this name, and other SourceErrors.
    """
    with _refusing(), _cursor(server) as cursor:
        cursor.adbc_ingest(table.name, batches, mode="create", db_schema_name=table.schema)
        quoted = _quoted(cursor, table)
        cursor.execute(f"SELECT count(*) FROM {quoted}")  # noqa: S608 - quoted by the server
        rows = int(cursor.fetchone()[0])
        cursor.connection.commit()
    return rows


def _quoted(cursor: Any, table: TableName) -> str:  # noqa: ANN401 - the driver is loaded late
    cursor.execute(
        "SELECT coalesce(quote_ident(nullif($1, '')) || '.', '') || quote_ident($2)",
        parameters=(table.schema or "", table.name),
    )
    return str(cursor.fetchone()[0])


def _plan(column: dict[str, Any]) -> tuple[str, pa.DataType | None, str]:
    """How a column is selected, the type it gets where that is not the driver's, and a note. Raises SourceColumnError
    on a type that a flat table has not.
    """
    quoted, kind, name = column["quoted"], column["type"], column["name"]
    if column["coded"] or kind in AS_TEXT:
        return f"{quoted}::text", pa.string(), ""
    if kind in AS_THEY_ARE:
        return quoted, None, ""
    if kind == "numeric":
        digits, places = _digits(column["modifier"])
        if 0 <= places <= digits <= MOST_DIGITS and digits > 0:
            return f"nullif({quoted}, 'NaN')::text", pa.decimal128(digits, places), ""
        return f"{quoted}::float8", pa.float64(), f"column {name!r}: numeric of any precision is read as a double"
    raise SourceColumnError(
        f"column {name!r}: expected text, numbers, booleans, dates, times or timestamps; got the type "
        f"{column['shown']}; read a view that leaves the column out or casts it to text"
    )


def _digits(modifier: int) -> tuple[int, int]:
    """Precision and scale of a numeric, from src/backend/utils/adt/numeric.c; no digits where none were said."""
    if modifier < 4:
        return 0, 0
    return ((modifier - 4) >> 16) & 0xFFFF, (((modifier - 4) & 0x7FF) ^ 1024) - 1024


def _batches(cursor: Any, reader: pa.RecordBatchReader, schema: pa.Schema, deadline: float) -> Iterator[pa.RecordBatch]:  # noqa: ANN401
    while True:
        try:
            batch = next(reader, None)
        except (OSError, pa.ArrowException):  # a stream that breaks off does not say why
            raise _broken_off(cursor, deadline) from None
        if batch is None:
            return
        arrays = [_typed(column, field) for column, field in zip(batch.columns, schema, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _broken_off(cursor: Any, deadline: float) -> SourceError:  # noqa: ANN401 - the driver is loaded late
    """Why a stream broke off: the time was over, the server refused and still answers, or it went away."""
    if time.monotonic() >= deadline:
        return SourceTimeoutError("expected the table within the time set aside for it, the database took longer")
    try:
        cursor.connection.rollback()
        cursor.execute("SELECT 1")
    except driver("adbc_driver_manager", EXTRA).Error:
        return SourceAwayError("expected a database that stays, it went away before the end")
    return SourceError(
        "expected a table that can be read without writing, the database refused in the middle of it; where it is a "
        "view, look at its functions"
    )


def _typed(column: pa.Array, field: pa.Field) -> pa.Array:
    try:
        return column.cast(field.type)
    except pa.ArrowException:
        raise SourceColumnError(
            f"column {field.name!r}: expected finite values of its type, got others; read a view that leaves them out"
        ) from None


@contextmanager
def _cursor(server: Server) -> Iterator[Any]:
    """A cursor in a transaction that is rolled back unless the block commits it."""
    dbapi = driver("adbc_driver_postgresql.dbapi", EXTRA)
    with closing(dbapi.connect(_uri(server))) as connection, closing(connection.cursor()) as cursor:
        yield cursor


@contextmanager
def _refusing() -> Iterator[None]:
    """What driver and database say, in our words: theirs may quote values."""
    try:
        yield
    except driver("adbc_driver_manager", EXTRA).Error as error:
        raise _refusal(error) from None


def _refusal(error: Any) -> SourceError:  # noqa: ANN401 - the driver is loaded late
    state, status = error.sqlstate or "", error.status_code.name
    for begin, (kind, said) in REFUSALS.items():
        if begin in {status, state[:2], state[:3], state}:
            return kind(said)
    if status == "IO" and "no password supplied" in str(error):
        return SourceLoginError("expected a password, got none: set PGPASSWORD, or the secret of the connection")
    if status == "IO" and "FATAL" in str(error):
        return SourceLoginError("expected a user, a password and a database that the server accepts, it refused them")
    if not state:
        return SourceAwayError("expected a database that answers and stays, it could not be reached or went away")
    return SourceError(f"expected a database that gives the table, it refused (SQLSTATE {state})")


def _uri(server: Server) -> str:
    host = f"[{server.host}]" if ":" in server.host else quote(server.host, safe="")
    wanted = {
        "connect_timeout": str(CONNECT_SECONDS),
        "application_name": "lookalike",
        "keepalives_idle": "30",
        "keepalives_count": "3",
        "tcp_user_timeout": "60000",
        "sslmode": TLS_MODES[server.tls],
        **({"sslrootcert": server.roots or "system"} if server.tls == "verify" else {}),
        **({"hostaddr": server.address} if server.address else {}),
    }
    login = f"{quote(server.user, safe='')}:{quote(server.password, safe='')}"
    return f"postgresql://{login}@{host}:{server.port}/{quote(server.database, safe='')}?{urlencode(wanted)}"
