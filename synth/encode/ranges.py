"""What of a column a condition selects: one category, or the codes and parts of pieces whose values lie in a range."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.encode.base import ColumnEncoder
from synth.encode.categorical import CategoricalEncoder
from synth.encode.datetime import DatetimeEncoder
from synth.encode.numeric import Floats, NumericEncoder
from synth.encode.written import WrittenEncoder
from synth.errors import ConditionError
from synth.table.ranges import Bound, Range, as_range, moment_of

STEPS = 2**24
"""Residuals are told apart in so many steps from -1 to 1; float32 holds each of them exactly."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Inside:
    """What of one column a condition selects."""

    shares: Floats
    """(width,) how much of each code: 0, 1, or of a piece the share of its ranks"""
    low: NDArray[np.float32]
    """(width,) the least residual inside"""
    high: NDArray[np.float32]
    """(width,) the greatest"""


def inside_of(column: ColumnEncoder, wanted: str | Range) -> Inside:
    """What of a column is selected. Raises ConditionError where that is nothing, or of another kind than the column."""
    if isinstance(column, WrittenEncoder):
        return _padded(inside_of(column.inner, wanted), column.width)
    if isinstance(wanted, str) and not isinstance(column, CategoricalEncoder):
        wanted = as_range(wanted) or wanted
    if isinstance(wanted, Range):
        if isinstance(column, NumericEncoder):
            return _inside(column, _number(column.name, wanted.low), _number(column.name, wanted.high))
        if isinstance(column, DatetimeEncoder):
            low, high = _micros(column.name, wanted.low, last=False), _micros(column.name, wanted.high, last=True)
            least = None if low is None else -(-low // column.unit)
            return _inside(column.inner, least, None if high is None else high // column.unit)
        raise ConditionError(f"column {column.name!r}: expected a category for a categorical column, got a range")
    if not isinstance(column, CategoricalEncoder):
        raise ConditionError(
            f"column {column.name!r}: expected a range, a number or a date for a column of quantities, got other text"
        )
    shares = np.zeros(column.width)
    shares[column.code_of(wanted)] = 1.0
    return Inside(shares=shares, low=_ends(column.width, -1.0), high=_ends(column.width, 1.0))


def _padded(inside: Inside, width: int) -> Inside:
    """The same of a column with further codes, none of which is selected."""
    more = width - len(inside.shares)
    return Inside(
        shares=np.r_[inside.shares, np.zeros(more)],
        low=np.r_[inside.low, _ends(more, -1.0)],
        high=np.r_[inside.high, _ends(more, 1.0)],
    )


def lies_in(values: pd.Series, wanted: Range) -> NDArray[np.bool_]:
    """(records,) which values of a numerical or datetime column lie in the range, by the same ends as `inside_of`.

    Raises ConditionError where the ends are of another kind than the column.
    """
    name = str(values.name)
    if values.dtype.kind == "M":
        micros = values.to_numpy().astype("datetime64[us]")
        first, last = _micros(name, wanted.low, last=False), _micros(name, wanted.high, last=True)
        met: NDArray[np.bool_] = ~np.isnat(micros)
        met &= True if first is None else micros >= np.datetime64(first, "us")
        met &= True if last is None else micros <= np.datetime64(last, "us")
        return met
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    least = _float(_number(name, wanted.low), -math.inf, up=True)
    most = _float(_number(name, wanted.high), math.inf, up=False)
    return (numbers >= least) & (numbers <= most)


def _ends(width: int, value: float) -> NDArray[np.float32]:
    return np.full(width, value, dtype=np.float32)


def _inside(column: NumericEncoder, low: float | None, high: float | None) -> Inside:
    """What lies from `low` to `high`, by the very values that the encoder emits."""
    least, most = _float(low, -math.inf, up=True), _float(high, math.inf, up=False)
    if low is not None and high is not None and low > high:
        raise ConditionError(f"column {column.name!r}: expected a range whose lower end is not above its upper one")
    fixed = column.emitted(np.arange(column.width, dtype=np.int32), np.zeros(column.width, dtype=np.float32))
    shares = ((fixed >= least) & (fixed <= most)).astype(np.float64)
    begin, end = _ends(column.width, -1.0), _ends(column.width, 1.0)
    pieces = column.piece_codes()
    if pieces:
        codes = np.arange(pieces.start, pieces.stop, dtype=np.int32)
        first = _first_step(column, codes, least, strict=False)
        last = _first_step(column, codes, most, strict=True) - 1
        shares[codes] = np.maximum(last - first, 0) / STEPS
        begin[codes], end[codes] = _residual(first), _residual(np.maximum(last, first))
    if not shares.any():
        raise ConditionError(f"column {column.name!r}: expected a range in which this model may emit values")
    return Inside(shares=shares, low=begin, high=end)


def _first_step(column: NumericEncoder, codes: NDArray[np.int32], bound: float, *, strict: bool) -> NDArray[np.int64]:
    """(pieces,) the first step whose value reaches the bound, or exceeds it (`strict`); STEPS + 1 where none does."""
    low, high = np.zeros(len(codes), dtype=np.int64), np.full(len(codes), STEPS + 1, dtype=np.int64)
    while bool((low < high).any()):
        middle = np.minimum((low + high) // 2, STEPS)
        values = column.emitted(codes, _residual(middle))
        met = (values > bound) if strict else (values >= bound)
        open_ = low < high
        high = np.where(open_ & met, middle, high)
        low = np.where(open_ & ~met, middle + 1, low)
    return low


def _residual(step: NDArray[np.int64]) -> NDArray[np.float32]:
    return (step * (2.0 / STEPS) - 1.0).astype(np.float32)


def _float(bound: float | None, open_: float, *, up: bool) -> float:
    """The bound as a float; an integer that floats cannot hold is rounded into the range."""
    if bound is None:
        return open_
    try:
        value = float(bound)
    except OverflowError:
        return math.inf if bound > 0 else -math.inf
    if up and value < bound:
        return math.nextafter(value, math.inf)
    return math.nextafter(value, -math.inf) if not up and value > bound else value


def _number(name: str, bound: Bound) -> float | None:
    if bound is None:
        return None
    found: object = bound
    if not isinstance(found, (int, float, np.integer, np.floating)) or isinstance(found, bool) or found != found:  # noqa: PLR0124 - NaN
        raise ConditionError(f"column {name!r}: expected numbers as the ends of the range")
    return found if isinstance(found, (int, float)) else found.item()


def _micros(name: str, bound: Bound, *, last: bool) -> int | None:
    """Microseconds since 1970; a date without a time is its first one, or its last one."""
    if bound is None:
        return None
    moment = moment_of(bound, last=last)
    if moment is None or pd.isna(moment):
        raise ConditionError(
            f"column {name!r}: expected dates or datetimes without a time zone as the ends of the range"
        )
    stamp = pd.Timestamp(moment)
    micros = int(stamp.to_datetime64().astype("datetime64[us]").astype(np.int64))
    return micros + (not last and stamp.nanosecond > 0)
