"""Where the column names of a text table stand, what the columns are called, and where the records begin.

Told from the first records alone. What is not plain is asked: no record is taken for names and no names for a record
without a word.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from app.intake.dialect import Dialect
from app.intake.errors import EmptyFileError, HeaderRowsError, NoHeaderError
from app.intake.first_row import FEWEST, is_like, is_record
from app.intake.model import IntakeLimits, ReadOptions
from app.intake.names import column_names
from app.intake.values import are_values, has_decimal_commas, is_answer, is_value

FIRST_RECORDS = 200
"""How many records show the structure."""
MAX_PREAMBLE = 50
"""How many lines may stand before the column names."""
IMPORT_ID = '{"ImportId"'
"""Begins each cell of the third line of a Qualtrics export."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One of the first records, and where it stands."""

    cells: tuple[str, ...]
    line: int
    end: int
    """How many characters of the text end with it."""
    next_line: int
    quoted: bool
    """Whether the first field stands in quotes."""

    @property
    def filled(self) -> int:
        """How many cells are not blank."""
        return sum(bool(cell.strip()) for cell in self.cells)


@dataclass(frozen=True, kw_only=True, slots=True)
class Heading:
    """The columns of a text table, and where its records begin."""

    names: tuple[str, ...]
    closed: bool
    """Whether a delimiter ends each record, behind the last field."""
    first_line: int
    first_byte: int
    """In UTF-8, without a byte order mark."""
    decimal_commas: bool
    """Whether a column of the first records has numbers with decimal commas."""
    warnings: tuple[str, ...]


def find_heading(text: str, dialect: Dialect, *, whole: bool, limits: IntakeLimits, options: ReadOptions) -> Heading:
    """The heading of the text that begins with `text` (`whole` says that nothing follows it).

    Raises EmptyFileError, NoHeaderError, HeaderRowsError and what `column_names` raises.
    """
    records = list(_first_records(text, dialect, whole=whole))
    begin = next((i for i, record in enumerate(records) if record.filled), None)
    if begin is None:
        raise EmptyFileError("expected column names in the first line and records below, got only blank lines")
    body = [record for record in records[begin:] if record.filled]
    if dialect.first_line > 1:
        body = [record for record in body if record.line >= dialect.first_line] or body
    width = _width(body)
    if options.header_rows == 0:
        names = [f"column_{i + 1}" for i in range(width)]
        return _heading(text, names, None, body, limits, ["the columns were named by their places"])
    at = _header_at(body, width)
    warnings = _said_of_preamble(body, at)
    count, qualtrics = _header_rows(body[at:], options.header_rows)
    if qualtrics:
        lines = f"lines {body[at + 1].line} to {body[at + 2].next_line - 1}"
        warnings.append(f"{lines} describe the columns, as Qualtrics writes them, and were left out")
    header, rest = body[at : at + count], body[at + count :]
    if options.header_rows is None:
        _expect_names(header[0], [record.cells for record in rest])
    names = list(header[0].cells) if qualtrics else joined([record.cells for record in header])
    return _heading(text, names, header[-1], rest, limits, warnings)


def _first_records(text: str, dialect: Dialect, *, whole: bool) -> Iterator[Record]:
    taken = [0, 0]

    def lines() -> Iterator[str]:
        for line in io.StringIO(text, newline=""):
            taken[0] += len(line)
            taken[1] += 1
            yield line

    reader = csv.reader(lines(), delimiter=dialect.delimiter, skipinitialspace=dialect.skip_space)
    line, end = 1, 0
    try:
        for number, cells in enumerate(reader):
            if number and taken[0] == len(text) and not whole:
                return  # cut off by the end of the head
            quoted = text.startswith('"', end)
            end = taken[0]
            yield Record(cells=tuple(cells), line=line, end=end, next_line=taken[1] + 1, quoted=quoted)
            if number >= FIRST_RECORDS:
                return
            line = taken[1] + 1
    except csv.Error:
        return  # what is wrong is said, with its line, when all of it is read


def _width(body: Sequence[Record]) -> int:
    """The number of fields of most records, the larger one where two are as frequent."""
    counts = Counter(len(record.cells) for record in body)
    return max(counts, key=lambda width: (counts[width], width))


def _header_at(body: Sequence[Record], width: int) -> int:
    """The first record that is no title, comment or filler above the table."""
    if width == 1:
        return 0
    for at, record in enumerate(body[: MAX_PREAMBLE + 1]):
        short = len(record.cells) < width and not _names_all_but_index(body[at:], width)
        lone = record.filled <= 1 and width > 2
        if not short and not lone:
            return at
    return 0


