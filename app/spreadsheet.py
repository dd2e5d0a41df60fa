"""CSV for spreadsheet programs, which would run some cells as formulas."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator

BLOCK = 1 << 16
"""Characters that are written at once."""

MOST_CHARACTERS = 1 << 24
"""Of one cell; the limit of Python's csv module is 128 KiB for the whole process."""

FORMULA = re.compile(r"[\s\0]*[=+\-@\uff1d\uff0b\uff0d\uff20|%]|[\t\r\n\0]")
"""How cells begin that a spreadsheet program may run; source: OWASP, "CSV Injection"."""

NUMBER = re.compile(r"[+-]?(\d[\d.,\u00a0\u202f' ]*|[.,]\d+)([eE][+-]?\d+)?[ \u00a0]?%?", re.ASCII)


def for_spreadsheet(chunks: Iterable[bytes], delimiter: str) -> Iterator[bytes]:
    """The same records with an apostrophe before every cell, and column name, that could be run as a formula.

    Numbers stay as they are, signs included. The input is UTF-8 and is read as it comes.
    """
    csv.field_size_limit(MOST_CHARACTERS)
    out = io.StringIO(newline="")
    write = csv.writer(out, delimiter=delimiter).writerow
    for record in csv.reader(_lines(chunks), delimiter=delimiter):
        write([_harmless(cell) for cell in record])
        if out.tell() >= BLOCK:
            yield _taken(out)
    yield _taken(out)


def _taken(out: io.StringIO) -> bytes:
    text = out.getvalue()
    out.seek(0)
    out.truncate()
    return text.encode()


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """The lines with their ends; only a line feed ends one, as cells may have other breaks."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield (line + b"\n").decode()
    if rest:
        yield rest.decode()


def _harmless(cell: str) -> str:
    return f"'{cell}" if FORMULA.match(cell) and not NUMBER.fullmatch(cell) else cell
