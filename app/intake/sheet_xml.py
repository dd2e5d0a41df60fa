"""The XML inside of an xlsx file (ECMA-376, SpreadsheetML), read as a stream; a stranger wrote it."""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from xml.parsers import expat

from app.intake.errors import LineTooLongError, NotSpreadsheetError, TooLargeError
from app.intake.model import IntakeLimits

CHUNK = 1 << 18
LAST_COLUMN, LAST_ROW = 16_384, 1_048_576
DATE_FORMATS = {*range(14, 18), 22, *range(27, 32), 36, *range(50, 59)}
CLOCK_FORMATS = {*range(18, 22), *range(32, 36), *range(45, 48)}
"""Number formats that every file knows (ECMA-376, 18.8.30)."""
KEPT = {"v", "t"}
"""The elements whose text counts."""
_QUOTED = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
_PLACE = re.compile(r"([A-Z]{1,3})([1-9]\d{0,6})", re.ASCII)


class Shape(Enum):
    """How the text of a cell is to be understood."""

    TEXT = auto()
    NUMBER = auto()
    BOOLEAN = auto()
    ERROR = auto()
    MOMENT = auto()
    """Days since the first day of the file's calendar."""
    CLOCK = auto()
    """Parts of a day."""
    ISO = auto()
    """A moment as ISO 8601 writes it."""


SHAPES = {
    "s": Shape.TEXT,
    "str": Shape.TEXT,
    "inlineStr": Shape.TEXT,
    "b": Shape.BOOLEAN,
    "e": Shape.ERROR,
    "d": Shape.ISO,
}


@dataclass(slots=True)
class Cell:
    """One cell."""

    column: int
    shape: Shape
    text: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Book:
    """What the sheets of a file share."""

    sheets: dict[str, str]
    """The member of each sheet, by its name."""
    texts: list[str]
    styles: list[Shape]
    """How numbers of each style are to be understood."""
    from_1904: bool


@dataclass(slots=True)
class _Element:
    """An element without its children: its name, its attributes, and the text directly in it."""

    name: str
    attributes: dict[str, str]
    path: tuple[str, ...]
    text: list[str] = field(default_factory=list)
    size: int = 0


def book_of(archive: zipfile.ZipFile, limits: IntakeLimits) -> Book:
    """What the sheets share. Raises NotSpreadsheetError where the file is no workbook."""
    main = _related(archive, "", "officeDocument", limits)
    if not main:
        raise NotSpreadsheetError("expected a spreadsheet in the xlsx format, got another Office file")
    workbook = next(iter(main.values()))
    pages = _related(archive, workbook, "worksheet", limits)
    sheets: dict[str, str] = {}
    from_1904 = False
    for element in _elements(archive, workbook, limits):
        if element.name == "sheet" and element.attributes.get("id") in pages:
            sheets[element.attributes.get("name", "")] = pages[element.attributes["id"]]
        if element.name == "workbookPr":
            from_1904 = element.attributes.get("date1904") in {"1", "true"}
    if not sheets:
        raise NotSpreadsheetError("expected a spreadsheet with a sheet of cells at least, got none")
    return Book(
        sheets=sheets,
        texts=_texts(archive, next(iter(_related(archive, workbook, "sharedStrings", limits).values()), ""), limits),
        styles=_styles(archive, next(iter(_related(archive, workbook, "styles", limits).values()), ""), limits),
        from_1904=from_1904,
    )


def _related(archive: zipfile.ZipFile, member: str, kind: str, limits: IntakeLimits) -> dict[str, str]:
    """The members of a kind that another one refers to, by id."""
    folder, name = posixpath.split(member)
    relations = posixpath.join(folder, "_rels", f"{name}.rels")
    known, found = set(archive.namelist()), dict[str, str]()
    if relations not in known:
        return found
    for element in _elements(archive, relations, limits):
        if element.name == "Relationship" and element.attributes.get("Type", "").endswith(f"/{kind}"):
            target = posixpath.normpath(posixpath.join("/", folder, element.attributes.get("Target", "")))[1:]
            if target in known:
                found[element.attributes.get("Id", "")] = target
    return found


def _texts(archive: zipfile.ZipFile, member: str, limits: IntakeLimits) -> list[str]:
    """The texts that cells refer to by number, without their phonetic readings."""
    texts: list[str] = []
    parts: list[str] = []
    size = 0
    for element in _elements(archive, member, limits) if member else ():
        if element.name == "t" and "rPh" not in element.path:
            parts += element.text
            size += sum(map(len, element.text))
        elif element.name == "si":
            texts.append("".join(parts))
            size += 64
            parts = []
        if size > limits.max_child_bytes // 4:
            raise TooLargeError("expected fewer texts in the spreadsheet; save the sheet as CSV")
    return texts


