"""A table of a database where a command wants a file."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from app.cli.exits import CommandError, Exit
from app.cli.screen import Screen
from app.cli.sources import table_file
from app.databases.address import parse_address
from app.databases.errors import DriverMissingError, SourceAddressError
from app.databases.model import DatabaseFile, DatabaseKind, Server, TableName, driver
from tests.app.cli.commands import lookalike


def test_an_address_names_server_and_table() -> None:
    address = "postgresql://ana:p%40ss@db.example:5433/clinic?table=visits&schema=may%20be"
    assert parse_address(address, {}) == (
        Server(
            kind=DatabaseKind.POSTGRESQL,
            host="db.example",
            port=5433,
            database="clinic",
            user="ana",
            password="p@ss",  # noqa: S106
        ),
        TableName(name="visits", schema="may be"),
    )
    server, _ = parse_address("mysql://ana@127.0.0.1/clinic?table=visits", {"MYSQL_PWD": "of the environment"})
    assert isinstance(server, Server)
    assert (server.port, server.password, server.tls) == (3306, "of the environment", "off")
    file, _ = parse_address("sqlite:////srv/a%20b.db?table=visits", {})
    assert file == DatabaseFile(kind=DatabaseKind.SQLITE, path=Path("/srv/a b.db"))


def test_the_password_is_shown_nowhere() -> None:
    assert "p@ss" not in repr(parse_address("mysql://ana:p%40ss@db.example/clinic?table=visits", {}))


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://ana:s3cret@db.example/clinic",
        "postgresql://ana:s3cret@db.example/?table=x",
        "postgresql://db.example/clinic?table=x&password=s3cret",
        "postgresql://ana:s3cret@db.example/clinic?table=x&sslmode=disable",
        "postgresql://ana:s3cret@db.example/clinic?table=x&tls=maybe",
        "postgresql://ana:s3cret@db.example:99999/clinic?table=x",
        "postgresql://ana:s3cret@db.example/clinic?table=a%00b",
        "oracle://ana:s3cret@db.example/clinic?table=x",
        "sqlite://s3cret/a.db?table=x",
        "sqlite:///?table=s3cret",
        "postgresql://[s3cret/clinic?table=x",
    ],
)
def test_what_is_no_address_is_refused_without_being_repeated(address: str) -> None:
    with pytest.raises(SourceAddressError) as refused:
        parse_address(address, {})
    assert "s3cret" not in str(refused.value)


def test_a_driver_that_is_not_there_is_named_with_what_installs_it() -> None:
    with pytest.raises(DriverMissingError, match=r"pip install 'lookalike\[mysql\]'"):
        driver("no_such_driver.dbapi", "mysql")


def test_a_table_of_a_database_is_a_file_for_a_while(tmp_path: Path) -> None:
    path = tmp_path / "clinic.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE visits (id INTEGER, ward TEXT)")
        connection.executemany("INSERT INTO visits VALUES (?, 'a')", [(i,) for i in range(40)])
    with table_file(Screen.of_process(), f"sqlite:///{path}?table=visits") as file:
        assert (file.name, pq.read_metadata(file).num_rows) == ("visits.parquet", 40)
    assert not file.exists()
    with pytest.raises(CommandError) as refused, table_file(Screen.of_process(), f"sqlite:///{path}?table=others"):
        pass
    assert refused.value.code is Exit.BAD_INPUT


def test_a_file_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    done = lookalike("synthesize", tmp_path / "nothing.csv", "-o", tmp_path / "out")
    assert (done.returncode, "does not exist" in done.stderr) == (2, True)
