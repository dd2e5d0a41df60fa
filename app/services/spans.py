"""Ranges as they are counted before a job: their ends say where no single person's value lies.

Who may move the ends of a range freely, and is told each time whether enough people lie in it, would find value after
value of the table. So an end counts where it is on a grid, or where enough people have the very value.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from app.services.columns import values_read
from app.services.holders import read
from synth.table.ranges import Range, moment_of
from synth.table.schema import ColumnRole, TableSchema

MOST_CELLS = 50
"""Of the grid, between the tenth and the ninetieth percentile."""
PEOPLE_IN_CELL = 10
"""On average, at least."""
MIDDLE = (0.1, 0.9)
NEAR = 1e-9
"""Of a step: an end so close to a line is on it."""
SECOND, DAY = 1e6, 86_400e6
"""Microseconds"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spans:
    """What of a range is counted."""

    low: float
    high: float
    points: tuple[float, ...]
    """Values of many people between the ends of the range and those of the grid"""

    def met(self, values: pa.Array) -> pa.Array:
        """(records,) bool, never null."""
        numbers = numbers_of(values)
        inside = pc.and_(pc.greater_equal(numbers, self.low), pc.less_equal(numbers, self.high))
        return pc.fill_null(pc.or_(inside, pc.is_in(numbers, value_set=pa.array(self.points, pa.float64()))), False)


def spans_of(source: Any, schema: TableSchema, name: str, wanted: Range, least: int) -> Spans:  # noqa: ANN401
    """What of the range is counted: whole cells of a grid, and values that `least` people have.

    The grid's step is 1, 2 or 5 times a power of ten (days or seconds for moments), so that the middle 80 % of the
    records have at most 50 cells, with 10 records each on average. It does not follow from single records.
    """
    moments = schema[name].kind.is_moment
    low, high = _end(wanted.low, moments=moments, last=False), _end(wanted.high, moments=moments, last=True)
    step = _step(_values(source, schema, name), moments=moments)
    # cells of moments end before the next one begins: a day has no moment of the day after
    last = 1.0 if moments else 0.0
    inner, outer = _at(low, step, math.ceil), _at(high + last, step, math.floor) - last
    person = schema.with_role(ColumnRole.PERSON)
    pairs, counts = set[tuple[float, object]](), Counter[float]()
    for batch in read(source, schema, [name]):
        numbers = numbers_of(values_read(batch.column(name), schema[name])).to_numpy(zero_copy_only=False)
        beside = (numbers >= low) & (numbers <= high) & ~((numbers >= inner) & (numbers <= outer))
        if person is None:
            counts.update(numbers[beside].tolist())
        else:
            owners = batch.column(person).filter(pa.array(beside)).to_pylist()
            pairs.update(zip(numbers[beside].tolist(), (owner or None for owner in owners), strict=True))
    counts.update(value for value, _ in pairs)
    return Spans(
        low=inner, high=outer, points=tuple(sorted(value for value, people in counts.items() if people >= least))
    )


def numbers_of(values: pa.Array) -> pa.Array:
    """Numbers as they are, and moments in microseconds, as floats."""
    if pa.types.is_temporal(values.type):
        values = values.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
    return values.cast(pa.float64(), safe=False)


def _values(source: Any, schema: TableSchema, name: str) -> NDArray[np.float64]:  # noqa: ANN401
    parts: Iterator[NDArray[np.float64]] = (
        numbers_of(values_read(batch.column(name), schema[name])).to_numpy(zero_copy_only=False)
        for batch in read(source, schema, [name])
    )
    every: NDArray[np.float64] = np.concatenate([np.empty(0), *parts])
    finite: NDArray[np.float64] = every[np.isfinite(every)]
    return finite


def _step(values: NDArray[np.float64], *, moments: bool) -> float:
    cells = min(MOST_CELLS, max(1, int(len(values) * (MIDDLE[1] - MIDDLE[0]) / PEOPLE_IN_CELL)))
    low, high = np.quantile(values, MIDDLE) if len(values) else (0.0, 0.0)
    least = float(high - low) / cells
    unit = 1.0 if not moments else DAY if least >= DAY else SECOND
    if least <= 0:
        return unit
    least /= unit
    power = 10.0 ** math.floor(math.log10(least))
    step = next(each * power for each in (1, 2, 5, 10) if each * power >= least * (1 - NEAR))
    return unit * (max(step, 1.0) if moments else step)


def _at(end: float, step: float, rounded: Callable[[float], int]) -> float:
    """The grid's line next to the end, or the end itself where it is one."""
    if not math.isfinite(end):
        return end
    near = round(end / step) * step
    return end if abs(end - near) <= NEAR * step else rounded(end / step) * step


def _end(bound: object, *, moments: bool, last: bool) -> float:
    if bound is None:
        return math.inf if last else -math.inf
    if not moments:
        return float(bound)  # type: ignore[arg-type]  # a number, as was checked
    moment = moment_of(bound, last=last)
    if moment is None:
        return math.nan
    return float(np.datetime64(moment, "us").astype(np.int64))
