"""MySQL and SQLite by SQLAlchemy, whose dialects quote every name; values are made Arrow here, column by column."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Column, Connection, Engine, MetaData, NullPool, Table, create_engine, inspect, select, types
from sqlalchemy import exc as failures
from sqlalchemy.types import TypeEngine

from app.databases.errors import (
    SourceAwayError,
    SourceColumnError,
    SourceError,
    SourceLoginError,
    SourceTableError,
    SourceTimeoutError,
    TableExistsError,
)
from app.databases.model import (
    CONNECT_SECONDS,
    ROWS_AT_ONCE,
    Database,
    DatabaseFile,
    DatabaseKind,
    Opened,
    Server,
    TableName,
    driver,
)

MOST_DIGITS = 38
DAY_TICKS = 86_400_000_000
"""Microseconds of a day."""
REFUSALS: dict[int, tuple[type[SourceError], str]] = {
    **dict.fromkeys((1045, 1044, 1049), (SourceLoginError, "expected a user and a database that the server knows")),
    **dict.fromkeys((1142, 1143, 1146), (SourceTableError, "expected a table that is there and that the user may use")),
    1050: (TableExistsError, "expected the name of a table that is not there yet, got one that is"),
    **dict.fromkeys(
        (1317, 1969, 3024), (SourceTimeoutError, "expected the table in the time set aside for it, it took longer")
    ),
}
"""What the numbers of MySQL's errors mean (https://dev.mysql.com/doc/mysql-errors)."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """How a column comes: as what its values are taken, and what they become."""

    name: str
    came: pa.DataType
    wanted: pa.DataType


@contextmanager
def read_core(database: Database, table: TableName, seconds: float) -> Iterator[Opened]:
    """The table's columns and records, in one read-only transaction that ends with the block.

    Raises a SourceError, then or while the records come.
    """
    with ExitStack() as stack:
        with _refusing():
            connection = stack.enter_context(_engine(database).connect())
            opened = _open(connection, database, table, seconds)
        yield opened


def _open(connection: Connection, database: Database, table: TableName, seconds: float) -> Opened:
    """The table, in a transaction that only reads. Raises SourceTableError and SourceColumnError."""
    _only_read(connection, database, seconds)
    columns = _columns(connection, table)
    plans = [_plan(database, column) for column in columns]
    # values as the driver has them: SQLAlchemy's own conversions quote what they do not understand
    raw = Table(table.name, MetaData(), *(Column(p.name, types.NullType()) for p in plans), schema=table.schema or None)
    streamed = connection.execution_options(stream_results=True, yield_per=ROWS_AT_ONCE)
    schema = pa.schema([pa.field(plan.name, plan.wanted) for plan in plans])
    return Opened(schema=schema, batches=_batches(streamed.execute(select(raw)).partitions(), plans, schema))


def write_core(server: Server, table: TableName, batches: pa.RecordBatchReader) -> int:
    """How many records the new table has. Where that fails, the table that was begun is dropped.

    Raises TableExistsError where there is a table of this name, and other SourceErrors.
    """
    made = Table(
        table.name,
        MetaData(),
        *(Column(field.name, _sql_type(field.type), nullable=True) for field in batches.schema),
        schema=table.schema or None,
        mysql_charset="utf8mb4",
    )
    rows = 0
    with _refusing(), _engine(server).connect() as connection:
        made.create(connection, checkfirst=False)  # which MySQL commits at once, so it is dropped where it is not kept
        try:
            for batch in batches:
                connection.execute(made.insert(), batch.to_pylist())
                rows += len(batch)
            connection.commit()
        except BaseException:
            connection.rollback()
            made.drop(connection)
            connection.commit()
            raise
    return rows


