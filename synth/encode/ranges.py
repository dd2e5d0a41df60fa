"""Ranges of quantities: the codes and the parts of pieces whose values lie between two ends."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.encode.base import Codes, Residuals, Selected
from synth.errors import ConditionError
from synth.table.ranges import Bound, Range, as_range, moment_of

Floats = NDArray[np.float64]
STEPS = 2**24
"""Residuals are told apart in so many steps from -1 to 1; float32 holds each of them exactly."""


class Emitting(Protocol):
    """A quantity whose values rise with their residual inside of a piece."""

    @property
    def name(self) -> str:
        """The column's name."""

    @property
    def width(self) -> int:
        """Number of codes."""

    def piece_codes(self) -> range:
        """The codes of the pieces."""

    def emitted(self, codes: Codes, residuals: Residuals | None) -> Floats:
        """(n,) the values as float64; missing is NaN."""


def range_meant(name: str, wanted: str | Range) -> Range:
    """The range that is asked for, or holds one value alone. Raises ConditionError on a text that is no value."""
    meant = as_range(wanted) if isinstance(wanted, str) else wanted
    if meant is None:
        raise ConditionError(
            f"column {name!r}: expected a range, a number or a date for a column of quantities, got other text"
        )
    return meant


def padded(selected: Selected, width: int) -> Selected:
    """The same of a column with further codes, none of which is selected."""
    more = width - len(selected.shares)
    return Selected(
        shares=np.r_[selected.shares, np.zeros(more)],
        low=np.r_[selected.low, ends(more, -1.0)],
        high=np.r_[selected.high, ends(more, 1.0)],
    )


def lies_in(values: pd.Series, wanted: Range) -> NDArray[np.bool_]:
    """(records,) which values of a numerical or datetime column lie in the range, by the same ends as a condition.

    Raises ConditionError where the ends are of another kind than the column.
    """
    name = str(values.name)
    if values.dtype.kind == "M":
        micros = values.to_numpy().astype("datetime64[us]")
        first, last = micros_of(name, wanted.low, last=False), micros_of(name, wanted.high, last=True)
        met: NDArray[np.bool_] = ~np.isnat(micros)
        met &= True if first is None else micros >= np.datetime64(first, "us")
        met &= True if last is None else micros <= np.datetime64(last, "us")
        return met
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    least = _float(number_of(name, wanted.low), -math.inf, up=True)
    most = _float(number_of(name, wanted.high), math.inf, up=False)
    return (numbers >= least) & (numbers <= most)


def ends(width: int, value: float) -> NDArray[np.float32]:
    """(width,) the same end of every code."""
    return np.full(width, value, dtype=np.float32)


def select_between(column: Emitting, low: float | None, high: float | None) -> Selected:
    """What lies from `low` to `high`, by the values that the encoder emits. Raises ConditionError where none do."""
    least, most = _float(low, -math.inf, up=True), _float(high, math.inf, up=False)
    if low is not None and high is not None and low > high:
        raise ConditionError(f"column {column.name!r}: expected a range whose lower end is not above its upper one")
    fixed = column.emitted(np.arange(column.width, dtype=np.int32), np.zeros(column.width, dtype=np.float32))
    shares = ((fixed >= least) & (fixed <= most)).astype(np.float64)
    begin, end = ends(column.width, -1.0), ends(column.width, 1.0)
    pieces = column.piece_codes()
    if pieces:
        codes = np.arange(pieces.start, pieces.stop, dtype=np.int32)
        first = _first_step(column, codes, least, strict=False)
        last = _first_step(column, codes, most, strict=True) - 1
        shares[codes] = np.maximum(last - first, 0) / STEPS
        begin[codes], end[codes] = _residual(first), _residual(np.maximum(last, first))
    if not shares.any():
        raise ConditionError(f"column {column.name!r}: expected a range in which this model may emit values")
    return Selected(shares=shares, low=begin, high=end)


def _first_step(column: Emitting, codes: NDArray[np.int32], bound: float, *, strict: bool) -> NDArray[np.int64]:
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


def number_of(name: str, bound: Bound) -> float | None:
    """The number that an end of a range is. Raises ConditionError where it is none."""
    if bound is None:
        return None
    found: object = bound
    if not isinstance(found, (int, float, np.integer, np.floating)) or isinstance(found, bool) or found != found:  # noqa: PLR0124 - NaN
        raise ConditionError(f"column {name!r}: expected numbers as the ends of the range")
    return found if isinstance(found, (int, float)) else found.item()


def micros_of(name: str, bound: Bound, *, last: bool) -> int | None:
    """Microseconds since 1970; a date without a time is its first one, or its last one. Raises ConditionError."""
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


def beyond(values: Floats, low: float, high: float, least: int) -> Iterator[str]:
    """A phrase on the values beyond the ends that `least` people share, where there are some; NaN is no value."""
    known = values[~np.isnan(values)]
    share = float(np.mean((known < low) | (known > high))) if len(known) else 0.0
    if share:
        yield f"{share:.2%} of the values, which lie further out than {least} people share: they come back as the ends"
