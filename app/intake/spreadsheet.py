"""Opens a spreadsheet in the xlsx format: the table of one sheet.

Formulas count by the values that were kept with them, merged cells by their first cell; macros, comments and hidden
rows do not matter. Errors such as #DIV/0! are missing. The column names stand in the first row that is filled in more
than one cell, or in several where the caller says so; what stands above it and totals below the records are left out.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from app.intake.archive import check_directory_size
from app.intake.errors import (
    HeaderRowsError,
    IntakeError,
    NoHeaderError,
    NoRecordsError,
    NotSpreadsheetError,
    OutOfRangeError,
    RaggedRowsError,
    TooLargeError,
)
from app.intake.first_row import is_record
from app.intake.heading import BELOW_NAMES, MAX_PREAMBLE, joined, words_above_figures
from app.intake.loose import Record, Value, open_loose
from app.intake.model import FileFormat, IntakeLimits, ReadOptions
from app.intake.records import NAMED, check_names, check_width, tidied
from app.intake.sheet_xml import Book, Cell, Shape, book_of, rows_of
from app.intake.totals import MAX_TOTALS, are_totals
from app.intake.typed import Typed

LAST_DAY = 2_958_466
"""The day after 9999-12-31, as spreadsheets count."""
EXACT = 2**53
DIGITS = 15
"""Significant digits that a spreadsheet keeps of a number; other programs write whole numbers with more."""
TITLE = (
    " in the first filled row; if titles or comments stand above the column names, delete their rows; "
    "if the table is on another sheet, name that with `sheet` or --sheet"
)
FIRST_RECORDS = 200
"""How many records show whether the first row holds names."""
Row = tuple[int, list[Cell]]
"""A row by its number."""
_WHOLE = re.compile(r"-?\d{1,20}", re.ASCII)


PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How spreadsheets pack their parts. Of other ways Python unpacks a whole block at once, whatever it becomes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Header:
    """The column names by the number of their column, the last row that they stand in, and what is said of it."""

    names: dict[int, str]
    row: int
    warnings: tuple[str, ...] = ()


def open_spreadsheet(path: Path, limits: IntakeLimits, options: ReadOptions) -> Typed:
    """The columns and records of the sheet that the options name; of the first where they name none.

    Raises NotSpreadsheetError, RaggedRowsError, NoHeaderError, HeaderRowsError, TooLargeError and what `open_loose`
    raises.
    """
    with _opened(path, limits) as archive:
        book = book_of(archive, limits)
        member = _member(book, options.sheet)
        with closing(rows_of(archive, member, book, limits)) as rows:
            header = find_header(rows, book, limits, options.header_rows)
    footer: list[int] = []

    def records() -> Iterator[Record]:
        with _opened(path, limits) as archive, closing(rows_of(archive, member, book, limits)) as rows:
            below = ((number, cells) for number, cells in rows if number > header.row and any(c.text for c in cells))
            yield from _records(_before_footer(below, header, book, options.skip_footer, footer), header, book)

    typed = open_loose(FileFormat.XLSX, records, shown, limits, list(header.names.values()))
    return replace(typed, warnings=(*header.warnings, *typed.warnings, *_said_of(footer)))


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


def find_header(rows: Iterator[Row], book: Book, limits: IntakeLimits, said: int | None) -> _Header:
    """The column names, which stand in so many rows where that is said."""
    filled = ((number, {c.column: c for c in cells if c.text}) for number, cells in rows)
    first = list(islice(((number, cells) for number, cells in filled if cells), FIRST_RECORDS))
    if not first:
        raise NoRecordsError("expected column names in the first row and records below, got an empty sheet")
    at = _below_titles([cells for _, cells in first])
    warnings = () if at == 0 else (_above(first[0][0], first[at - 1][0]),)
    number, top = first[at]
    if said == 0:
        names = {column: f"column_{i + 1}" for i, column in enumerate(_between([cells for _, cells in first[at:]]))}
        check_width(len(names), limits, TITLE)
        return _Header(names=names, row=number - 1, warnings=(*warnings, "the columns were named by their places"))
    count = said or 1
    if at + count > len(first):
        raise HeaderRowsError(f"expected {count} rows of column names, got {len(first) - at} rows in all")
    header, below = first[at : at + count], [cells for _, cells in first[at + count :]]
    columns = _between([cells for _, cells in header])
    if said is None:
        _expect_names(number, top, below, book)
        _expect_record(top, first[at + 1 :], book)
    cells = joined([[_text(row.get(column), book) for column in columns] for _, row in header])
    names = dict(zip(columns, cells, strict=True))
    check_width(len(names), limits, TITLE)
    check_names(tidied(list(names.values()))[0], limits)
    return _Header(names=names, row=header[-1][0], warnings=warnings)


def _below_titles(rows: Sequence[Mapping[int, Cell]]) -> int:
    """The first row that is no title: one cell alone above a table of several columns is one, merged or not."""
    if max(map(len, rows)) <= 2:
        return 0
    return next((i for i, cells in enumerate(rows[: MAX_PREAMBLE + 1]) if len(cells) > 1), 0)


def _above(first: int, last: int) -> str:
    rows, were = (f"row {last}", "was") if first == last else (f"rows {first} to {last}", "were")
    return f"{rows} above the column names {were} left out"


def _between(rows: Sequence[Mapping[int, Cell]]) -> list[int]:
    """The columns from the first to the last that is filled in one of the rows."""
    return list(range(min(map(min, rows)), max(map(max, rows)) + 1))


def _expect_names(number: int, filled: Mapping[int, Cell], below: Sequence[Mapping[int, Cell]], book: Book) -> None:
    """Raises NoHeaderError where the row of the column names looks like a record."""
    names = [_text(cell, book) for cell in filled.values()]
    rest = [[_text(row.get(column), book) for column in filled] for row in below]
    if all(cell.shape is Shape.NUMBER for cell in filled.values()) or is_record(names, rest):
        raise NoHeaderError(
            f"row {number}: expected column names, got what looks like a record; if the sheet has no column names, "
            "say so with `header_rows` or --header-rows 0, and if these are the names with --header-rows 1"
        )


def _expect_record(top: Mapping[int, Cell], rest: Sequence[tuple[int, Mapping[int, Cell]]], book: Book) -> None:
    """Raises HeaderRowsError where the row below the column names holds words above figures."""
    columns = _between([top])
    texts = [[_text(row.get(column), book) for column in columns] for row in (top, *(cells for _, cells in rest))]
    words = words_above_figures(texts[0], texts[1:])
    if words:
        raise HeaderRowsError(f"row {rest[0][0]}: {BELOW_NAMES.format(words)}")


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


def _before_footer(
    rows: Iterator[Row], header: _Header, book: Book, skipped: int | None, footer: list[int]
) -> Iterator[Row]:
    """The rows without those at the end that are no records; the numbers of these are put into `footer`.

    So many as are said, or totals and notes where nothing is said.
    """
    footer.clear()
    held: deque[Row] = deque()
    for row in rows:
        held.append(row)
        if len(held) > (MAX_TOTALS if skipped is None else skipped):
            yield held.popleft()
    while held and (skipped is not None or are_totals(_shown_row(held[-1], header, book), len(header.names))):
        footer.insert(0, held.pop()[0])
    yield from held


def _shown_row(row: Row, header: _Header, book: Book) -> list[str]:
    cells = {cell.column: cell for cell in row[1]}
    return [_text(cells.get(column), book) for column in header.names]


def _said_of(footer: Sequence[int]) -> tuple[str, ...]:
    if not footer:
        return ()
    numbers = ", ".join(map(str, footer[:NAMED])) + ", ..." * (len(footer) > NAMED)
    one = len(footer) == 1
    return (f"row{'s' * (not one)} {numbers} at the end, no part of the table, {'was' if one else 'were'} left out",)


def _records(rows: Iterator[Row], header: _Header, book: Book) -> Iterator[Record]:
    for number, cells in rows:
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
