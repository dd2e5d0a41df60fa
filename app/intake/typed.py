"""Tables whose file says what its columns are, such as Parquet: known types only, each batch checked, bytes counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from app.intake.errors import (
    IntakeError,
    LineTooLongError,
    NotFiniteError,
    NotTextError,
    OutOfRangeError,
    TooLargeError,
    UnsupportedTypeError,
)
from app.intake.kinds import COLUMN_TYPES
from app.intake.model import ColumnType, FileFormat, IntakeLimits
from synth.table.arrow_types import is_known, is_text, pandas_dtypes, plain, plain_type
from synth.table.schema import TableSchema

PIECE_BYTES = 64 * 2**20
"""So much of text is decoded at a time, about."""
DAY_SECONDS = 86_400
FIRST, END = -62_135_596_800, 253_402_300_800
"""The years 1 to 9999, in seconds since 1970."""
PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


@dataclass(frozen=True, kw_only=True, slots=True)
class Typed:
    """An opened file of typed columns."""

    format: FileFormat
    schema: pa.Schema
    """Names and types of the columns, which have been checked."""
    batches: Iterator[pa.RecordBatch]
    """The records, as they stand in the file."""
    warnings: tuple[str, ...] = ()
    arrow_types: Mapping[str, str] = field(default_factory=dict)
    """The type that each column is to be written as; none where the file itself has no such types."""
    orders: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The categories of columns that have an order of them; known once records were read."""

    @property
    def types(self) -> dict[str, ColumnType]:
        """What the columns are stored as."""
        return {f.name: COLUMN_TYPES[plain_type(f.type)] for f in self.schema}

    def typed(self, schema: TableSchema) -> TableSchema:
        """The schema with the types that the columns came with."""
        dtypes = pandas_dtypes(self.schema)
        return TableSchema(
            columns=tuple(
                replace(
                    s,
                    arrow_type=self.arrow_types.get(s.name, ""),
                    pandas_dtype=dtypes.get(s.name, ""),
                    order=self.orders.get(s.name, ()),
                )
                for s in schema
            )
        )


@contextmanager
def refusing(error: type[IntakeError], what: str) -> Iterator[None]:
    """Arrow's errors may quote values, so they are replaced. A MemoryError of Arrow's goes on as one."""
    try:
        yield
    except (MemoryError, IntakeError):
        raise
    except (pa.ArrowException, OSError, ValueError, OverflowError, KeyError) as found:
        raise error(f"{what} ({type(found).__name__})") from None


def renamed(schema: pa.Schema, names: Sequence[str]) -> pa.Schema:
    """The schema with these names for its columns."""
    fields = [field.with_name(name) for field, name in zip(schema, names, strict=True)]
    return pa.schema(fields, schema.metadata)


def check_types(schema: pa.Schema) -> None:
    """Returns where every column is of a type that a flat table has. Raises UnsupportedTypeError, naming the column."""
    for column in schema:
        if not is_known(column.type):
            raise UnsupportedTypeError(
                f"column {column.name!r}: expected text, numbers, booleans, dates, times or timestamps; "
                f"got {_family(column.type)}; leave the column out, or write it as text"
            )
        zone = getattr(column.type, "tz", None)
        if zone is not None and not _is_zone(zone):
            raise UnsupportedTypeError(
                f"column {column.name!r}: expected a time zone such as Europe/Berlin or +02:00, got an unknown one"
            )


def _family(kind: pa.DataType) -> str:
    families = {
        "lists": lambda k: pa.types.is_list(k) or pa.types.is_large_list(k) or pa.types.is_fixed_size_list(k),
        "structs or maps": lambda k: pa.types.is_struct(k) or pa.types.is_map(k),
        "binary values": lambda k: "binary" in str(k),
        "durations": pa.types.is_duration,
    }
    return next((name for name, test in families.items() if test(kind)), "values of another type")


