"""Opens JSON: a list of flat objects, or an object on each line; a few of them are in memory at a time."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, cast

from app.intake.errors import LineTooLongError, NotJsonError
from app.intake.loose import Record, Value, open_loose
from app.intake.model import FileFormat, IntakeLimits
from app.intake.typed import Typed

CHUNK = 1 << 18
SPACE = " \t\r\n"
EXPECTED = "expected a list of objects, or an object on each line"


def open_objects(path: Path, found: FileFormat, limits: IntakeLimits) -> Typed:
    """The columns of the objects, in the order in which they first appear, and the objects as records.

    Raises NotJsonError, LineTooLongError and what `open_loose` raises.
    """
    return open_loose(found, lambda: _objects(path, found, limits), _shown, limits)


def _shown(value: Value) -> str:
    """A value among texts, as JSON writes it."""
    return value if isinstance(value, str) else json.dumps(value)


def _objects(path: Path, found: FileFormat, limits: IntakeLimits) -> Iterator[Record]:
    """The objects of the file, of which few are in memory. Raises NotJsonError, LineTooLongError."""
    with path.open("rb") as file:
        reader = _Reader(file, limits)
        if found is FileFormat.JSON_LINES:
            record = reader.record()
            if not reader.sign() and any(isinstance(value, (dict, list)) for value in record.values()):
                raise NotJsonError(f"{EXPECTED}; got a single object with all of it inside: write the list alone")
            yield record
            while reader.sign():
                yield reader.record()
            return
        reader.skip("[")
        while reader.sign() != "]":
            yield reader.record()
            if reader.sign() != "]":
                reader.skip(",")
        reader.skip("]")
        if reader.sign():
            raise NotJsonError("expected nothing after the list of objects, got more")


class _Reader:
    """Reads one object after another from a file, a chunk at a time."""

    def __init__(self, file: BinaryIO, limits: IntakeLimits) -> None:
        self._file, self._longest = file, limits.max_line_bytes
        self._decode = codecs.getincrementaldecoder("utf-8-sig")(errors="strict")
        self._parse = json.JSONDecoder(object_pairs_hook=_flat).raw_decode
        self._text, self._at, self._ended, self._number = "", 0, False, 0

    def sign(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in SPACE:
                    return self._text[self._at]
                self._at += 1
            if not self._more():
                return ""

    def skip(self, sign: str) -> None:
        """Go on behind this character. Raises NotJsonError where another one stands here."""
        got = self.sign()
        if got != sign:
            raise NotJsonError(f"object {self._number + 1}: expected {sign!r} before it, got something else")
        self._at += 1

    def record(self) -> Record:
        """The object that begins here. Raises NotJsonError, LineTooLongError."""
        self._number += 1
        if self.sign() != "{":
            raise NotJsonError(f"{EXPECTED}; got something else as number {self._number}")
        while True:
            try:
                found, end = self._parse(self._text, self._at)
            except (ValueError, RecursionError) as error:
                if isinstance(error, RecursionError) or not self._goes_on():
                    raise NotJsonError(f"object {self._number}: expected valid JSON, got something else") from None
            else:
                if end - self._at > self._longest:
                    self._refuse_long()
                self._at = end
                return cast("Record", found)

    def _goes_on(self) -> bool:
        """Whether there is more of an object that could not be read yet."""
        if len(self._text) - self._at > self._longest:
            self._refuse_long()
        return self._more()

    def _refuse_long(self) -> NoReturn:
        raise LineTooLongError(f"object {self._number}: expected at most {self._longest:,} characters, got more")

    def _more(self) -> bool:
        """Reads on; whether there was more."""
        if self._ended:
            return False
        data = self._file.read(CHUNK)
        self._ended = not data
        try:
            self._text = self._text[self._at :] + self._decode.decode(data, final=self._ended)
        except UnicodeError:
            raise NotJsonError(f"object {self._number + 1}: expected UTF-8, got other bytes there or after") from None
        self._at = 0
        return not self._ended


def _flat(pairs: list[tuple[str, Any]]) -> Record:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise NotJsonError("expected each name once in an object, got one twice")
    return found
