"""Where a command gets its table: a file, or a table of a database, which is read here and becomes a file."""

# ruff: noqa: PLC0415 - what takes long to load is imported where a database is read

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from app.cli.exits import CommandError, Exit
from app.cli.options import FORMATS
from app.cli.screen import Screen

HOURS = 6.0
"""So long the reading of one table may take."""


def _checked(given: str) -> str:
    """The name of a file that is there, or an address. Raises BadParameter, as Typer does for paths."""
    if "://" not in given and not (Path(given).is_file() and os.access(given, os.R_OK)):
        raise typer.BadParameter(f"File '{given}' does not exist, is a folder or cannot be read.")
    return given


TableOrAddress = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        callback=_checked,
        help=f"{FORMATS} file; or a table of a database, such as postgresql://user@host/database?table=visits (mysql, "
        "sqlite:///file and duckdb:///file too; PGPASSWORD or MYSQL_PWD has the password).",
    ),
]


@contextmanager
def table_file(screen: Screen, given: str) -> Iterator[Path]:
    """The file that was named, or one that holds the table of a database as long as the block lasts.

    The table is read by this very process: the service never hears of the database or of its password. Raises
    CommandError where it cannot be read.
    """
    if "://" not in given:
        yield Path(given)
        return
    from app.cli.offline import limits
    from app.databases.address import parse_address
    from app.databases.transfer import read_table
    from app.errors import ServiceError

    with tempfile.TemporaryDirectory(prefix="lookalike-") as folder:
        try:
            database, table = parse_address(given)
            out = Path(folder) / f"{re.sub(r'[^A-Za-z0-9._-]', '_', table.name)}.parquet"
            with screen.work("reading the table from the database") as told:
                notes = read_table(
                    database,
                    table,
                    out,
                    limits=limits(),
                    seconds=HOURS * 3600,
                    told=lambda rows: told(0.0, f"reading the table from the database: {rows:,} records"),
                )
        except ServiceError as error:
            raise CommandError(str(error), Exit.BAD_INPUT) from error
        for note in notes:
            screen.note(f"note: {note}")
        yield out
