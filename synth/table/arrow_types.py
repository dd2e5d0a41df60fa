"""The Arrow types that the columns of a table came with, as text and back, and columns cast to and from them.

In memory and between the stages a table holds text, int64, double and timestamp[us] alone (`plain_type`); what is
written has the types that came (`restored`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from synth.errors import SchemaError, TableError

Column: TypeAlias = "pa.Array | pa.ChunkedArray"
UNITS = ("s", "ms", "us", "ns")
_SIMPLE: Mapping[str, pa.DataType] = {
    str(kind): kind
    for kind in (
        *(pa.bool_(), pa.null(), pa.string(), pa.large_string(), pa.string_view()),
        *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
        *(pa.float16(), pa.float32(), pa.float64(), pa.date32(), pa.date64()),
        *(pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns")),
        *(pa.timestamp(unit) for unit in UNITS),
    )
}
_DECIMALS = {"32": pa.decimal32, "64": pa.decimal64, "128": pa.decimal128, "256": pa.decimal256}
_DECIMAL = re.compile(r"decimal(32|64|128|256)\((\d{1,2}), (-?\d{1,2})\)", re.ASCII)
_ZONED = re.compile(r"timestamp\[(s|ms|us|ns), tz=([\w+\-:/]{1,64})\]", re.ASCII)
_DICTIONARY = re.compile(r"dictionary<values=(\w+), indices=(u?int(?:8|16|32|64)), ordered=([01])>", re.ASCII)
PANDAS_DTYPES = frozenset(
    {
        *(f"{sign}{bits}" for sign in ("Int", "UInt") for bits in (8, 16, 32, 64)),
        *("Float32", "Float64", "boolean", "string"),
        *(f"{kind}[pyarrow]" for kind in ("bool", "string", "float", "double", "date32[day]")),
        *(f"{sign}int{bits}[pyarrow]" for sign in ("", "u") for bits in (8, 16, 32, 64)),
    }
)
"""The pandas dtypes that a Parquet file asks for beyond those that its Arrow types lead to."""


def parse_type(text: str) -> pa.DataType:
    """The Arrow type that reads `text` as `str` writes it. Raises SchemaError where no column is stored as it."""
    if text in _SIMPLE:
        return _SIMPLE[text]
    try:
        if found := _DECIMAL.fullmatch(text):
            return _DECIMALS[found[1]](int(found[2]), int(found[3]))
        if found := _ZONED.fullmatch(text):
            return pa.timestamp(found[1], found[2])
        if (found := _DICTIONARY.fullmatch(text)) and found[1] in _SIMPLE:
            return pa.dictionary(_SIMPLE[found[2]], _SIMPLE[found[1]], ordered=found[3] == "1")
    except (pa.ArrowException, ValueError):
        pass
    raise SchemaError("arrow_type: expected the name of a flat Arrow type such as int8 or decimal128(38, 2)")


def is_known(kind: pa.DataType) -> bool:
    """Whether columns of this Arrow type can be written again."""
    try:
        return bool(parse_type(str(kind)) == kind)
    except SchemaError:
        return False


def is_text(kind: pa.DataType) -> bool:
    """Whether the type is one of text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def plain_type(kind: pa.DataType) -> pa.DataType:
    """What a column of this Arrow type is held as: string, int64, double or timestamp[us]."""
    if pa.types.is_dictionary(kind):
        return plain_type(kind.value_type)
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return pa.timestamp("us")
    if pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and kind.scale <= 0):
        return pa.int64()
    if pa.types.is_decimal(kind) or pa.types.is_floating(kind):
        return pa.float64()
    return pa.string()


def plain(column: Column) -> Column:
    """The column as it is held. Raises a pyarrow.ArrowException where an integer does not fit int64.

    A time zone only says how to show an instant: what is held is the instant in UTC, to the microsecond. A time of day
    is text, HH:MM:SS. A number of four bytes becomes the double of the fewest digits that stands for it: 0.1, not
    0.10000000149.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
        column = column.cast(kind)
    wanted = plain_type(kind)
    if pa.types.is_timestamp(wanted):
        return column.cast(wanted, safe=False)
    if pa.types.is_time(kind):
        return column.cast(pa.time32("s"), safe=False).cast(wanted)
    if pa.types.is_float16(kind) or pa.types.is_float32(kind):
        return column.cast(pa.float32()).cast(pa.string()).cast(wanted)
    return column.cast(wanted)


def restored(column: Column, wanted: pa.DataType, name: str, order: Sequence[str] = ()) -> Column:
    """A column that is held as `plain` leaves it, in the type that it came with; `order` is that of its categories.

    Raises TableError, naming the column, where a value does not fit.
    """
    if column.type == wanted:
        return column
    try:
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if pa.types.is_dictionary(wanted):
            return _coded(column.cast(wanted.value_type), wanted, order)
        if pa.types.is_time(wanted) and is_text(column.type):
            moments = pc.binary_join_element_wise("1970-01-01", column, " ").cast(pa.timestamp("s"))
            return moments.cast(pa.time32("s")).cast(wanted)
        if pa.types.is_null(wanted) and column.null_count == len(column):
            return pa.nulls(len(column))
        coarser = pa.types.is_date(wanted) or (pa.types.is_timestamp(wanted) and wanted.unit in {"s", "ms"})
        return column.cast(wanted, safe=not coarser)
    except (pa.ArrowException, ValueError):
        raise TableError(f"column {name!r}: expected values that fit the type {wanted} that it came with") from None


def _coded(column: Column, wanted: pa.DictionaryType, order: Sequence[str]) -> Column:
    """The column as a dictionary, its categories in the order given, or sorted by value where none is given."""
    distinct = column.unique().drop_null()
    known = pa.array(order, pa.string()).cast(wanted.value_type)
    rest = distinct.filter(pc.invert(pc.is_in(distinct, value_set=known)))
    categories = pa.concat_arrays([known, rest.take(pc.sort_indices(rest))])
    codes = pc.index_in(column, value_set=categories).cast(wanted.index_type)
    chunks = codes.chunks if isinstance(codes, pa.ChunkedArray) else [codes]
    coded = [pa.DictionaryArray.from_arrays(chunk, categories, ordered=wanted.ordered) for chunk in chunks]
    return pa.chunked_array(coded, wanted) if isinstance(column, pa.ChunkedArray) else coded[0]


def pandas_dtypes(schema: pa.Schema) -> dict[str, str]:
    """The pandas dtypes that a file's schema asks for, by column; those alone that pandas would not choose anyway."""
    try:
        told = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))
        columns = {column["field_name"]: column["numpy_type"] for column in told.get("columns", ())}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
    names = set(schema.names)
    return {name: kind for name, kind in columns.items() if name in names and kind in PANDAS_DTYPES}


def pandas_metadata(dtypes: Mapping[str, str]) -> dict[bytes, bytes] | None:
    """Metadata by which pandas reads columns as these dtypes; None where there are none."""
    if not dtypes:
        return None
    columns = [
        {"name": name, "field_name": name, "pandas_type": kind.lower(), "numpy_type": kind, "metadata": None}
        for name, kind in dtypes.items()
    ]
    told = {"index_columns": [], "column_indexes": [], "columns": columns, "pandas_version": "2.3.3"}
    return {b"pandas": json.dumps(told).encode()}
