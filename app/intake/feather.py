"""Opens Feather version 2 and Arrow IPC, as a file or as a stream: flat columns of known types only.

Its buffers may be compressed, and each says how long it becomes: all of that is added up before any is decompressed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc

from app.intake.engine import rows_at_once
from app.intake.errors import NotArrowError, TooLargeError, TooManyRecordsError
from app.intake.model import FileFormat, IntakeLimits
from app.intake.records import check_count, check_names, tidied
from app.intake.typed import Typed, check_types, refusing, renamed

FILE_MARK = b"ARROW1\0\0"
"""Begins a file; a stream of messages follows it, as in a file that is a stream."""
DICTIONARY, RECORDS = 2, 3
"""Kinds of messages, from Message.fbs of Apache Arrow."""


def open_feather(path: Path, limits: IntakeLimits) -> Typed:
    """The columns of the file and its records.

    Raises NotArrowError, UnsupportedTypeError, TooLargeError and what checking names and counts raises.
    """
    with _refusing():
        content = pa.memory_map(str(path)).read_buffer()
        messages = content.slice(len(FILE_MARK)) if content.slice(0, 8).to_pybytes() == FILE_MARK else content
        schema = pa.ipc.open_stream(messages).schema
    names, told = tidied(schema.names)
    check_names(names, limits)
    schema = renamed(schema, names)
    check_types(schema)
    with _refusing():
        records = _checked(messages, limits)
    check_count(records, limits)
    return Typed(
        format=FileFormat.FEATHER,
        schema=schema,
        warnings=told,
        batches=_batches(messages, len(schema.names)),
        arrow_types={field.name: str(field.type) for field in schema},
    )


def _batches(messages: pa.Buffer, columns: int) -> Iterator[pa.RecordBatch]:
    with _refusing():
        reader = pa.ipc.open_stream(messages)
    while (batch := _next(reader)) is not None:
        for start in range(0, len(batch), rows_at_once(columns)):
            yield batch.slice(start, rows_at_once(columns))


def _next(reader: pa.ipc.RecordBatchStreamReader) -> pa.RecordBatch | None:
    with _refusing():
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            return None
        batch.validate(full=True)
        return batch


def _checked(messages: pa.Buffer, limits: IntakeLimits) -> int:
    """How many records there are. Raises TooLargeError, TooManyRecordsError where it is too much to decompress."""
    records = size = 0
    for message in pa.ipc.MessageReader.open_stream(messages):
        header = _header(memoryview(message.metadata))
        if header is None:
            continue
        kind, counted = header
        rows, taken = _claimed(counted, memoryview(message.body or b""))
        records, size = records + (rows if kind == RECORDS else 0), size + taken
        if size > limits.max_decompressed_bytes:
            raise TooLargeError(f"expected at most {limits.max_decompressed_bytes:,} bytes decompressed, got more")
        if records > limits.max_rows:
            raise TooManyRecordsError(f"expected at most {limits.max_rows:,} records, got more")
    return records


class _Table:
    """A table of a FlatBuffer: fields by number, each of which may be missing (flatbuffers.dev, "Internals")."""

    def __init__(self, data: memoryview, at: int) -> None:
        self._data, self._at = data, at
        self._fields = at - struct.unpack_from("<i", data, at)[0]

    def place(self, field: int) -> int | None:
        """Where the field stands."""
        (size,) = struct.unpack_from("<H", self._data, self._fields)
        if 4 + 2 * field >= size:
            return None
        (offset,) = struct.unpack_from("<H", self._data, self._fields + 4 + 2 * field)
        return self._at + offset if offset else None

    def number(self, field: int, form: str) -> int:
        """The number there, 0 where it is missing."""
        at = self.place(field)
        return 0 if at is None else int(struct.unpack_from(form, self._data, at)[0])

    def table(self, field: int) -> _Table | None:
        """The table there."""
        at = self.place(field)
        return None if at is None else _Table(self._data, at + struct.unpack_from("<I", self._data, at)[0])

    def pairs(self, field: int) -> list[tuple[int, int]]:
        """The vector of two 64-bit numbers each there."""
        at = self.place(field)
        if at is None:
            return []
        at += struct.unpack_from("<I", self._data, at)[0]
        (count,) = struct.unpack_from("<I", self._data, at)
        return list(struct.iter_unpack("<qq", self._data[at + 4 : at + 4 + 16 * count]))


def _header(metadata: memoryview) -> tuple[int, _Table] | None:
    """The kind of a message and what it says of its records, or of the entries of a dictionary; None for a schema."""
    message = _Table(metadata, struct.unpack_from("<I", metadata, 0)[0])
    kind, header = message.number(1, "<B"), message.table(2)
    if header is None or kind not in {DICTIONARY, RECORDS}:
        return None
    counted = header.table(1) if kind == DICTIONARY else header
    return None if counted is None else (kind, counted)


def _claimed(header: _Table, body: memoryview) -> tuple[int, int]:
    """(records, bytes once decompressed). Raises struct.error where a size is negative, which hides what others are."""
    size, rows = 0, header.number(0, "<q")
    if rows < 0 or any(offset < 0 or length < 0 for offset, length in header.pairs(2)):
        raise struct.error
    compressed = header.place(3) is not None
    for offset, length in header.pairs(2):
        claimed = struct.unpack_from("<q", body, offset)[0] if compressed and length >= 8 else length
        size += length if claimed < 0 else max(claimed, length)
    return rows, size


@contextmanager
def _refusing() -> Iterator[None]:
    with refusing(NotArrowError, "expected readable Feather or Arrow, reading failed"):
        try:
            yield
        except struct.error:
            raise NotArrowError("expected readable Feather or Arrow, a message in it is broken") from None
