"""Keeps generated records apart in the columns of unique rules: a value that repeats an earlier record is moved.

Records go by in the order of the table. One that has the values of an earlier one gets the nearest value of one column
that no earlier one has beside its other values; where there is none, a second column is moved as well. What is taken,
and how far values reach, is told by the records that have gone by. Each record is moved once, and nothing is drawn
anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from synth.encode.rules.apart import Apart, name_of
from synth.encode.rules.shown import Shown, arrow_of
from synth.errors import SynthError
from synth.model import TrainedModel
from synth.rules.numbers import numbers_of
from synth.rules.text import text_of_rule
from synth.table.ranges import Condition, Range
from synth.table.schema import TableSchema
from synth.table.values import is_written, parse

T = TypeVar("T", pd.DataFrame, pa.RecordBatch)

MASK = (1 << 64) - 1
FIRST, SECOND = 0x9E3779B97F4A7C15, 0xD1B54A32D192ED03
"""Odd numbers that steps of the first and the second column are multiplied by, in the hash of a record's values."""
MOST_TRIED = 1_000
"""Values of the second column that are tried, at most."""


def apart_frames(
    model: TrainedModel, frames: Iterator[pd.DataFrame], given: Mapping[str, Condition]
) -> Iterator[pd.DataFrame]:
    """The records, of which those are moved that break a unique rule, and still meet the conditions that are given.

    A column stays as it is where one is on its values, and within its range where it is of a range.
    Raises SynthError where a declared rule cannot be kept, as there are too few values for so many records.
    """
    return _moved(model, frames, given, _of_frame)


def apart_batches(
    model: TrainedModel, batches: Iterator[pa.RecordBatch], given: Mapping[str, Condition]
) -> Iterator[pa.RecordBatch]:
    """The same for Arrow batches."""
    return _moved(model, batches, given, _of_batch)


def _moved(
    model: TrainedModel, tables: Iterator[T], given: Mapping[str, Condition], change: Callable[[T, Keeper], T]
) -> Iterator[T]:
    keepers = [Keeper(each, model.schema, given) for each in model.of_records.rules.apart]
    if not keepers:
        return tables
    return (_through(table, keepers, change) for table in tables)


def _through(table: T, keepers: list[Keeper], change: Callable[[T, Keeper], T]) -> T:
    for keeper in keepers:
        table = change(table, keeper)
    return table


def _of_frame(frame: pd.DataFrame, keeper: Keeper) -> pd.DataFrame:
    moved = keeper.move({name: frame[name].reset_index(drop=True) for name in keeper.columns})
    changed = {}
    for name, (rows, column) in moved.items():
        order = np.arange(len(frame))
        order[rows] = len(frame) + np.arange(len(rows))
        both = pd.concat([frame[name], column], ignore_index=True).take(order)
        changed[name] = both.astype(frame[name].dtype).set_axis(frame.index)
    return frame.assign(**changed) if changed else frame


def _of_batch(batch: pa.RecordBatch, keeper: Keeper) -> pa.RecordBatch:
    moved = keeper.move({name: _series(batch.column(name)) for name in keeper.columns})
    for name, (rows, column) in moved.items():
        own = batch.column(name)
        plain = own.dictionary_decode() if pa.types.is_dictionary(own.type) else own
        order = np.arange(len(plain))
        order[rows] = len(plain) + np.arange(len(rows))
        new = arrow_of(column).cast(plain.type) if column.dtype != object else pa.array(column, plain.type)
        both = pa.concat_arrays([plain, new]).take(pa.array(order))
        if pa.types.is_dictionary(own.type):
            both = both.dictionary_encode().cast(own.type)
        batch = batch.set_column(batch.schema.get_field_index(name), batch.schema.field(name), both)
    return batch


def _series(column: pa.Array) -> pd.Series:
    """Numbers and dates as pandas has them, anything else as objects."""
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_timestamp(kind):
        numbers: pd.Series = column.to_pandas()
        return numbers
    return pd.Series(column.to_pylist(), dtype=object)


@dataclass(slots=True)
class Column:
    """A column that may be moved: its values as whole numbers, and how far they have reached."""

    shown: Shown | str
    low: int = 0
    high: int = -1
    places: dict[str, int] = field(default_factory=dict)
    """Of a column of categories: the number of each"""
    values: list[object] = field(default_factory=list)

    def numbers(self, values: pd.Series, there: NDArray[np.bool_]) -> NDArray[np.int64]:
        """(records,) whole numbers; 0 where a record counts for nothing."""
        if isinstance(self.shown, str):
            codes, distinct = pd.factorize(values, use_na_sentinel=True)
            numbers = np.array([*map(self._place, distinct), 0], dtype=np.int64)[codes]
        else:
            numbers = np.nan_to_num(self.shown.grid.units(numbers_of(values))).astype(np.int64)
        if there.any():
            first = self.high < self.low
            least, most = int(numbers[there].min()), int(numbers[there].max())
            self.low, self.high = (least, most) if first else (min(self.low, least), max(self.high, most))
        return numbers

    def _place(self, value: object) -> int:
        if str(value) not in self.places:
            self.places[str(value)] = len(self.values)
            self.values.append(value)
        return self.places[str(value)]

    def written(self, numbers: list[int], dtype: np.dtype | pd.api.extensions.ExtensionDtype) -> pd.Series:
        """(n,) the values as they are stored."""
        if isinstance(self.shown, str):
            return pd.Series([self.values[number] for number in numbers], dtype=object).astype(dtype)
        return self.shown.written(self.shown.grid.numbers(np.array(numbers, dtype=np.float64)))


