"""Multipart bodies, driven as a stream.

Starlette's own parser would first put the whole file into its spool, beside ours and without our limit.
"""

from __future__ import annotations

from collections.abc import Collection

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.errors import InvalidRequestError, MalformedBodyError, PayloadTooLargeError

MAX_PART_BYTES = 256 * 1024
"""The most that all parts of text together, and all headers and boundaries, may take."""
FILE, OPTIONS = "file", "options"


def boundary_of(content_type: str) -> bytes:
    """The boundary that a content type names. Raises MalformedBodyError where it names none."""
    _, parameters = parse_options_header(content_type)
    boundary = parameters.get(b"boundary")
    if not boundary:
        raise MalformedBodyError("expected a multipart content type with a boundary, got none")
    return boundary


class MultipartReader:
    """The part `file` (one, streamed through) and parts of text (at most one of each name, kept) of a body."""

    def __init__(self, boundary: bytes, names: Collection[str] = (OPTIONS,)) -> None:
        self.filename: str | None = None
        self.texts: dict[str, bytes] = {}
        self._names = (FILE, *names)
        self._kept = 0
        self._pieces: list[bytes] = []
        self._gathered = bytearray()
        self._header, self._value = b"", b""
        self._disposition = b""
        self._part: str | None = None
        self._seen: set[str] = set()
        self._complete = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._on_part_begin,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_part_data": self._on_part_data,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
            )
        except FormParserError as error:
            raise MalformedBodyError("expected a boundary of at most 256 bytes, got a longer one") from error

    def feed(self, chunk: bytes) -> list[bytes]:
        """The pieces of the file in a chunk of the body."""
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise MalformedBodyError("expected a multipart body, got something else or a broken one") from error
        pieces, self._pieces = self._pieces, []
        return pieces

    def close(self) -> None:
        """Raises MalformedBodyError where the last boundary or the part `file` is missing."""
        if not self._complete:
            raise MalformedBodyError("expected a multipart body up to its last boundary, got one that is cut off")
        if FILE not in self._seen:
            raise InvalidRequestError(f"expected a part named {FILE!r}, got none")

    def _on_part_begin(self) -> None:
        self._disposition = b""
        self._gathered = bytearray()

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header, self._value = b"", b""

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if name not in self._names:
            raise InvalidRequestError(f"expected parts named {' and '.join(map(repr, self._names))}, got another one")
        if name in self._seen:
            raise InvalidRequestError(f"expected one part named {name!r}, got more")
        self._seen.add(name)
        self._part = name
        if name == FILE:
            self.filename = options.get(b"filename", b"").decode("utf-8", "replace") or None

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._part == FILE:
            self._pieces.append(data[start:end])
            return
        self._gathered += data[start:end]
        self._kept += end - start
        if self._kept > MAX_PART_BYTES:
            raise PayloadTooLargeError(f"expected at most {MAX_PART_BYTES} bytes of options, got more")

    def _on_part_end(self) -> None:
        if self._part is not None and self._part != FILE:
            self.texts[self._part] = bytes(self._gathered)
        self._part = None

    def _on_end(self) -> None:
        self._complete = True
