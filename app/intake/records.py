"""What every table is held to, however it came: its column names and how many records it has."""

from __future__ import annotations

import re
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

NAMED = 10
"""How many columns a sentence names."""
_BREAKS = re.compile(r" *[\r\n\t\v\f]+ *")


def check_width(columns: int, limits: IntakeLimits, advice: str = "") -> None:
    """Returns where a table may have so many columns. Raises TooFewColumnsError, which ends with the advice, and
    TooManyColumnsError.
    """
    if columns > limits.max_columns:
        raise TooManyColumnsError(f"expected at most {limits.max_columns:,} columns, got {columns:,}")
    if columns < limits.min_columns:
        raise TooFewColumnsError(f"expected at least {limits.min_columns} columns, got {columns}{advice}")


def tidied(names: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """The names with one space in place of line ends and tabs, and what the owner is told about it."""
    found = [_BREAKS.sub(" ", name).strip() if _BREAKS.search(name) else name for name in names]
    changed = [i + 1 for i, name in enumerate(names) if found[i] != name]
    if not changed:
        return found, ()
    shown = ", ".join(map(str, changed[:NAMED])) + ", ..." * (len(changed) > NAMED)
    return found, (f"column{'s' * (len(changed) > 1)} {shown}: line ends and tabs in the name were replaced by spaces",)


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
                f"column {position}: expected a name of at most {limits.max_name_length} characters, got {len(name)}; "
                "shorten it in the file"
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
        raise NoRecordsError("expected records below the column names, got none; export the table with its records")
    if records < limits.min_rows:
        raise TooFewRecordsError(f"expected at least {limits.min_rows} records, got {records}")
    if records > limits.max_rows:
        raise TooManyRecordsError(f"expected at most {limits.max_rows:,} records, got {records:,}")