def _is_zone(name: str) -> bool:
    if len(name) == 6 and name[0] in "+-" and name[3] == ":" and name[1:3].isdigit() and name[4:].isdigit():
        return int(name[1:3]) < 24 and int(name[4:]) < 60
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def stored_batches(table: Typed, limits: IntakeLimits) -> Iterator[pa.RecordBatch]:
    """The records as they are stored: text, int64, double and timestamp[us].

    Raises OutOfRangeError, NotFiniteError, NotTextError, LineTooLongError, each naming the column, and TooLargeError
    where all of it is too much.
    """
    taken, names = 0, table.schema.names
    for batch in table.batches:
        sizes = [_text_bytes(name, array, limits) for name, array in zip(names, batch.columns, strict=True)]
        taken += sum(_total(size) for size in sizes) + batch.nbytes
        if taken > limits.max_decompressed_bytes:
            raise TooLargeError(f"expected at most {limits.max_decompressed_bytes:,} bytes decompressed, got more")
        for name, array in zip(names, batch.columns, strict=True):
            if pa.types.is_dictionary(array.type) and array.type.ordered and name not in table.orders:
                table.orders[name] = tuple(map(str, plain(array.dictionary).drop_null().to_pylist()))
        for piece in _pieces(batch, [size for size in sizes if size is not None]):
            arrays = [_stored(name, array) for name, array in zip(names, piece.columns, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, names=names)


def _text_bytes(name: str, array: pa.Array, limits: IntakeLimits) -> pa.Array | None:
    """How many bytes the text of each record takes, found without decoding a dictionary; None where it is no text."""
    coded = pa.types.is_dictionary(array.type)
    texts = array.dictionary if coded else array
    if not is_text(texts.type):
        return None
    if pa.types.is_string_view(texts.type):  # each view begins with its length
        first = np.frombuffer(texts.buffers()[1] or b"", dtype=np.int32)[::4]
        lengths = pa.array(first[texts.offset : texts.offset + len(texts)])
    else:
        lengths = pc.binary_length(texts)
    if (pc.max(lengths).as_py() or 0) > limits.max_line_bytes:
        raise LineTooLongError(
            f"column {name!r}: expected texts of at most {limits.max_line_bytes:,} bytes, got longer"
        )
    return (lengths.take(array.indices) if coded else lengths).cast(pa.int64())


def _total(sizes: pa.Array | None) -> int:
    return 0 if sizes is None else int(pc.sum(sizes).as_py() or 0)


def _pieces(batch: pa.RecordBatch, sizes: list[pa.Array]) -> Iterator[pa.RecordBatch]:
    """The batch in pieces of which each takes little memory once its dictionaries are decoded."""
    if sum(map(_total, sizes)) <= PIECE_BYTES or len(batch) <= 1:
        yield batch
        return
    half = len(batch) // 2
    yield from _pieces(batch.slice(0, half), [each.slice(0, half) for each in sizes])
    yield from _pieces(batch.slice(half), [each.slice(half) for each in sizes])


def _stored(name: str, array: pa.Array) -> pa.Array:
    """One column as it is stored; what is not a number is missing."""
    values = array.dictionary if pa.types.is_dictionary(array.type) else array
    if plain_type(values.type) == pa.int64():
        _check_integers(name, values)
    if plain_type(values.type) == pa.timestamp("us"):
        _check_moments(name, values)
    if pa.types.is_decimal(values.type) and plain_type(values.type) == pa.float64():
        _check_decimals(name, values)
    with refusing(IntakeError, f"column {name!r}: expected values of the type that the file names"):
        found = plain(array)
        if pa.types.is_floating(found.type):
            found = pc.if_else(pc.is_nan(found), None, found)
    if pa.types.is_floating(found.type) and pc.any(pc.is_inf(found)).as_py():
        raise NotFiniteError(f"column {name!r}: expected finite numbers, got infinite ones; write them as missing")
    if pa.types.is_string(found.type) and pc.any(pc.match_substring(found, "\0")).as_py():
        raise NotTextError(f"column {name!r}: expected text, got NUL characters")
    return found


def _check_integers(name: str, values: pa.Array) -> None:
    """Raises OutOfRangeError where an integer of another type does not fit 64 bits with a sign."""
    try:
        values.cast(pa.int64())
    except pa.ArrowInvalid:
        raise OutOfRangeError(
            f"column {name!r}: expected integers from -2^63 to 2^63 - 1, got others; write the column as text"
        ) from None


def _check_decimals(name: str, values: pa.Array) -> None:
    """Raises OutOfRangeError where a decimal has more digits than the double that it is learnt as."""
    try:
        exact = pc.all(pc.equal(values.cast(pa.float64()).cast(values.type), values)).as_py() is not False
    except pa.ArrowInvalid:
        exact = False
    if not exact:
        raise OutOfRangeError(f"column {name!r}: expected decimals of at most 15 digits; write the column as text")


def _check_moments(name: str, values: pa.Array) -> None:
    """Raises OutOfRangeError where a date lies outside the years 1 to 9999."""
    kind: Any = values.type
    if pa.types.is_date32(kind):
        low, end, ticks = FIRST // DAY_SECONDS, END // DAY_SECONDS, values.cast(pa.int32())
    else:
        per = PER_SECOND["ms" if pa.types.is_date64(kind) else kind.unit]
        low, end, ticks = FIRST * per, END * per, values.cast(pa.int64())
    ends = pc.min_max(ticks).as_py()
    if ends["min"] is not None and not low <= ends["min"] <= ends["max"] < end:
        raise OutOfRangeError(
            f"column {name!r}: expected dates in the years 1 to 9999, got others; write them as missing or as text"
        )
