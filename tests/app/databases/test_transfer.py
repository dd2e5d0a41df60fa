"""Tables of real databases become Parquet with the types they had, or a refusal that names the column and no cell."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import make_url

from app.databases.errors import (
    SourceAwayError,
    SourceColumnError,
    SourceError,
    SourceLoginError,
    SourceTableError,
    SourceTimeoutError,
    TableExistsError,
)
from app.databases.model import Database, DatabaseFile, DatabaseKind, Server, TableName
from app.databases.transfer import read_table, write_table
from app.intake.errors import TooLargeError, TooManyRecordsError
from app.intake.model import IntakeLimits
from tests.support.postgres import USER, PostgresServer

SECONDS = 60.0
HOSTILE = 'vis"its; DROP TABLE x; --'
SECRET = "Nobody Knows"  # noqa: S105 - a cell
VISITS = """
CREATE TYPE ward AS ENUM ('b', 'a');
CREATE DOMAIN euros AS numeric(12, 2);
CREATE TABLE visits (id int8, age int2, "Wa""rd" ward, bill euros, any_number numeric, seen timestamptz, day date,
  at time, alive bool, code char(4), who uuid, note varchar(10), ratio float4);
INSERT INTO visits SELECT i, i, 'a', i + 0.25, i / 8.0, timestamptz '2024-02-29 12:00:00+01', date '2024-02-29',
  time '08:30', i % 2 = 0, 'ab', '00000000-0000-0000-0000-000000000001', CASE WHEN i = 1 THEN '' END, 0.5
  FROM generate_series(1, 50) i;
