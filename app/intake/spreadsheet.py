"""Opens a spreadsheet in the xlsx format: the table of one sheet, its first filled row being the column names.

Formulas count by the values that were kept with them, merged cells by their first cell; macros, comments and hidden
rows do not matter. Errors such as #DIV/0! are missing.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from app.intake.archive import check_directory_size
from app.intake.errors import (
    IntakeError,
    NoHeaderError,
    NoRecordsError,
    NotSpreadsheetError,
    OutOfRangeError,
    RaggedRowsError,
    TooLargeError,
)
from app.intake.first_row import is_record
from app.intake.loose import Record, Value, open_loose
from app.intake.model import FileFormat, IntakeLimits
from app.intake.records import check_names, check_width, tidied
from app.intake.sheet_xml import Book, Cell, Shape, book_of, rows_of
from app.intake.typed import Typed

LAST_DAY = 2_958_466
"""The day after 9999-12-31, as spreadsheets count."""
EXACT = 2**53
DIGITS = 15
"""Significant digits that a spreadsheet keeps of a number; other programs write whole numbers with more."""
TITLE = (
    " in the first filled row; if a title or a comment stands above the column names, delete its rows; "
    "if the table is on another sheet, name that with `sheet` or --sheet"
)
FIRST_RECORDS = 200
"""How many records show whether the first row holds names."""
_WHOLE = re.compile(r"-?\d{1,20}", re.ASCII)


PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How spreadsheets pack their parts. Of other ways Python unpacks a whole block at once, whatever it becomes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Header:
    """The column names by the number of their column, and the row that they stand in."""

    names: dict[int, str]
    row: int


def open_spreadsheet(path: Path, limits: IntakeLimits, sheet: str | None, *, named: bool = False) -> Typed:
    """The columns and records of the sheet of this name; of the first where none is named.

    `named` says that the first filled row holds column names, whatever it looks like.

    Raises NotSpreadsheetError, RaggedRowsError, NoHeaderError, TooLargeError and what `open_loose` raises.
    """
    with _opened(path, limits) as archive:
        book = book_of(archive, limits)
        member = _member(book, sheet)
        with closing(rows_of(archive, member, book, limits)) as rows:
            header = _header(rows, book, limits, named=named)

    def records() -> Iterator[Record]:
        with _opened(path, limits) as archive, closing(rows_of(archive, member, book, limits)) as rows:
            yield from _records(rows, header, book)

    return open_loose(FileFormat.XLSX, records, shown, limits, list(header.names.values()))


@contextmanager
def _opened(path: Path, limits: IntakeLimits) -> Iterator[zipfile.ZipFile]:
    """The archive. It gives of no member more than the size that it declares, and these sizes are added up here."""
    with path.open("rb") as file:
        check_directory_size(file, path.stat().st_size)
    try:
        with zipfile.ZipFile(path) as archive:
            if any(member.compress_type not in PACKED for member in archive.infolist()):
                raise NotSpreadsheetError("expected a spreadsheet in the xlsx format, got one packed in another way")
            if sum(member.file_size for member in archive.infolist()) > limits.max_decompressed_bytes:
                raise TooLargeError(
                    f"expected at most {limits.max_decompressed_bytes:,} bytes after decompression, got more"
                )
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, KeyError) as error:
        raise NotSpreadsheetError(
            f"expected a spreadsheet in the xlsx format, reading failed ({type(error).__name__})"
        ) from None


def _member(book: Book, sheet: str | None) -> str:
    if sheet is None:
        return next(iter(book.sheets.values()))
    if sheet not in book.sheets:
        raise NotSpreadsheetError(f"expected one of the {len(book.sheets)} sheets of the file, got another name")
    return book.sheets[sheet]


def _header(rows: Iterator[tuple[int, list[Cell]]], book: Book, limits: IntakeLimits, *, named: bool) -> _Header:
    for number, cells in rows:
        filled = {cell.column: cell for cell in cells if cell.text}
        if not filled:
            continue
        below = [{c.column: c for c in row} for _, row in islice(rows, FIRST_RECORDS) if any(c.text for c in row)]
        if not named:
            _expect_names(number, filled, below, book)
        between = range(min(filled), max(filled) + 1)
        names = {column: _text(filled.get(column), book) for column in between}
        check_width(len(names), limits, TITLE)
        check_names(tidied(list(names.values()))[0], limits)
        return _Header(names=names, row=number)
    raise NoRecordsError("expected column names in the first row and records below, got an empty sheet")


def _expect_names(number: int, filled: dict[int, Cell], below: list[dict[int, Cell]], book: Book) -> None:
    """Raises NoHeaderError where the first filled row looks like a record."""
    names = [_text(cell, book) for cell in filled.values()]
    rest = [[_text(row.get(column), book) for column in filled] for row in below]
    if all(cell.shape is Shape.NUMBER for cell in filled.values()) or is_record(names, rest):
        raise NoHeaderError(
            f"row {number}: expected column names, got what looks like a record; write a row of column names above "
            "the records, and if these are the names say so with `header_rows` or --header-rows 1"
        )


def _text(cell: Cell | None, book: Book) -> str:
    """The cell as a spreadsheet shows it; empty where there is none or it holds an error."""
    if cell is None or not cell.text or cell.shape is Shape.ERROR:
        return ""
    if cell.shape is Shape.TEXT:
        return cell.text
    try:
        value = _value("", cell, book)
    except IntakeError:  # said with its column when the records are read
        return cell.text
    return "" if value is None else shown(value)


def _records(rows: Iterator[tuple[int, list[Cell]]], header: _Header, book: Book) -> Iterator[Record]:
    for number, cells in rows:
        if number <= header.row:
            continue
        record: Record = {}
        for cell in cells:
            if not cell.text:
                continue
            name = header.names.get(cell.column)
            if name is None:
                raise RaggedRowsError(
                    f"row {number}: expected cells below the {len(header.names)} column names, got one beside them; "
                    "delete what stands above or beside the table"
                )
            record[name] = _value(name, cell, book)
        if record:
            yield record


def _value(name: str, cell: Cell, book: Book) -> Value | None:
    """What the cell holds; None for an error."""
    if cell.shape in {Shape.TEXT, Shape.ERROR}:
        return cell.text if cell.shape is Shape.TEXT else None
    if cell.shape is Shape.BOOLEAN:
        return cell.text == "1"
    try:
        if cell.shape is Shape.ISO:
            return datetime.fromisoformat(cell.text).replace(tzinfo=None)
        number = float(f"{float(cell.text):.{DIGITS}g}")
    except ValueError:
        raise NotSpreadsheetError(f"column {name!r}: expected numbers where the sheet says so, got others") from None
    if cell.shape is Shape.MOMENT:
        return _moment(name, number, book)
    if cell.shape is Shape.CLOCK and 0 <= number < LAST_DAY:
        seconds = round(number * 86_400)
        return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return _plain(cell.text, number)


def _plain(text: str, number: float) -> int | float:
    """The number as an integer where it is written as one or has no decimals."""
    if _WHOLE.fullmatch(text):
        return int(text)
    return int(number) if abs(number) < EXACT and number == int(number) else number


def _moment(name: str, serial: float, book: Book) -> datetime:
    """The moment of so many days; whole to the millisecond, as spreadsheets count."""
    if not 0 <= serial < LAST_DAY - (1_462 if book.from_1904 else 0):
        raise OutOfRangeError(f"column {name!r}: expected dates from 1900 to 9999, got others; write them as text")
    begin = datetime(1904, 1, 1) if book.from_1904 else datetime(1899, 12, 30 if serial >= 60 else 31)  # noqa: DTZ001
    return begin + timedelta(milliseconds=round(serial * 86_400_000))


def shown(value: Value) -> str:
    """A value among texts, as a spreadsheet shows it."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, datetime):
        return value.isoformat(" ").removesuffix(" 00:00:00")
    return str(value)