def _columns(connection: Connection, table: TableName) -> Sequence[dict[str, Any]]:
    try:
        found: Sequence[dict[str, Any]] = inspect(connection).get_columns(table.name, table.schema or None)  # type: ignore[assignment]
    except failures.NoSuchTableError:
        found = []
    if connection.dialect.name == "mysql":  # whose reflection leaves backticks in names doubled
        found = [{**column, "name": column["name"].replace("``", "`")} for column in found]
    if not found:
        raise SourceTableError("expected a table or a view that the database has, it knows none of this name")
    return found


def _plan(database: Database, column: dict[str, Any]) -> _Plan:
    """Raises SourceColumnError on a type that a flat table has not."""
    kind: TypeEngine[Any] = column["type"]
    lite = database.kind is DatabaseKind.SQLITE
    known = [
        (types.Enum, pa.string(), pa.string()),
        (types.Boolean, pa.int64(), pa.bool_()),
        (types.Integer, *((pa.uint64(),) * 2 if getattr(kind, "unsigned", False) else (pa.int64(),) * 2)),
        (types.Float, pa.float64(), pa.float64()),
        (types.Numeric, *((pa.float64(),) * 2 if lite else (_decimal(kind),) * 2)),
        (types.Date, pa.string() if lite else pa.date32(), pa.date32()),
        (types.DateTime, pa.string() if lite else pa.timestamp("us"), pa.timestamp("us")),
        (types.Time, pa.string() if lite else pa.duration("us"), pa.time64("us")),
        (types.String, pa.string(), pa.string()),
        (types.Uuid, pa.string(), pa.string()),
    ]
    for family, came, wanted in known:
        if isinstance(kind, family):
            return _Plan(str(column["name"]), came, wanted)
    if type(kind).__name__ == "YEAR":
        return _Plan(str(column["name"]), pa.int64(), pa.int64())
    raise SourceColumnError(
        f"column {column['name']!r}: expected text, numbers, booleans, dates, times or timestamps; got the type "
        f"{type(kind).__name__.replace('NullType', 'that is not declared')}; read a view that leaves the column out or "
        "casts it"
    )


def _decimal(kind: TypeEngine[Any]) -> pa.DataType:
    digits, places = getattr(kind, "precision", None), getattr(kind, "scale", None)
    fits = digits is not None and 0 <= (places or 0) <= digits <= MOST_DIGITS
    return pa.decimal128(digits, places or 0) if fits else pa.float64()


