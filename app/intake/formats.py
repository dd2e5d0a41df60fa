"""Which format a file has, told by its first bytes, and how each is opened."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path, PurePosixPath

from app.intake.errors import (
    IntakeError,
    InvalidReadOptionError,
    NoTableError,
    NotArrowError,
    NotJsonError,
    NotParquetError,
    NotSpreadsheetError,
    UnsupportedTypeError,
)
from app.intake.feather import open_feather
from app.intake.model import FileFormat, IntakeLimits, ReadOptions
from app.intake.objects import open_objects
from app.intake.parquet import open_parquet
from app.intake.spreadsheet import open_spreadsheet
from app.intake.typed import Typed

PACKINGS = (".gz", ".bz2", ".zst", ".zip")
MAGIC = {
    b"PAR1": FileFormat.PARQUET,
    b"ARROW1\0\0": FileFormat.FEATHER,
    b"\xff\xff\xff\xff": FileFormat.FEATHER,
    b"PK\x03\x04": FileFormat.XLSX,
}
"""The first bytes of a file; an Arrow stream has no name, it begins with the mark of its first message."""
CALLED: dict[str, tuple[type[IntakeError], str]] = {
    ".parquet": (NotParquetError, "Parquet, as the file name says; the content does not begin with PAR1"),
    ".pq": (NotParquetError, "Parquet, as the file name says; the content does not begin with PAR1"),
    ".feather": (NotArrowError, "Feather, as the file name says; the content does not begin with ARROW1"),
    ".arrow": (NotArrowError, "Arrow, as the file name says; the content does not begin like it"),
    ".arrows": (NotArrowError, "Arrow, as the file name says; the content does not begin like it"),
    ".ipc": (NotArrowError, "Arrow, as the file name says; the content does not begin like it"),
    ".json": (NotJsonError, "a list of objects, as the file name says; the content begins otherwise"),
    ".jsonl": (NotJsonError, "an object on each line, as the file name says; the content begins otherwise"),
    ".ndjson": (NotJsonError, "an object on each line, as the file name says; the content begins otherwise"),
    ".xlsx": (NotSpreadsheetError, "a spreadsheet, as the file name says; the content does not begin like one"),
    ".xlsm": (NotSpreadsheetError, "a spreadsheet, as the file name says; the content does not begin like one"),
}
TYPED_OPTIONS = frozenset({"decimal"})
"""The options of formats that say what their columns are: numbers may stand in columns of text."""
TEXT_OPTIONS = frozenset({"encoding", "delimiter", "decimal", "header_rows", "skip_footer"})
OPTIONS = {FileFormat.XLSX: frozenset({"decimal", "header_rows", "skip_footer", "sheet"})}
OLD_EXCEL, OLD_FEATHER = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"FEA1"
NO_TABLES = {
    b"%pdf-": "a PDF",
    b"{\\rtf": "a text document (RTF)",
    b"<!doctype html": "a web page (HTML)",
    b"<html": "a web page (HTML)",
    b"<?xml": "an XML file",
    b"\x89png": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"gif8": "a picture",
    b"sqlite format 3\0": "an SQLite database",
    b"rar!\x1a\x07": "an archive in the rar format",
    b"7z\xbc\xaf\x27\x1c": "an archive in the 7z format",
    b"$fl2": "an SPSS file",
    b"<stata_dta>": "a Stata file",
}
"""How files begin that somebody may take for a table, in small letters, whatever they are called."""


def expect_effective(options: ReadOptions, found: FileFormat | None) -> None:
    """Returns where each option that was said has an effect on a file of this format, or on text where it is None.

    Raises InvalidReadOptionError, naming the options that have none.
    """
    said = {field.name for field in fields(options) if getattr(options, field.name) is not None}
    idle = sorted(said - (TEXT_OPTIONS if found is None else OPTIONS.get(found, TYPED_OPTIONS)))
    if idle:
        kind = "text such as CSV" if found is None else found.value
        raise InvalidReadOptionError(
            f"expected only options that have an effect on a file of {kind}, got {', '.join(idle)}; leave "
            f"{'it' if len(idle) == 1 else 'them'} out"
        )


def format_of(head: bytes, filename: str | None) -> FileFormat | None:
    """The format of a file that begins with `head`; None where it is text in lines.

    The name counts only where the bytes leave it open: text that begins with a bracket is JSON if the name does not say
    that it is CSV or TSV. Raises UnsupportedTypeError for formats of the past, NoTableError for what is no table.
    """
    if head.startswith(OLD_EXCEL):
        raise UnsupportedTypeError(
            "expected a spreadsheet in the xlsx format, got an old or encrypted one; save it anew"
        )
    if head.startswith(OLD_FEATHER):
        raise UnsupportedTypeError("expected Feather version 2, got version 1; write it anew")
    for magic, found in MAGIC.items():
        if head.startswith(magic):
            return found
    begin = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    _expect_a_table(begin)
    if _suffix(filename) in {".csv", ".tsv", ".txt"}:
        return None
    if begin.startswith(b"[") and begin[1:].lstrip()[:1] in {b"{", b"]", b""}:
        return FileFormat.JSON
    return FileFormat.JSON_LINES if begin.startswith(b"{") and begin[1:].lstrip()[:1] in {b'"', b"}"} else None


def _expect_a_table(begin: bytes) -> None:
    """Returns where the file may be one. Raises NoTableError where it begins like something else."""
    small = begin[: max(map(len, NO_TABLES))].lower()
    found = next((what for start, what in NO_TABLES.items() if small.startswith(start)), None)
    if found is not None:
        raise NoTableError(f"expected a table, got {found}; save the table as CSV, xlsx or Parquet, and upload that")


def expect_text(filename: str | None) -> None:
    """Returns where the file may be called text. Raises an IntakeError where its name says another format."""
    called = CALLED.get(_suffix(filename))
    if called is not None:
        raise called[0](f"expected {called[1]}")


def _suffix(filename: str | None) -> str:
    path = PurePosixPath((filename or "").lower())
    return (path.with_suffix("") if path.suffix in PACKINGS else path).suffix if path.name else ""


def open_typed(path: Path, found: FileFormat, limits: IntakeLimits, options: ReadOptions) -> Typed:
    """The file, opened as what it is. Raises what the formats raise."""
    if found is FileFormat.PARQUET:
        return open_parquet(path, limits)
    if found is FileFormat.FEATHER:
        return open_feather(path, limits)
    if found is FileFormat.XLSX:
        return open_spreadsheet(path, limits, options)
    return open_objects(path, found, limits)
