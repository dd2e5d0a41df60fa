"""Keeps generated records apart in the columns of unique rules: a value that repeats an earlier record is moved.

Records go by in the order of the table. One that has the values of an earlier one gets the nearest value of one column
that no earlier one has beside its other values. It stays in the protected range of the column: an hour is none beyond
23. Where all of the range is taken, a declared rule goes on after it and a found one gives way, and a warning says so.
What is taken is told by the records that have gone by. Each record is moved once, and nothing is drawn anew.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from synth.encode.rules.apart import Apart
from synth.encode.rules.shown import arrow_of
from synth.errors import RuleWarning, SynthError
from synth.model import TrainedModel
from synth.rules.numbers import numbers_of
from synth.rules.text import text_of_rule
from synth.table.ranges import Condition, Range
from synth.table.schema import TableSchema
from synth.table.values import parse

T = TypeVar("T", pd.DataFrame, pa.RecordBatch)

MASK = (1 << 64) - 1
FACTOR, STEP = 0xD1B54A32D192ED03, 0x9E3779B97F4A7C15
"""Odd numbers by which values are told apart in the hash of a record: of columns that stay, and of the one moved."""


def apart_frames(
    model: TrainedModel, frames: Iterator[pd.DataFrame], given: Mapping[str, Condition]
) -> Iterator[pd.DataFrame]:
    """The records, of which those are moved that break a unique rule, and still meet the conditions that are given.

    A column stays as it is where one is on its values, and within its range where it is of a range. Warns with a
    RuleWarning of values that lie beyond the column's range, and of records that repeat others. Raises SynthError
    where a declared rule cannot be kept, as conditions leave too few values for so many records.
    """
    return _moved(model, frames, given, _of_frame)


def apart_batches(
    model: TrainedModel, batches: Iterator[pa.RecordBatch], given: Mapping[str, Condition]
) -> Iterator[pa.RecordBatch]:
    """The same for Arrow batches."""
    return _moved(model, batches, given, _of_batch)


def apart_where_drawn(model: TrainedModel, frame: pd.DataFrame, given: Mapping[str, NDArray[np.bool_]]) -> pd.DataFrame:
    """A table of which some cells are given: the others are moved where they break a unique rule and there is room.

    `given` is (records,) by column.
    """
    for apart in model.encoder.rules.apart:
        for column in apart.movable:
            keeper = Keeper(replace(apart, declared=False, movable=(column,)), model.schema, {})
            frame = _of_frame(frame, keeper, ~given[column.name])
    return frame


def _moved(
    model: TrainedModel, tables: Iterator[T], given: Mapping[str, Condition], change: Callable[[T, Keeper], T]
) -> Iterator[T]:
    keepers = [Keeper(each, model.schema, given) for each in model.of_records.rules.apart]
    for table in tables:
        yield _through(table, keepers, change)
    for keeper in keepers:
        keeper.warn()


def _through(table: T, keepers: list[Keeper], change: Callable[[T, Keeper], T]) -> T:
    for keeper in keepers:
        table = change(table, keeper)
    return table


def _of_frame(frame: pd.DataFrame, keeper: Keeper, drawn: NDArray[np.bool_] | None = None) -> pd.DataFrame:
    moved = keeper.move({name: frame[name].reset_index(drop=True) for name in keeper.columns}, drawn)
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
        order = np.arange(len(own))
        order[rows] = len(own) + np.arange(len(rows))
        both = pa.concat_arrays([own, arrow_of(column).cast(own.type)]).take(pa.array(order))
        batch = batch.set_column(batch.schema.get_field_index(name), batch.schema.field(name), both)
    return batch


def _series(column: pa.Array) -> pd.Series:
    """Numbers and dates as pandas has them, anything else as objects."""
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_timestamp(kind):
        numbers: pd.Series = column.to_pandas()
        return numbers
    return pd.Series(column.to_pylist(), dtype=object)


class Keeper:
    """What one rule has seen of a table that goes by."""

    def __init__(self, apart: Apart, schema: TableSchema, given: Mapping[str, Condition]) -> None:
        self.apart, self.schema = apart, schema
        self.columns = apart.rule.columns
        free = [each for each in apart.movable if isinstance(given.get(each.name, Range()), Range)]
        free.sort(key=lambda each: each.name in given)
        self.column = free[0] if free else None
        """The column that is moved; None where conditions leave none"""
        self.within = self.column is not None and self.column.name in given
        """Whether its values stay within those that have been seen"""
        self.seen: tuple[int, int] | None = None
        """The least and the greatest of its values, in steps"""
        self.taken: set[int] = set()
        """Hashes of records"""
        self.onward: dict[int, dict[int, int]] = {1: {}, -1: {}}
        """By direction and hash: up to which value all are taken"""
        self.beyond = self.repeated = 0
        """Records whose value lies beyond the range, and those that repeat others as there is no room"""

    def move(
        self, stored: Mapping[str, pd.Series], drawn: NDArray[np.bool_] | None = None
    ) -> dict[str, tuple[list[int], pd.Series]]:
        """By column: (records that are moved, their new values). Raises SynthError as `apart_frames` does.

        Of records that are not `drawn` none is moved, and what they have is taken before any is.
        """
        there = np.logical_and.reduce([self._is_there(stored[name], name) for name in self.columns])
        keys = _hashes([stored[name] for name in self.columns if not self._moves(name)], len(there))
        bases, counts = keys.tolist(), np.zeros(len(there), dtype=np.int64)
        if self.column is not None:
            counts = self.column.counted(stored[self.column.name])
            keys = keys + counts.view(np.uint64) * np.uint64(STEP)
            self._see(counts[there])
        free = np.ones(len(there), dtype=np.bool_) if drawn is None else drawn
        rows = np.r_[np.flatnonzero(there & ~free), np.flatnonzero(there & free)]
        every = zip(rows.tolist(), keys[rows].tolist(), free[rows].tolist(), strict=True)
        repeated = [row for row, key, movable in every if self._repeats(key) and movable]
        found: dict[int, int] = {}
        for row in repeated:
            value = self._free(bases[row], int(counts[row]))
            if value is not None:
                found[row] = value
                self.beyond += not self._ends[0] <= value <= self._ends[1]
                self.taken.add((bases[row] + value * STEP) & MASK)
            elif self.apart.declared:
                raise SynthError(
                    f"rule {text_of_rule(self.apart.rule)!r}: expected enough values for so many different records, "
                    "got too few; ask for fewer records, for wider conditions, or take the rule away"
                )
            else:
                self.repeated += 1
        if self.column is None or not found:
            return {}
        written = self.column.written(np.array([*found.values()], dtype=np.int64))
        return {self.column.name: ([*found], written)}

    def warn(self) -> None:
        """Warns of what the rule could not keep within the column's range."""
        text = repr(text_of_rule(self.apart.rule))
        if self.beyond and self.column is not None:
            warnings.warn(
                f"{self.beyond} records have a value of {self.column.name!r} beyond the range of the column, so that"
                f" the rule {text} is kept: ask for fewer records, or take the rule away",
                RuleWarning,
                stacklevel=2,
            )
        if self.repeated:
            warnings.warn(
                f"{self.repeated} records break the rule {text}, which was found: there are no values left that they"
                " could have",
                RuleWarning,
                stacklevel=2,
            )

    def _moves(self, name: str) -> bool:
        return self.column is not None and self.column.name == name

    def _is_there(self, column: pd.Series, name: str) -> NDArray[np.bool_]:
        spec = self.schema[name]
        return (parse(column, spec).values if spec.is_written else column).notna().to_numpy()

    def _see(self, counts: NDArray[np.int64]) -> None:
        if len(counts):
            least, most = self.seen or (int(counts[0]), int(counts[0]))
            self.seen = min(least, int(counts.min())), max(most, int(counts.max()))

    def _repeats(self, key: int) -> bool:
        if key in self.taken:
            return True
        self.taken.add(key)
        return False

    def _free(self, base: int, own: int) -> int | None:
        """The nearest value that is free in the range, else, of a declared rule, the next beyond; None without one."""
        if self.column is None or self.seen is None:
            return None
        least, most = self._ends
        own = min(max(own, least), most)
        up, down = self._next(base, own, 1, most), self._next(base, own, -1, least)
        if up is None and down is None and self.apart.declared and not self.within:
            return self._next(base, max(own, most), 1, self.column.last)
        if up is None or down is None:
            return up if down is None else down
        if up - own == own - down:
            return up if own % 2 else down
        return up if up - own < own - down else down

    @property
    def _ends(self) -> tuple[int, int]:
        """Between which values records are moved, in steps: those seen of a column with a condition, else its range."""
        if self.column is None or self.seen is None:
            return 0, 0
        return self.seen if self.within else self.column.ends

    def _next(self, base: int, own: int, step: int, end: int) -> int | None:
        """The next value in a direction that is free; None beyond the end.

        All values that were looked at remember how far it was, as in a disjoint-set forest with path compression, so
        that n records take O(n log n) looks, however close together their values lie.
        """
        onward, here, path = self.onward[step], own, list[int]()
        while (end - here) * step >= 0:
            key = (base + here * STEP) & MASK
            if key not in self.taken:
                break
            path.append(key)
            here = onward.get(key, here + step)
        for key in path:
            onward[key] = here
        return here if (end - here) * step >= 0 else None


def _hashes(columns: list[pd.Series], records: int) -> NDArray[np.uint64]:
    """(records,) what tells records with different values apart as they are written out; the same in every process."""
    found = np.zeros(records, dtype=np.uint64)
    for column in columns:
        quantity = pd.api.types.is_datetime64_any_dtype(column.dtype) or (
            pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype)
        )
        # 0 and -0 are the same number
        cells = numbers_of(column) + 0.0 if quantity else column.astype(object).map(str).to_numpy(dtype=object)
        found = found * np.uint64(FACTOR) + pd.util.hash_array(cells)
    return found