def _names_all_but_index(body: Sequence[Record], width: int) -> bool:
    """Whether the first record names all columns but one that has no name, as R writes tables with row names."""
    if not len(body[0].cells) == body[0].filled == width - 1 or len(body) < FEWEST:
        return False
    rest = [record.cells for record in body[2:]]
    first = body[1].cells
    if len(first) != width:
        return False
    return not first[-1].strip() or is_like(first, rest) or (width > 2 and any(map(is_value, first)))


def _said_of_preamble(body: Sequence[Record], at: int) -> list[str]:
    if at == 0:
        return []
    first, last = body[0].line, body[at].line - 1
    if first == last:
        return [f"line {last} stands before the column names and was left out"]
    return [f"lines {first} to {last} stand before the column names and were left out"]


def _header_rows(body: Sequence[Record], said: int | None) -> tuple[int, bool]:
    """(how many records hold column names, whether they are those of Qualtrics)."""
    qualtrics = len(body) > 2 and all(c.replace(" ", "").startswith(IMPORT_ID) for c in body[2].cells if c.strip())
    if said is None:
        if not qualtrics:
            _expect_record(body)
        return (3 if qualtrics else 1), qualtrics
    if said > len(body):
        raise HeaderRowsError(f"expected {said} lines of column names, got {len(body)} lines in all")
    return said, qualtrics and said == 3


def _expect_record(body: Sequence[Record]) -> None:
    """Raises HeaderRowsError where the second line holds words in columns that are all figures below."""
    words = words_above_figures(body[0].cells, [record.cells for record in body[1:]])
    if words:
        raise HeaderRowsError(f"line {body[1].line}: {BELOW_NAMES.format(words)}")


BELOW_NAMES = (
    "expected a record, got words in {} columns that hold figures below; if it belongs to the column names, say so "
    "with `header_rows` or --header-rows 2, if it is a record, with --header-rows 1"
)


def words_above_figures(names: Sequence[str], rest: Sequence[Sequence[str]]) -> int:
    """In how many columns the first of the rows `rest` holds words above figures; 0 where that is a record."""
    if len(rest) <= FEWEST:
        return 0
    second, below = rest[0], rest[1:]
    valued = [i for i in range(len(second)) if are_values([cells[i] for cells in below if i < len(cells)])]
    filled = [i for i in valued if second[i].strip()]
    words = [i for i in filled if not is_answer(second[i])]
    fewest = 2 if all(cell.strip() for cell in names) else 1
    return len(words) if len(words) >= fewest and len(words) >= 0.6 * len(filled) else 0


def _expect_names(header: Record, rest: Sequence[Sequence[str]]) -> None:
    """Raises NoHeaderError where the cells of the header look like those below."""
    if is_record(header.cells, rest):
        raise NoHeaderError(
            f"line {header.line}: expected column names, got what looks like a record; if the file has no column "
            "names, say so with `header_rows` or --header-rows 0, and if these are the names with --header-rows 1"
        )


def joined(rows: Sequence[Sequence[str]]) -> list[str]:
    """One name for each column: of the first row where its names are distinct, else of all rows together."""
    first = [cell.strip() for cell in rows[0]]
    if len(rows) == 1 or (all(first) and len(set(first)) == len(first)):
        return list(rows[0])
    spread: list[str] = []
    for cell in first:  # a heading over several columns stands in the first of them
        spread.append(cell or (spread[-1] if spread else ""))
    width = max(len(row) for row in rows)
    parts = [[*spread, *[""] * (width - len(spread))], *[[*row, *[""] * (width - len(row))] for row in rows[1:]]]
    return [" ".join(part.strip() for part in column if part.strip()) for column in zip(*parts, strict=True)]


def _heading(
    text: str,
    names: list[str],
    last: Record | None,
    body: Sequence[Record],
    limits: IntakeLimits,
    warnings: list[str],
) -> Heading:
    rest = [record.cells for record in body]
    named = column_names(names, rest, limits, quoted=all(record.quoted for record in body))
    end = 0 if last is None else last.end
    return Heading(
        names=named.names,
        closed=named.closed,
        first_line=1 if last is None else last.next_line,
        first_byte=len(text[:end].encode()),
        decimal_commas=any(has_decimal_commas(column) for column in zip_longest(*rest, fillvalue="")),
        warnings=(*warnings, *named.warnings),
    )