class Keeper:
    """What one rule has seen of a table that goes by."""

    def __init__(self, apart: Apart, schema: TableSchema, given: Mapping[str, Condition]) -> None:
        self.apart, self.schema = apart, schema
        self.columns = apart.rule.columns
        free = [each for each in apart.movable if isinstance(given.get(name_of(each), Range()), Range)]
        self.movable = [Column(each) for each in free][:2]
        self.ends = not self.movable or isinstance(free[0], str) or name_of(free[0]) in given
        """Whether values of the first column may not go on beyond those that have been seen"""
        self.taken: set[int] = set()
        self.jumps: dict[int, dict[int, int]] = {1: {}, -1: {}}
        """By direction: where to go on from a value that is taken"""
        self.full: set[int] = set()
        """Other values beside which all of the first column are taken"""

    def move(self, stored: Mapping[str, pd.Series]) -> dict[str, tuple[list[int], pd.Series]]:
        """By column: (records that are moved, their new values). Raises SynthError as `apart_frames` does."""
        values = {name: self._values(stored[name], name) for name in self.columns}
        there = np.logical_and.reduce([column.notna().to_numpy() for column in values.values()])
        names = [name_of(column.shown) for column in self.movable]
        ends = [(column.low, column.high) for column in self.movable]
        numbers = [column.numbers(values[name], there) for name, column in zip(names, self.movable, strict=True)]
        if ends != [(column.low, column.high) for column in self.movable]:
            self.full.clear()
        bases = _hashes([values[name] for name in self.columns if name not in names], len(there))
        keys = bases.copy()
        for number, factor in zip(numbers, (FIRST, SECOND), strict=False):
            keys += number.view(np.uint64) * np.uint64(factor)
        rows = np.flatnonzero(there).tolist()
        repeated = [row for row, key in zip(rows, keys[rows].tolist(), strict=True) if self._is_taken(key)]
        found: dict[int, tuple[int, ...]] = {}
        for row in repeated:
            free = self._free(int(bases[row]), [int(each[row]) for each in numbers])
            if free is not None:
                found[row] = free
            elif self.apart.declared:
                raise SynthError(
                    f"rule {text_of_rule(self.apart.rule)!r}: expected enough values for so many different records, "
                    "got too few; ask for fewer records, or take the rule away"
                )
        return {
            name: ([*found], column.written([free[place] for free in found.values()], stored[name].dtype))
            for place, (name, column) in enumerate(zip(names, self.movable, strict=True))
            if found
        }

    def _values(self, column: pd.Series, name: str) -> pd.Series:
        spec = self.schema[name]
        return parse(column, spec).values if is_written(spec) else column

    def _is_taken(self, key: int) -> bool:
        if key in self.taken:
            return True
        self.taken.add(key)
        return False

    def _free(self, base: int, own: list[int]) -> tuple[int, ...] | None:
        """The numbers that a record gets, which are taken from now on; None where nothing is free."""
        if not self.movable:
            return None
        for beside in self._tried(own):
            here = (base + beside * SECOND) & MASK
            place = None if here in self.full else self._near(here, own[0])
            if place is None:
                self.full.add(here)
                continue
            self.taken.add((here + place * FIRST) & MASK)
            return (place, beside)[: len(self.movable)]
        if self.ends:
            return None
        here = (base + (own[1] * SECOND if len(own) > 1 else 0)) & MASK
        place = self._walk(here, own[0], 1, None)
        if place is None:
            return None
        self.taken.add((here + place * FIRST) & MASK)
        return (place, *own[1:])

    def _tried(self, own: list[int]) -> Iterator[int]:
        """The values of the second column, from the own one on; 0 where there is none."""
        if len(self.movable) < 2:
            yield 0
            return
        second = self.movable[1]
        size = second.high - second.low + 1
        for step in range(min(size, MOST_TRIED)):
            yield second.low + (own[1] - second.low + step) % size

    def _near(self, base: int, own: int) -> int | None:
        """The nearest number that is free, within what has been seen; None where there is none."""
        first = self.movable[0]
        up, down = self._walk(base, own, 1, first.high), self._walk(base, own, -1, first.low)
        if up is None or down is None:
            return down if up is None else up
        if up - own == own - down:
            return up if own % 2 else down
        return up if up - own < own - down else down

    def _walk(self, base: int, own: int, step: int, end: int | None) -> int | None:
        """The next number in a direction that is free; None beyond the end."""
        jumps, here = self.jumps[step], own
        while end is None or (end - here) * step >= 0:
            key = (base + here * FIRST) & MASK
            if key not in self.taken:
                break
            here = jumps.get(key, here + step)
        if here != own:
            jumps[(base + own * FIRST) & MASK] = here
        return here if end is None or (end - here) * step >= 0 else None


def _hashes(columns: list[pd.Series], records: int) -> NDArray[np.uint64]:
    """(records,) what tells records with different values apart; the same in every process."""
    found = np.zeros(records, dtype=np.uint64)
    for column in columns:
        quantity = pd.api.types.is_datetime64_any_dtype(column.dtype) or (
            pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype)
        )
        # 0 and -0 are the same number
        cells = numbers_of(column) + 0.0 if quantity else column.astype(object).map(str).to_numpy(dtype=object)
        found = found * np.uint64(FIRST) + pd.util.hash_array(cells)
    return found