def _styles(archive: zipfile.ZipFile, member: str, limits: IntakeLimits) -> list[Shape]:
    formats = dict.fromkeys(map(str, DATE_FORMATS), Shape.MOMENT) | dict.fromkeys(map(str, CLOCK_FORMATS), Shape.CLOCK)
    used: list[str] = []
    for element in _elements(archive, member, limits) if member else ():
        if element.name == "numFmt":
            formats[element.attributes.get("numFmtId", "")] = _format_shape(element.attributes.get("formatCode", ""))
        elif element.name == "xf" and "cellXfs" in element.path:
            used.append(element.attributes.get("numFmtId", "0"))
    return [formats.get(number, Shape.NUMBER) for number in used]


def _format_shape(code: str) -> Shape:
    """What numbers of a format are: `dd.mm.yyyy` moments, `[h]:mm` parts of a day, `0.00` numbers."""
    signs = _QUOTED.sub("", code.partition(";")[0]).lower()
    if "general" in signs:
        return Shape.NUMBER
    if "y" in signs or "d" in signs or "mmm" in signs:
        return Shape.MOMENT
    return Shape.CLOCK if "h" in signs or "s" in signs else Shape.NUMBER


def rows_of(
    archive: zipfile.ZipFile, member: str, book: Book, limits: IntakeLimits
) -> Generator[tuple[int, list[Cell]]]:
    """The rows that hold cells, by their number. Raises NotSpreadsheetError, LineTooLongError."""
    row = column = size = 0
    cells: list[Cell] = []
    inline: list[str] = []
    value = ""
    for element in _elements(archive, member, limits):
        if element.name == "v":
            value = "".join(element.text)
        elif element.name == "t" and "is" in element.path and "rPh" not in element.path:
            inline += element.text
        elif element.name == "c":
            column = _column(element.attributes.get("r"), column + 1)
            cells.append(_cell(column, element.attributes, value or "".join(inline), book))
            size += len(cells[-1].text)
            value, inline = "", []
            if size > limits.max_line_bytes or len(cells) > LAST_COLUMN:
                raise LineTooLongError(
                    f"row {row + 1}: expected at most {limits.max_line_bytes:,} characters, got more"
                )
        elif element.name == "row":
            row = _row(element.attributes.get("r"), row + 1)
            yield row, cells
            cells, column, size = [], 0, 0


def _cell(column: int, attributes: dict[str, str], value: str, book: Book) -> Cell:
    kind = attributes.get("t", "n")
    shape = SHAPES.get(kind, Shape.NUMBER)
    if kind == "s" and value:
        number = int(value) if value.isascii() and value.isdigit() and len(value) < 10 else len(book.texts)
        if number >= len(book.texts):
            raise NotSpreadsheetError("expected cells that refer to texts of the spreadsheet, got another number")
        value = book.texts[number]
    elif kind == "n":
        style = attributes.get("s", "0")
        number = int(style) if style.isascii() and style.isdigit() and len(style) < 10 else 0
        shape = book.styles[number] if number < len(book.styles) else Shape.NUMBER
    return Cell(column, shape, value)


def _column(place: str | None, following: int) -> int:
    found = None if place is None else _PLACE.fullmatch(place)
    if place is not None and found is None:
        raise NotSpreadsheetError("expected cells at places such as B7, got another one")
    number = following
    if found is not None:
        number = 0
        for letter in found[1]:
            number = number * 26 + ord(letter) - 64
    if number > LAST_COLUMN:
        raise NotSpreadsheetError(f"expected cells in {LAST_COLUMN:,} columns at most, got one beyond")
    return number


def _row(number: str | None, following: int) -> int:
    if number is None:
        return following
    if not (number.isascii() and number.isdigit() and len(number) < 8 and following <= int(number) <= LAST_ROW):
        raise NotSpreadsheetError("expected rows in order, got one with another number")
    return int(number)


def _elements(archive: zipfile.ZipFile, member: str, limits: IntakeLimits) -> Iterator[_Element]:
    """The elements of an XML file as they end. Raises NotSpreadsheetError where it is broken or declares entities."""
    open_, ended = list[_Element](), list[_Element]()

    def start(name: str, attributes: dict[str, str]) -> None:
        path = (*open_[-1].path, open_[-1].name) if open_ else ()
        if len(path) > 32:
            raise NotSpreadsheetError("expected a spreadsheet, got XML that is nested too deeply")
        plain = {key.rpartition(":")[2]: value for key, value in attributes.items()}
        open_.append(_Element(name.rpartition(":")[2], plain, path))

    def data(text: str) -> None:
        if open_ and open_[-1].name in KEPT:
            open_[-1].text.append(text)
            open_[-1].size += len(text)
            if open_[-1].size > limits.max_line_bytes:
                raise LineTooLongError(f"expected cells of at most {limits.max_line_bytes:,} characters, got more")

    def refuse(*_: object) -> None:
        raise NotSpreadsheetError("expected a spreadsheet, got XML with a document type")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.CharacterDataHandler = start, data
    parser.EndElementHandler = lambda _: ended.append(open_.pop())
    parser.StartDoctypeDeclHandler = refuse
    with archive.open(member) as file:
        while True:
            chunk = file.read(CHUNK)
            try:
                parser.Parse(chunk, not chunk)
            except expat.ExpatError:
                raise NotSpreadsheetError("expected a spreadsheet, got broken XML inside") from None
            yield from ended
            ended.clear()
            if not chunk:
                return