def _batches(
    partitions: Iterator[Sequence[Any]], plans: Sequence[_Plan], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    while True:
        with _refusing():
            rows = next(partitions, None)
        if rows is None:
            return
        columns = zip(*rows, strict=True)
        arrays = [_array(plan, values) for plan, values in zip(plans, columns, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _array(plan: _Plan, values: Sequence[object]) -> pa.Array:
    """The values as Arrow. Raises SourceColumnError where one is not of the column's type, which SQLite allows."""
    try:
        if pa.types.is_decimal(plan.came):
            return pa.array(values, plan.came)
        if pa.types.is_string(plan.came) and any(isinstance(value, bytes) for value in values):
            raise TypeError
        found = pa.array(values, plan.came)
        if pa.types.is_boolean(plan.wanted) and pc.any(pc.invert(pc.is_in(found, pa.array([0, 1, None])))).as_py():
            raise TypeError
        if pa.types.is_time(plan.wanted) and pa.types.is_string(plan.came):
            return found.cast(pa.time32("s")).cast(plan.wanted)
        if pa.types.is_duration(plan.came):
            return _times_of_day(found)
        return found.cast(plan.wanted)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        raise SourceColumnError(
            f"column {plan.name!r}: expected values of its type ({plan.wanted}), got others; read a view that casts it"
        ) from None


def _times_of_day(durations: pa.Array) -> pa.Array:
    """Times of day from what MySQL's driver makes of them. Raises ValueError on one that is none: MySQL has those."""
    ticks = durations.cast(pa.int64())
    ends = pc.min_max(ticks).as_py()
    if ends["min"] is not None and not 0 <= ends["min"] <= ends["max"] < DAY_TICKS:
        raise ValueError("expected times of a day")
    return ticks.cast(pa.time64("us"))


def _sql_type(kind: pa.DataType) -> TypeEngine[Any]:
    for test, sql in (
        (pa.types.is_boolean, types.Boolean()),
        (pa.types.is_integer, types.BigInteger()),
        (pa.types.is_floating, types.Double()),
        (pa.types.is_date, types.Date()),
        (pa.types.is_time, types.Time()),
    ):
        if test(kind):
            return sql
    if pa.types.is_decimal(kind):
        return types.Numeric(kind.precision, kind.scale)
    if pa.types.is_timestamp(kind):
        return types.DateTime().with_variant(_mysql().DATETIME(fsp=6), "mysql")
    return types.Text()


def _mysql() -> Any:  # noqa: ANN401 - a module
    from sqlalchemy.dialects import mysql  # noqa: PLC0415 - for this kind of database alone

    return mysql


def _only_read(connection: Connection, database: Database, seconds: float) -> None:
    if isinstance(database, DatabaseFile):
        connection.exec_driver_sql("PRAGMA query_only = on")
        connection.exec_driver_sql("PRAGMA trusted_schema = off")
        return
    for limit in (f"max_execution_time = {int(seconds * 1000)}", f"max_statement_time = {seconds:.0f}"):
        with suppress(failures.DBAPIError):  # MySQL knows the first, MariaDB the second
            connection.exec_driver_sql(f"SET SESSION {limit}")
    connection.exec_driver_sql("SET SESSION TRANSACTION READ ONLY")
    connection.rollback()  # what comes next is the first statement of a transaction that only reads


def _engine(database: Database) -> Engine:
    if isinstance(database, DatabaseFile):
        if not database.path.is_file():
            raise SourceAwayError("expected a database file that is there, got no file of this name")
        sqlite3 = driver("sqlite3", "sqlite")
        uri = f"{database.path.resolve().as_uri()}?mode=ro"
        return create_engine("sqlite://", poolclass=NullPool, creator=lambda: sqlite3.connect(uri, uri=True))
    pymysql = driver("pymysql", "mysql")
    return create_engine("mysql+pymysql://", poolclass=NullPool, creator=lambda: _mysql_connection(pymysql, database))


def _mysql_connection(pymysql: Any, server: Server) -> Any:  # noqa: ANN401 - of a driver that is loaded late
    """A connection to the address that was looked at, with the certificate of the name."""
    context = None if server.tls == "off" else ssl.create_default_context(cafile=server.roots or None)
    if context is not None and server.tls == "require":
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = pymysql.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        database=server.database,
        charset="utf8mb4",
        ssl=context,
        connect_timeout=CONNECT_SECONDS,
        read_timeout=300,
        write_timeout=300,
        local_infile=False,  # a server must not ask for files of ours
        defer_connect=True,
    )
    plain = socket.create_connection((server.address or server.host, server.port), CONNECT_SECONDS)
    plain.settimeout(None)
    try:
        connection.connect(plain)
    except BaseException:
        plain.close()
        raise
    return connection


@contextmanager
def _refusing() -> Iterator[None]:
    """What driver and database say, in our words: theirs may quote values."""
    try:
        yield
    except failures.DBAPIError as error:
        said = error.orig.args[0] if error.orig is not None and error.orig.args else None
        if isinstance(said, int) and said in REFUSALS:
            kind, text = REFUSALS[said]
            raise kind(text) from None
        of_server = isinstance(said, int) and 1000 <= said < 2000
        if isinstance(error, (failures.OperationalError, failures.InterfaceError)) and not of_server:
            raise SourceAwayError("expected a database that answers and stays, it did not or went away") from None
        number = f" (error {said})" if of_server else ""
        raise SourceError(f"expected a database that gives the table, it refused{number}") from None
    except (OSError, failures.SQLAlchemyError):
        raise SourceAwayError("expected a database that answers and stays, it did not or went away") from None
