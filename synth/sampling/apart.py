"""Keeps generated records apart in the columns of unique rules: a value that repeats an earlier record is moved.

Records go by in the order of the table. One that has the values of an earlier one gets the nearest value of one column
that no earlier one has beside its other values, or the next one after all that have been seen. What is taken, and how
far values reach, is told by the records that have gone by. Each record is moved once, and nothing is drawn anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from synth.encode.rules.apart import Apart
from synth.encode.rules.shown import arrow_of
from synth.errors import SynthError
from synth.model import TrainedModel
from synth.rules.numbers import numbers_of
from synth.rules.text import text_of_rule
from synth.table.ranges import Condition, Range
from synth.table.schema import TableSchema
from synth.table.values import is_written, parse

T = TypeVar("T", pd.DataFrame, pa.RecordBatch)

MASK = (1 << 64) - 1
FACTOR, STEP = 0xD1B54A32D192ED03, 0x9E3779B97F4A7C15
"""Odd numbers by which values are told apart in the hash of a record: of columns that stay, and of the one moved."""


def apart_frames(
    model: TrainedModel, frames: Iterator[pd.DataFrame], given: Mapping[str, Condition]
) -> Iterator[pd.DataFrame]:
    """The records, of which those are moved that break a unique rule, and still meet the conditions that are given.

    A column stays as it is where one is on its values, and within its range where it is of a range.
    Raises SynthError where a declared rule cannot be kept, as conditions leave too few values for so many records.
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

    def move(self, stored: Mapping[str, pd.Series]) -> dict[str, tuple[list[int], pd.Series]]:
        """By column: (records that are moved, their new values). Raises SynthError as `apart_frames` does."""
        there = np.logical_and.reduce([self._is_there(stored[name], name) for name in self.columns])
        keys = _hashes([stored[name] for name in self.columns if not self._moves(name)], len(there))
        bases, counts = keys.tolist(), np.zeros(len(there), dtype=np.int64)
        if self.column is not None:
            counts = self.column.counted(stored[self.column.name])
            keys = keys + counts.view(np.uint64) * np.uint64(STEP)
            self._see(counts[there])
        rows = np.flatnonzero(there).tolist()
        repeated = [row for row, key in zip(rows, keys[there].tolist(), strict=True) if self._repeats(key)]
        found: dict[int, int] = {}
        for row in repeated:
            free = self._free(bases[row], int(counts[row]))
            if free is not None:
                found[row] = free
                self.taken.add((bases[row] + free * STEP) & MASK)
            elif self.apart.declared:
                raise SynthError(
                    f"rule {text_of_rule(self.apart.rule)!r}: expected enough values for so many different records, "
                    "got too few; ask for fewer records, for wider conditions, or take the rule away"
                )
        if self.column is None or not found:
            return {}
        written = self.column.written(np.array([*found.values()], dtype=np.int64))
        return {self.column.name: ([*found], written)}

    def _moves(self, name: str) -> bool:
        return self.column is not None and self.column.name == name

    def _is_there(self, column: pd.Series, name: str) -> NDArray[np.bool_]:
        spec = self.schema[name]
        return (parse(column, spec).values if is_written(spec) else column).notna().to_numpy()

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
        """The nearest value that is free among those seen, else the next one beyond; None where there is none."""
        if self.column is None or self.seen is None:
            return None
        least, most = self.seen
        up = self._next(base, own, 1, most if self.within else self.column.last)
        down = self._next(base, own, -1, least)
        if up is None or down is None or (up > most):
            return up if down is None else down
        if up - own == own - down:
            return up if own % 2 else down
        return up if up - own < own - down else down

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
