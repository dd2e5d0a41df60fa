"""How many decimal places CSV shows of doubles."""

from __future__ import annotations

from collections.abc import Sequence

from synth.encode.base import ColumnEncoder
from synth.encode.numeric import NumericEncoder
from synth.encode.written import WrittenEncoder
from synth.table.schema import TableSchema

LARGEST = 1e15
"""Of larger numbers a double does not hold decimals."""


def places_of(columns: Sequence[ColumnEncoder], schema: TableSchema) -> dict[str, int]:
    """As many as a column was written with, and one of doubles that are all whole: they would be read as integers.

    Only of columns none of whose values has more.
    """
    found = {column.name: _places(column, schema[column.name].places) for column in columns}
    return {name: places for name, places in found.items() if places is not None}


def _places(column: ColumnEncoder, written: int | None) -> int | None:
    markers = column.markers if isinstance(column, WrittenEncoder) else ()
    if isinstance(column, WrittenEncoder):
        if column.stored != "float64" or not isinstance(column.inner, NumericEncoder):
            return None
        column = column.inner
    if not isinstance(column, NumericEncoder) or column.dtype != "float64" or column.decimals is None:
        return None
    most = written or 0
    fits = column.decimals <= most and max(abs(column.low), abs(column.high)) < LARGEST
    return max(most, 1) if fits and all(_fits(float(each), most) for each in markers) else None


def _fits(marker: float, places: int) -> bool:
    return abs(marker) < LARGEST and round(marker, places) == marker
