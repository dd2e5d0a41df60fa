"""Tables whose cells say what they are one by one, as in JSON and in spreadsheets.

They are read twice, a few records at a time: once to learn the columns and what is in them, once for the values. A
column has booleans, integers, numbers or moments; where kinds are mixed it is text.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, time
from enum import IntFlag

import pyarrow as pa

from app.intake.engine import rows_at_once
from app.intake.errors import (
    NotFiniteError,
    NotTextError,
    OutOfRangeError,
    TooManyColumnsError,
    TooManyRecordsError,
    UnsupportedTypeError,
)
from app.intake.model import FileFormat, IntakeLimits
from app.intake.records import check_count, check_names, check_width, tidied
from app.intake.typed import Typed

LARGEST = 2**63
Value = str | bool | int | float | datetime
Record = dict[str, Value | None]


class Kinds(IntFlag):
    """What values a column has."""

    NONE = 0
    BOOLEAN = 1
    INTEGER = 2
    REAL = 4
    DAY = 8
    MOMENT = 16
    TEXT = 32


ARROW: Mapping[Kinds, pa.DataType] = {
    Kinds.BOOLEAN: pa.bool_(),
    Kinds.INTEGER: pa.int64(),
    Kinds.REAL: pa.float64(),
    Kinds.REAL | Kinds.INTEGER: pa.float64(),
    Kinds.DAY: pa.date32(),
    Kinds.MOMENT: pa.timestamp("us"),
    Kinds.DAY | Kinds.MOMENT: pa.timestamp("us"),
}
"""The type of a column of these kinds; text of all others."""


def open_loose(
    found: FileFormat,
    records: Callable[[], Iterator[Record]],
    shown: Callable[[Value], str],
    limits: IntakeLimits,
    names: Sequence[str] = (),
) -> Typed:
    """The table of these records, which are asked for twice. `shown` writes a value that stands among texts.

    The columns are `names`, and more in the order in which they first appear. Raises UnsupportedTypeError,
    OutOfRangeError, NotFiniteError, NotTextError and what checking names and counts raises.
    """
    kinds = dict.fromkeys(names, Kinds.NONE)
    count = 0
    for record in records():
        count += 1
        if count > limits.max_rows:
            raise TooManyRecordsError(f"expected at most {limits.max_rows:,} records, got more")
        for name, value in record.items():
            kinds[name] = kinds.get(name, Kinds.NONE) | kind_of(name, value)
        if len(kinds) > limits.max_columns:
            raise TooManyColumnsError(f"expected at most {limits.max_columns:,} columns, got more")
    titles, told = tidied(list(kinds))
    if kinds:
        check_names(titles, limits)
    check_count(count, limits)
    check_width(len(kinds), limits)
    types = [ARROW.get(kind, pa.string()) for kind in kinds.values()]
    schema = pa.schema(list(zip(titles, types, strict=True)))
    return Typed(
        format=found,
        schema=schema,
        batches=_batches(records(), list(kinds), schema, shown),
        warnings=told,
        arrow_types={f.name: str(f.type) for f in schema if pa.types.is_boolean(f.type) or pa.types.is_date(f.type)},
    )


def kind_of(name: str, value: object) -> Kinds:
    """What a value of the column `name` is. Raises UnsupportedTypeError, OutOfRangeError, NotFiniteError."""
    if value is None or value != value:  # noqa: PLR0124 - not a number
        return Kinds.NONE
    if isinstance(value, str):
        return Kinds.TEXT
    if isinstance(value, bool):
        return Kinds.BOOLEAN
    if isinstance(value, datetime):
        return Kinds.DAY if value.time() == time.min else Kinds.MOMENT
    if isinstance(value, int):
        if not -LARGEST <= value < LARGEST:
            raise OutOfRangeError(
                f"column {name!r}: expected integers from -2^63 to 2^63 - 1, got others; write the column as text"
            )
        return Kinds.INTEGER
    if isinstance(value, float):
        if math.isinf(value):
            raise NotFiniteError(f"column {name!r}: expected finite numbers, got infinite ones; write them as missing")
        return Kinds.REAL
    raise UnsupportedTypeError(
        f"column {name!r}: expected text, numbers, true, false or null; got "
        f"{'objects' if isinstance(value, dict) else 'lists'}; leave the column out, or make a column of each part"
    )


def _batches(
    records: Iterator[Record], keys: Sequence[str], schema: pa.Schema, shown: Callable[[Value], str]
) -> Iterator[pa.RecordBatch]:
    """The records, whose values stand under `keys`, a few at a time."""
    waiting: list[Record] = []
    for record in records:
        waiting.append(record)
        if len(waiting) >= rows_at_once(len(schema)):
            yield _batch(waiting, keys, schema, shown)
            waiting = []
    if waiting:
        yield _batch(waiting, keys, schema, shown)


def _batch(
    records: list[Record], keys: Sequence[str], schema: pa.Schema, shown: Callable[[Value], str]
) -> pa.RecordBatch:
    columns = []
    for key, field in zip(keys, schema, strict=True):
        cells = (record.get(key) for record in records)
        values = [None if cell is None or cell != cell else cell for cell in cells]  # noqa: PLR0124 - not a number
        if pa.types.is_string(field.type):
            values = [None if value is None else shown(value) for value in values]
        elif pa.types.is_floating(field.type):
            values = [None if value is None else float(value) for value in values]  # type: ignore[arg-type]
        try:
            columns.append(pa.array(values, field.type))
        except UnicodeError:
            raise NotTextError(f"column {field.name!r}: expected text, got half of a surrogate pair") from None
    return pa.RecordBatch.from_arrays(columns, schema=schema)