INSERT INTO visits (id, bill) VALUES (51, 'NaN');
"""


@pytest.fixture(scope="module")
def server(postgres: PostgresServer) -> Iterator[Server]:
    with postgres.database() as url:
        name = make_url(url).database or ""
        with postgres.connect(name) as connection:
            connection.execute(VISITS)
        yield Server(
            kind=DatabaseKind.POSTGRESQL,
            host="localhost",
            address="127.0.0.1",
            port=postgres.port,
            database=name,
            user=USER,
            password=postgres.password,
            tls="off",
        )


@pytest.fixture
def execute(postgres: PostgresServer, server: Server):
    with postgres.connect(server.database) as connection:
        yield connection.execute


def read(database: Database, table: str | TableName, folder: Path, limits: IntakeLimits | None = None) -> pa.Table:
    out = folder / "out.parquet"
    named = TableName(name=table) if isinstance(table, str) else table
    read_table(database, named, out, limits=limits or IntakeLimits(), seconds=SECONDS)
    return pq.read_table(out)


def test_postgresql_keeps_types_and_values(server: Server, tmp_path: Path) -> None:
    table = read(server, TableName(name="visits", schema="public"), tmp_path)
    assert {field.name: str(field.type) for field in table.schema} == {
        "id": "int64",
        "age": "int16",
        'Wa"rd': "string",
        "bill": "decimal128(12, 2)",
        "any_number": "double",
        "seen": "timestamp[us, tz=UTC]",
        "day": "date32[day]",
        "at": "time64[us]",
        "alive": "bool",
        "code": "string",
        "who": "string",
        "note": "string",
        "ratio": "float",
    }
    first, second, *_, last = table.to_pylist()
    assert first["bill"] == Decimal("1.25")
    assert first["seen"] == dt.datetime(2024, 2, 29, 11, tzinfo=dt.UTC)
    assert (first["note"], second["note"]) == ("", None)
    assert (last["bill"], last["alive"]) == (None, None)
    assert table.num_rows == 51


def test_names_are_quoted(server: Server, execute, tmp_path: Path) -> None:
    quoted = '"' + HOSTILE.replace('"', '""') + '"'
    execute(f'CREATE TABLE {quoted} AS SELECT 1 AS "a; DROP TABLE visits; --", 2 AS b')
    assert read(server, HOSTILE, tmp_path).to_pylist() == [{"a; DROP TABLE visits; --": 1, "b": 2}]
    with pytest.raises(SourceTableError):
        read(server, "visits; DROP TABLE visits", tmp_path)


@pytest.mark.parametrize("kind", ["jsonb", "int4[]", "bytea", "interval", "point", "int4range", "money"])
def test_a_type_that_a_flat_table_has_not_is_named_with_its_column(
    server: Server, execute, tmp_path: Path, kind: str
) -> None:
    execute(f'CREATE VIEW "odd {kind}" AS SELECT 1 AS a, NULL::{kind} AS "the one"')
    with pytest.raises(SourceColumnError, match=r"column 'the one'.*got the type "):
        read(server, f"odd {kind}", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_view_that_writes_cannot(server: Server, execute, tmp_path: Path) -> None:
    execute("CREATE TABLE spy (said text)")
    execute(
        "CREATE FUNCTION peep() RETURNS int LANGUAGE plpgsql AS "
        "$$ BEGIN INSERT INTO spy VALUES ('was here'); RETURN 1; END $$"
    )
    execute("CREATE VIEW writing AS SELECT i AS a, peep() AS b FROM generate_series(1, 50) i")
    with pytest.raises(SourceError, match="without writing") as refused:
        read(server, "writing", tmp_path)
    assert type(refused.value) is SourceError  # and not that it went away
    assert execute("SELECT count(*) FROM spy").fetchone() == (0,)


def test_no_table_no_right_wrong_password_and_no_server_are_told_apart(
    server: Server, execute, postgres: PostgresServer, tmp_path: Path
) -> None:
    execute("CREATE ROLE nobody_special LOGIN PASSWORD 'x'")
    guest = Server(**{**fields(server), "user": "nobody_special", "password": "x"})
    with pytest.raises(SourceTableError, match="right"):
        read(guest, "visits", tmp_path)
    with pytest.raises(SourceTableError, match="another name"):
        read(server, "visit", tmp_path)
    with pytest.raises(SourceLoginError) as refused:
        read(Server(**{**fields(server), "password": "wr0ng"}), "visits", tmp_path)
    assert "wr0ng" not in refused.value.detail
    with pytest.raises(SourceLoginError, match="got none: set PGPASSWORD"):
        read(Server(**{**fields(server), "password": ""}), "visits", tmp_path)
    with pytest.raises(SourceAwayError):
        read(Server(**{**fields(server), "port": 1}), "visits", tmp_path)


def fields(server: Server) -> dict:
    return {name: getattr(server, name) for name in Server.__slots__}


def test_a_database_that_goes_away_in_the_middle_leaves_nothing(server: Server, execute, tmp_path: Path) -> None:
    execute("CREATE VIEW long AS SELECT i AS a, repeat('x', 1000) AS b FROM generate_series(1, 1000000) i")
    killed = []

    def told(rows: int) -> None:
        if not killed:
            killed.extend(
                execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE application_name = 'lookalike' AND datname = current_database()"
                ).fetchall()
            )

    with pytest.raises(SourceAwayError, match="went away"):
        read_table(
            server, TableName(name="long"), tmp_path / "out.parquet", limits=IntakeLimits(), seconds=SECONDS, told=told
        )
    assert killed == [(True,)]
    assert list(tmp_path.iterdir()) == []


def test_the_time_of_a_statement_is_limited(server: Server, execute, tmp_path: Path) -> None:
    execute("CREATE VIEW slow AS SELECT 1 AS a, pg_sleep(60)::text AS b")
    with pytest.raises(SourceTimeoutError):
        read_table(server, TableName(name="slow"), tmp_path / "out.parquet", limits=IntakeLimits(), seconds=0.2)


def test_the_limits_of_uploads_hold(server: Server, tmp_path: Path) -> None:
    with pytest.raises(TooManyRecordsError):
        read(server, "visits", tmp_path, IntakeLimits(max_rows=50))
    with pytest.raises(TooLargeError):
        read(server, "visits", tmp_path, IntakeLimits(max_decompressed_bytes=100))
    assert list(tmp_path.iterdir()) == []


def test_a_table_goes_into_a_new_table_and_never_into_one_that_is_there(
    server: Server, execute, tmp_path: Path
) -> None:
    table = pa.table(
        {
            "a": pa.array([1, None, 3], pa.uint16()),
            'b"; --': pa.array(["x", "", None]).dictionary_encode(),
            "c": pa.array([Decimal("1.25"), None, Decimal("-3.00")], pa.decimal128(9, 2)),
            "d": pa.array([dt.datetime.fromisoformat("2024-01-01"), None, None], pa.timestamp("ns")),
            "e": pa.array([dt.date(2024, 1, 1), None, None]),
            "f": pa.array([True, False, None]),
            "g": pa.array([dt.time(8, 30), None, None], pa.time32("s")),
        }
    )
    pq.write_table(table, tmp_path / "in.parquet")
    assert write_table(server, TableName(name="made"), tmp_path / "in.parquet") == 3
    back = read(server, "made", tmp_path)
    assert back.num_rows == 3
    assert back.column('b"; --').to_pylist() == ["x", "", None]
    assert back.column("a").to_pylist() == [1, None, 3]
    assert [None if each is None else float(each) for each in back.column("c").to_pylist()] == [1.25, None, -3.0]
    for taken in ("made", "visits"):
        with pytest.raises(TableExistsError):
            write_table(server, TableName(name=taken), tmp_path / "in.parquet")
    assert execute("SELECT count(*) FROM visits").fetchone() == (51,)


@pytest.fixture
def lite(tmp_path: Path) -> DatabaseFile:
    path = tmp_path / "some data.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(
            'CREATE TABLE visits (id INTEGER, "wa rd" VARCHAR(3), bill NUMERIC(9, 2), day DATE, seen DATETIME, '
            "ok BOOLEAN); INSERT INTO visits VALUES (1, 'a', 1.5, '2024-02-29', '2024-02-29 08:30:00.5', 1), "
            "(2, '', NULL, NULL, NULL, 0);"
            "CREATE TABLE mixed (id INTEGER, age INTEGER); CREATE TABLE blobs (id INTEGER, b BLOB);"
            "CREATE TABLE loose (id INTEGER, x);"
        )
        connection.execute("INSERT INTO mixed VALUES (1, ?)", (SECRET,))
    return DatabaseFile(kind=DatabaseKind.SQLITE, path=path)


def test_sqlite_keeps_declared_types(lite: DatabaseFile, tmp_path: Path) -> None:
    table = read(lite, "visits", tmp_path)
    assert [str(field.type) for field in table.schema] == [
        "int64", "string", "double", "date32[day]", "timestamp[us]", "bool"
    ]  # fmt: skip
    assert list(table.to_pylist()[0].values()) == [
        1, "a", 1.5, dt.date(2024, 2, 29), dt.datetime.fromisoformat("2024-02-29T08:30:00.5"), True
    ]  # fmt: skip
    assert table.to_pylist()[1]["wa rd"] == ""


@pytest.mark.parametrize("table", ["mixed", "blobs", "loose"])
def test_sqlite_cells_of_another_type_are_refused_by_column_and_never_shown(
    lite: DatabaseFile, tmp_path: Path, table: str
) -> None:
    with pytest.raises(SourceColumnError, match=r"column '(age|b|x)'") as refused:
        read(lite, table, tmp_path)
    assert SECRET not in str(refused.value)
    assert not (tmp_path / "out.parquet").exists()


def test_duckdb_files_are_read_and_reach_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "data.duckdb"
    (tmp_path / "other.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "CREATE TABLE visits AS SELECT i AS id, 'x' AS \"wa rd\", i::DECIMAL(9, 2) AS bill FROM range(40) t(i)"
        )
        other = tmp_path / "other.csv"
        connection.execute(f"CREATE VIEW spying AS SELECT * FROM read_csv('{other}')")  # noqa: S608 - ours
        connection.execute("CREATE TABLE nested AS SELECT 1 AS id, [1, 2] AS many")
    database = DatabaseFile(kind=DatabaseKind.DUCKDB, path=path)
    assert str(read(database, "visits", tmp_path).schema.field("bill").type) == "decimal128(9, 2)"
    with pytest.raises(SourceError):
        read(database, "spying", tmp_path)
    with pytest.raises(SourceColumnError, match=r"column 'many'.*INTEGER\[\]"):
        read(database, "nested", tmp_path)
    with pytest.raises(SourceTableError):
        read(database, "visit", tmp_path)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"nonsense" * 1000)
    for kind in (DatabaseKind.SQLITE, DatabaseKind.DUCKDB):
        with pytest.raises(SourceError):
            read(DatabaseFile(kind=kind, path=tmp_path / "x.db"), "t", tmp_path)
        with pytest.raises(SourceAwayError, match="no file"):
            read(DatabaseFile(kind=kind, path=tmp_path / "y.db"), "t", tmp_path)
    assert not (tmp_path / "y.db").exists()
