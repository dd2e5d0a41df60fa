"""What every table is held to, however it came: its column names and how many records it has."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from app.intake.errors import (
    DuplicateColumnsError,
    InvalidColumnNameError,
    NoRecordsError,
    TooFewColumnsError,
    TooFewRecordsError,
    TooManyColumnsError,
    TooManyRecordsError,
)
from app.intake.model import IntakeLimits


def check_width(columns: int, limits: IntakeLimits) -> None:
    """Returns where a table may have so many columns. Raises TooFewColumnsError, TooManyColumnsError."""
    if columns > limits.max_columns:
        raise TooManyColumnsError(f"expected at most {limits.max_columns:,} columns, got {columns:,}")
    if columns < limits.min_columns:
        raise TooFewColumnsError(
            f"expected at least {limits.min_columns} columns, got {columns}; if the fields are divided by something "
            "else than what was recognised, declare it with the option `delimiter`"
        )


def check_names(names: Sequence[str], limits: IntakeLimits) -> None:
    """Returns where the column names may stand.

    Names are pointed at by position, for they may be cells of a file without header.

    Raises TooFewColumnsError, TooManyColumnsError, InvalidColumnNameError, DuplicateColumnsError.
    """
    check_width(len(names), limits)
    seen: dict[str, int] = {}
    for position, name in enumerate(names, start=1):
        if not name.strip():
            raise InvalidColumnNameError(f"column {position}: expected a name, got an empty one")
        if len(name) > limits.max_name_length:
            raise InvalidColumnNameError(
                f"column {position}: expected a name of at most {limits.max_name_length} characters, got {len(name)}"
            )
        if any(unicodedata.category(character) in {"Cc", "Cs"} for character in name):
            raise InvalidColumnNameError(f"column {position}: expected a name without control characters, got one with")
        if name in seen:
            raise DuplicateColumnsError(
                f"expected distinct column names, columns {seen[name]} and {position} have the same"
            )
        seen[name] = position


def check_count(records: int, limits: IntakeLimits) -> None:
    """Returns where so many records may stand. Raises NoRecordsError, TooFewRecordsError, TooManyRecordsError."""
    if records == 0:
        raise NoRecordsError("expected records below the column names, got none")
    if records < limits.min_rows:
        raise TooFewRecordsError(f"expected at least {limits.min_rows} records, got {records}")
    if records > limits.max_rows:
        raise TooManyRecordsError(f"expected at most {limits.max_rows:,} records, got {records:,}")
