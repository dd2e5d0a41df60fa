"""Bytes to text: byte order mark, then strict UTF-8, then UTF-16 by its NUL bytes; anything else must be declared."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from dataclasses import dataclass

from app.intake.errors import LineTooLongError, NotTextError, UnsupportedEncodingError
from app.intake.model import IntakeLimits, ReadOptions

HEAD_BYTES = 1 << 16
DECLARE = "if it is Latin-1, Windows-1252 or UTF-16, declare it with `encoding` (latin-1, cp1252, utf-16)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Encoding:
    """How the bytes are decoded, and what the caller is to be told about it."""

    name: str
    codec: str
    warning: str | None = None


def detect_encoding(head: bytes, options: ReadOptions) -> Encoding:
    """The encoding that the caller declared or that the first bytes show.

    UTF-8 is only proven by decoding all of it, which `lines` does. Raises NotTextError, UnsupportedEncodingError.
    """
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise UnsupportedEncodingError("expected UTF-8 or UTF-16, got the byte order mark of UTF-32")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Encoding(name="utf-16", codec="utf-16")
    if head.startswith(codecs.BOM_UTF8):
        return Encoding(name="utf-8", codec="utf-8-sig")
    declared = options.codec
    if declared == "utf-16":  # without a byte order mark Python would take the byte order of this machine
        return Encoding(name=declared, codec=_utf16_order(head) or "utf-16-le")
    if declared is not None:
        return Encoding(name=declared, codec=declared)
    if b"\0" not in head:
        return Encoding(name="utf-8", codec="utf-8")
    order = _utf16_order(head)
    if order is None:
        raise NotTextError("expected text or Parquet, got NUL bytes near the beginning of the file")
    return Encoding(name=order, codec=order, warning=f"read as {order} although the file has no byte order mark")


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


def lines(stream: io.BufferedReader, encoding: Encoding, limits: IntakeLimits) -> Iterator[str]:
    """The physical lines of the text, each with its own line end.

    Raises UnsupportedEncodingError where a byte does not decode, NotTextError at a NUL, LineTooLongError; each names
    the line.
    """
    text = io.TextIOWrapper(stream, encoding=encoding.codec, errors="strict", newline="")
    number = 0
    try:
        while line := text.readline(limits.max_line_bytes + 1):
            number += 1
            if len(line) > limits.max_line_bytes:
                raise LineTooLongError(
                    f"line {number}: expected at most {limits.max_line_bytes:,} characters, got more"
                )
            if "\0" in line:
                raise NotTextError(f"line {number}: expected text, got a NUL character")
            yield line
    except UnicodeError:
        # the decoder's own error holds the bytes of the file: it must not travel on, not even as a cause
        raise UnsupportedEncodingError(
            f"expected {encoding.name} text, got bytes that are not {encoding.name} in line {number + 1}"
            f" or soon after; {DECLARE}"
        ) from None
    finally:
        if not text.closed:
            text.detach()
