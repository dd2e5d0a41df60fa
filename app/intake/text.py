"""Bytes to UTF-8: byte order mark, then strict UTF-8, then UTF-16 by its NUL bytes; anything else must be declared."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from dataclasses import dataclass

from app.intake.errors import NotTextError, UnsupportedEncodingError
from app.intake.model import ReadOptions

HEAD_BYTES = 1 << 16
"""How much of the file shows its encoding and its dialect."""
BLOCK_BYTES = 4 << 20
"""How much is read at a time."""
DECLARE = "if it is Windows-1252, Latin-1 or UTF-16, declare it with `encoding` or --encoding (cp1252, latin-1, utf-16)"
CONTROLS = "lookalike-controls"
"""The bytes that Windows-1252 leaves open are the control characters of Latin-1."""


def _as_controls(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error(CONTROLS, _as_controls)


@dataclass(frozen=True, kw_only=True, slots=True)
class Encoding:
    """How the bytes are decoded, and what the caller is to be told about it."""

    name: str
    codec: str
    warning: str | None = None
    errors: str = "strict"
    """What is done with bytes that do not decode, as Python calls it."""


def detect_encoding(head: bytes, options: ReadOptions) -> Encoding:
    """The encoding that the caller declared or that the first bytes show.

    UTF-8 is only proven by decoding all of it, which `utf8_blocks` does. Raises NotTextError, UnsupportedEncodingError.
    """
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise UnsupportedEncodingError("expected UTF-8 or UTF-16, got the byte order mark of UTF-32")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Encoding(name="utf-16", codec="utf-16")
    if head.startswith(codecs.BOM_UTF8):
        return Encoding(name="utf-8", codec="utf-8-sig")
    declared = options.codec
    if declared is not None:
        return _as_declared(declared, head)
    if b"\0" not in head:
        return Encoding(name="utf-8", codec="utf-8")
    order = _utf16_order(head)
    if order is None:
        raise NotTextError(
            "expected text, Parquet, Feather, Arrow, JSON or xlsx, got bytes of none of them; save the table as CSV or "
            "xlsx"
        )
    return Encoding(name=order, codec=order, warning=f"read as {order} although the file has no byte order mark")


def _as_declared(declared: str, head: bytes) -> Encoding:
    if declared == "utf-16":  # without a byte order mark Python would take the byte order of this machine
        return Encoding(name=declared, codec=_utf16_order(head) or "utf-16-le")
    if declared == "latin-1":  # nearly always Windows-1252, as browsers read it too (encoding.spec.whatwg.org)
        return Encoding(name=declared, codec="cp1252", errors=CONTROLS)
    return Encoding(name=declared, codec=declared)


def _utf16_order(head: bytes) -> str | None:
    """The byte order whose high bytes are mostly zero, as in text of which most is ASCII; None where neither is."""
    even, odd = head[0::2], head[1::2]
    if len(odd) < 4:
        return None
    zero_even, zero_odd = even.count(0) / len(even), odd.count(0) / len(odd)
    if zero_odd > 0.5 and zero_even < 0.01:
        return "utf-16-le"
    if zero_even > 0.5 and zero_odd < 0.01:
        return "utf-16-be"
    return None


def utf8_blocks(stream: io.BufferedReader, encoding: Encoding, size: int = BLOCK_BYTES) -> Iterator[bytes]:
    """The whole text in UTF-8 and without a byte order mark, some bytes at a time.

    Raises UnsupportedEncodingError where a byte does not decode, NotTextError at a NUL; each names the line.
    """
    decoder = codecs.getincrementaldecoder(encoding.codec)(encoding.errors)
    whole, lines = encoding.codec == "utf-8", 0
    while True:
        read = stream.read(size)
        if whole and read and read.isascii():
            decoded = read if decoder.getstate()[0] == b"" else _decoded(read, decoder, encoding, lines)
        else:
            decoded = _decoded(read, decoder, encoding, lines)
        if b"\0" in decoded:
            line = lines + 1 + _line_ends(decoded[: decoded.index(b"\0")])
            raise NotTextError(f"line {line}: expected text, got a NUL character")
        lines += _line_ends(decoded)
        if decoded:
            yield decoded
        if not read:
            return


def decode_head(head: bytes, encoding: Encoding) -> str:
    """The first bytes as text, without the character that their end cuts. Raises as `utf8_blocks`."""
    return _decoded(head, codecs.getincrementaldecoder(encoding.codec)(encoding.errors), encoding, 0).decode()


def _decoded(block: bytes, decoder: codecs.IncrementalDecoder, encoding: Encoding, lines: int) -> bytes:
    """The block in UTF-8; a character that its end cuts comes with the next one, which is empty at the end."""
    try:
        return decoder.decode(block, final=not block).encode()
    except UnicodeError as error:
        start = error.start if isinstance(error, UnicodeDecodeError) else 0
    # the decoder's own error holds the bytes of the file: it must not travel on, not even as a cause
    raise UnsupportedEncodingError(
        f"expected {encoding.name} text, got bytes that are not {encoding.name} in line "
        f"{lines + 1 + _line_ends(block[:start])} or soon after; {DECLARE}"
    )


def _line_ends(block: bytes) -> int:
    return block.count(b"\n") or block.count(b"\r")
