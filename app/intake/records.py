"""Text to records: checks every record's shape with one CSV parser and writes a copy that leaves no room for doubt.

The copy has no byte order mark, no header, no blank lines and ends each record with a newline, whatever came.
DuckDB then parses it on its own, and both must count the same records.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from app.intake.dialect import Dialect
from app.intake.errors import (
    BadQuotingError,
    DuplicateColumnsError,
    EmptyFileError,
    InvalidColumnNameError,
    LineTooLongError,
    NoHeaderError,
    NoRecordsError,
    RaggedRowsError,
    TooFewColumnsError,
    TooFewRecordsError,
    TooManyColumnsError,
    TooManyRecordsError,
)
from app.intake.model import IntakeLimits


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """The column names of a text file, and how many records follow them."""

    names: tuple[str, ...]
    records: int


class _Copying:
    """Hands lines to a CSV reader and writes them out one line late, when it is known whether they ended a record."""

    def __init__(self, lines: Iterator[str], sink: TextIO, limits: IntakeLimits) -> None:
        self._lines, self._sink, self._limit = lines, sink, limits.max_line_bytes
        self._pending: list[str] = []
        self._length = 0
        self.first_line = 1
        self._line = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._line += 1
        self._length += len(line)
        if self._length > self._limit:
            raise LineTooLongError(
                f"line {self.first_line}: expected a record of at most {self._limit:,} characters, got more; "
                "a quote may not be closed"
            )
        self._pending.append(line)
        return line

    def end_record(self, *, keep: bool) -> None:
        """The lines since the last record end are one record: write them, with a newline at the end, or drop them."""
        if keep:
            self._pending[-1] = self._pending[-1].rstrip("\r\n") + "\n"
            self._sink.writelines(self._pending)
        self._pending.clear()
        self._length = 0
        self.first_line = self._line + 1


def copy_records(lines: Iterator[str], dialect: Dialect, out: Path, limits: IntakeLimits) -> Header:
    """The header of the text; its records are written to `out`, each checked to have as many fields as the header.

    Raises EmptyFileError, NoRecordsError, TooFewRecordsError, TooManyRecordsError, RaggedRowsError, BadQuotingError,
    LineTooLongError and what `check_names` raises. Messages name lines and counts only.
    """
    with out.open("w", encoding="utf-8", newline="") as sink:
        copying = _Copying(lines, sink, limits)
        reader = csv.reader(copying, delimiter=dialect.delimiter, skipinitialspace=dialect.skip_space, strict=True)
        try:
            names = _header(reader, copying, limits)
            records = _body(reader, copying, len(names), limits)
        except csv.Error as error:
            raise _quoting_error(error, copying.first_line) from None
    check_count(records, limits)
    return Header(names=names, records=records)


def _header(reader: Iterator[list[str]], copying: _Copying, limits: IntakeLimits) -> tuple[str, ...]:
    for record in reader:
        copying.end_record(keep=False)
        if not any(name.strip() for name in record):
            if len(record) > 1:
                break
            continue
        check_names(record, limits)
        if all(_is_number(name) for name in record):
            raise NoHeaderError(f"expected column names in the first line, got {len(record)} numbers")
        return tuple(record)
    raise EmptyFileError("expected column names in the first line and records below, got only blank lines")


def _body(reader: Iterator[list[str]], copying: _Copying, fields: int, limits: IntakeLimits) -> int:
    records = 0
    for record in reader:
        if len(record) == fields:
            records += 1
            copying.end_record(keep=True)
            if records > limits.max_rows:
                raise TooManyRecordsError(f"expected at most {limits.max_rows:,} records, got more")
        elif not record:
            copying.end_record(keep=False)
        else:
            raise RaggedRowsError(f"line {copying.first_line}: expected {fields} fields, got {len(record)}")
    return records


def _quoting_error(error: csv.Error, line: int) -> BadQuotingError | LineTooLongError:
    # the parser's few messages are fixed texts without cells; matching them is the only way to tell them apart
    message = str(error)
    if "field limit" in message:
        return LineTooLongError(
            f"line {line}: expected fields of at most {csv.field_size_limit():,} characters, got a longer one; "
            "a quote may not be closed"
        )
    if "unexpected end of data" in message:
        return BadQuotingError(f"line {line}: expected a closing quote, the file ends inside the quoted field")
    return BadQuotingError(f"line {line}: expected a delimiter or a line end after a closing quote, got something else")


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def check_names(names: list[str], limits: IntakeLimits) -> None:
    """Returns where the column names may stand.

    Names are pointed at by position, for they may be cells of a file without header.

    Raises TooFewColumnsError, TooManyColumnsError, InvalidColumnNameError, DuplicateColumnsError.
    """
    if len(names) > limits.max_columns:
        raise TooManyColumnsError(f"expected at most {limits.max_columns:,} columns, got {len(names):,}")
    if len(names) < limits.min_columns:
        raise TooFewColumnsError(
            f"expected at least {limits.min_columns} columns, got {len(names)}; if the fields are divided by something "
            "else than what was recognised, declare it with the option `delimiter`"
        )
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
