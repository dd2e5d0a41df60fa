"""DuckDB in its sandbox: one private folder, no network, no extensions, settings locked.

See duckdb.org, "Securing DuckDB".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from app.intake.dialect import Dialect
from app.intake.errors import IntakeError, IntakeFailedError, TooMuchMemoryError
from app.intake.model import IntakeLimits

MIN_BUFFER_BYTES = 8 * 2**20
CELLS_AT_ONCE = 500_000
"""How many cells are held at a time; wide tables are handled in fewer records at once."""


def rows_at_once(columns: int) -> int:
    """How many records of a table of so many columns are handled at a time."""
    return max(1_024, min(65_536, CELLS_AT_ONCE // max(columns, 1)))


@contextmanager
def sandbox(folder: Path, limits: IntakeLimits) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that can touch no file outside `folder`.

    Raises TooMuchMemoryError, IntakeError and IntakeFailedError in place of DuckDB's errors, whose texts
    quote the rows of the table.
    """
    with duckdb.connect(":memory:", config=_settings(folder, limits)) as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.execute(f"SET allowed_directories = [{text(str(folder))}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        try:
            yield connection
        except (duckdb.OutOfMemoryException, MemoryError):
            raise TooMuchMemoryError(f"expected a table that can be read in {limits.memory_limit} of memory") from None
        except duckdb.InvalidInputException:
            raise IntakeError("expected a table that two parsers read alike, the second could not read it") from None
        except duckdb.Error as error:
            raise IntakeFailedError(f"the table could not be converted ({type(error).__name__})") from None


def _settings(folder: Path, limits: IntakeLimits) -> dict[str, str | bool | int | float | list[str]]:
    return {
        "threads": limits.threads,
        "memory_limit": limits.memory_limit,
        "temp_directory": str(folder / "spill"),
        "max_temp_directory_size": f"{limits.max_decompressed_bytes}B",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
    }


def text(value: str) -> str:
    """`value` as a SQL text literal."""
    return "'" + value.replace("'", "''") + "'"


def stage_csv(
    connection: duckdb.DuckDBPyConnection, csv: Path, columns: int, dialect: Dialect, limits: IntakeLimits
) -> Path:
    """The records of `csv`, which has no header, as a Parquet file of text columns c0, c1, ... beside it."""
    names = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(columns))
    line_bytes = 4 * limits.max_line_bytes  # the limit counts characters, a character has at most four bytes
    records = f"""SELECT * FROM read_csv({text(str(csv))},
        auto_detect = false, header = false, columns = {{{names}}},
        delim = {text(dialect.delimiter)}, quote = '"', escape = '"', comment = '', new_line = '\\n',
        nullstr = '', strict_mode = true, null_padding = false, ignore_errors = false,
        max_line_size = {line_bytes}, buffer_size = {max(2 * line_bytes, MIN_BUFFER_BYTES)})"""  # noqa: S608 - values are ours or quoted by `text`
    staged = csv.with_name("staged.parquet")
    connection.execute(
        f"COPY ({records}) TO {text(str(staged))} "
        f"(FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE {rows_at_once(columns)})"
    )
    return staged
