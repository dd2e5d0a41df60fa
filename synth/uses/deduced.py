"""Cells that follow from given ones by a rule: a delay from two times, a part of a sum from the total and the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.encode.categorical import CategoricalEncoder
from synth.encode.rules.shown import shown_of
from synth.encode.rules.steps import Computed, PartOfDate
from synth.encode.rules.steps.time_of_day import TimeOfDay
from synth.encode.table_encoder import TableEncoder
from synth.rules.clock import DAY, LAST, is_time, minutes_of, moved
from synth.rules.dates import date_of, from_zone, part_held, part_told
from synth.rules.ends import MICROS
from synth.rules.kept import BROKEN, kept_by, total_of
from synth.rules.numbers import Numbers, numbers_of
from synth.rules.rule import AnyRule, ClockSum, Combination, DatePart, Linear, Product, Unique
from synth.table.schema import TableSchema
from synth.table.values import column_values
from synth.uses.solved import Counts, holds_of, solved

RARELY = 0.01
"""Share of given minutes that may be negative where those that follow count from 0 on; they lie around 0 otherwise."""


def with_deduced(table: pd.DataFrame, encoder: TableEncoder, schema: TableSchema, counts: Counts) -> pd.DataFrame:
    """The table in which a cell is filled that is the one missing of a sum, a product, times of day or a date.

    It is filled where the others leave it a single value, which the column may hold and no other rule forbids; `counts`
    are (D,) the training records of each code. What is computed when records are put together is left as it is.
    """
    steps = [step for step in encoder.rules.steps if isinstance(step, Computed) and not isinstance(step, PartOfDate)]
    dates = {each.rule.date: None for each in encoder.rules.rules if isinstance(each.rule, DatePart)}
    cells = _Cells(table=table, encoder=encoder, schema=schema, counts=counts)
    for _ in (*steps, *dates):  # what one rule tells may be what the next one lacked
        before = cells.table
        for step in steps:
            cells = _by_clock(cells, step.rule) if isinstance(step.rule, ClockSum) else _by_sum(cells, step)
        for date in dates:
            cells = _by_date(cells, date)
        if cells.table is before:
            break
    return cells.table


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Cells:
    """A table with gaps, and what is known of it."""

    table: pd.DataFrame
    encoder: TableEncoder
    schema: TableSchema
    counts: Counts

    def values(self, name: str) -> pd.Series:
        """(records,) numbers, dates or text."""
        return column_values(self.table[name], self.schema[name])

    def parts_of(self, date: str) -> list[DatePart]:
        """The rules of the parts of a date."""
        rules = (each.rule for each in self.encoder.rules.rules)
        return [rule for rule in rules if isinstance(rule, DatePart) and rule.date == date]

    def known(self, name: str) -> Numbers:
        """(records,) the cells as numbers, also those of a sum or a product that will be computed from given ones."""
        x, step = numbers_of(self.values(name)), self.encoder.rules.replaced.get(name)
        if not isinstance(step, Computed) or isinstance(step.rule, ClockSum | DatePart):
            return x
        parts = {each: pd.Series(self.known(each)) for each in step.sources}
        return np.where(np.isnan(x), step.shown.rounded(total_of(step.rule, parts)), x)

    def filled(self, name: str, written: pd.Series) -> _Cells:
        """The cells with those that are written in place of the missing ones, but for those that break another rule."""
        own, written = self.table[name], written.set_axis(self.table.index)
        gaps = self.values(name).isna().to_numpy() & written.notna().to_numpy()
        if not gaps.any():
            return self
        column = written.where(pd.Series(gaps, index=own.index), own.astype(written.dtype))
        found = self._with(name, column)
        broken = gaps & found.broken(name)
        if not broken.any():
            return found
        return self if (gaps == broken).all() else self._with(name, column.mask(broken))

    def broken(self, name: str) -> NDArray[np.bool_]:
        """(records,) whether a cell of the column breaks a rule that it is in."""
        found = np.zeros(len(self.table), dtype=np.bool_)
        for each in self.encoder.rules.rules:
            if name in each.rule.columns and not isinstance(each.rule, Unique | Combination):
                found |= self._breaks(each.rule)
        return found

    def _breaks(self, rule: AnyRule) -> NDArray[np.bool_] | bool:
        values = {name: self.values(name) for name in rule.columns}
        if any(column.isna().all() for column in values.values()):
            return False  # of a column without a value its type does not say what it holds
        broken: NDArray[np.bool_] = kept_by(rule, values) == BROKEN
        return broken

    def _with(self, name: str, column: pd.Series) -> _Cells:
        return replace(self, table=self.table.assign(**{name: column}))


def _by_sum(cells: _Cells, step: Computed) -> _Cells:
    """Fills the one missing part of a sum or a product."""
    rule = step.rule
    assert isinstance(rule, Linear | Product)  # noqa: S101 - the other one is told apart before
    for name in step.sources:
        numbers = {each: cells.known(each) for each in rule.columns}
        gaps = np.isnan(numbers[name])
        if not gaps.any():
            continue
        holds = holds_of(cells.table[name], cells.values(name), cells.schema[name], cells.encoder, cells.counts)
        if holds is None:
            continue
        found = solved(rule, numbers, name, step.shown.unit, holds.shown.unit)
        found = np.where(gaps, holds.within(found), np.nan)
        planned = cells.encoder.rules.replaced.get(name)
        if isinstance(planned, TimeOfDay):
            found = np.where(is_time(found) & (_written(planned, found) == found), found, np.nan)
        if not np.isnan(found).all():
            cells = cells.filled(name, holds.shown.written(found))
    return cells


def _by_clock(cells: _Cells, rule: ClockSum) -> _Cells:
    """Fills missing minutes, and times that are learnt, from the other two cells of the rule."""
    sign, replaced = 1 if rule.later else -1, cells.encoder.rules.replaced
    target, other, minutes = (cells.known(name) for name in rule.columns)
    if rule.minutes not in cells.encoder.rules.changed:
        both = is_time(target) & is_time(other)
        between = np.where(both, _on_day(sign * (minutes_of(target) - minutes_of(other)), minutes), np.nan)
        cells = cells.filled(rule.minutes, _as_stored(cells, rule.minutes, between))
    planned = replaced.get(rule.other)
    if isinstance(planned, TimeOfDay):
        found = np.where(is_time(target), moved(target, -sign * minutes), np.nan)
        cells = cells.filled(rule.other, _as_stored(cells, rule.other, _written(planned, found)))
    return cells


def _by_date(cells: _Cells, date: str) -> _Cells:
    """Fills a date from all its parts, and parts that are learnt from the date."""
    rules = cells.parts_of(date)
    if cells.values(date).isna().any():
        parts = {rule.part: part_held(rule, cells.values(rule.target)) - rule.plus for rule in rules}
        holds = holds_of(cells.table[date], cells.values(date), cells.schema[date], cells.encoder, cells.counts)
        whole = date_of(parts, round(MICROS / holds.shown.per)) if holds and _in_one_zone(rules) else None
        if holds is not None and whole is not None:
            found = from_zone(whole, rules[0].zone)
            days = np.where(np.isnat(found), np.nan, found.astype(np.int64) / MICROS)
            cells = cells.filled(date, holds.shown.written(days))
    for rule in rules:
        if rule.target not in cells.encoder.rules.replaced and not cells.values(date).isna().all():
            told = part_told(rule, {date: cells.values(date)})
            cells = cells.filled(rule.target, _as_told(cells, rule, told))
    return cells


def _in_one_zone(rules: Sequence[DatePart]) -> bool:
    return len({rule.zone for rule in rules}) == 1


def _as_told(cells: _Cells, rule: DatePart, told: Numbers) -> pd.Series:
    """(records,) parts of a date as a column holds them; missing where the model has no such category."""
    learnt = next((each for each in cells.encoder.encoders if each.name == rule.target), None)
    if not isinstance(learnt, CategoricalEncoder):
        return _as_stored(cells, rule.target, told)
    known = pd.Series(list(learnt.categories))
    place = dict(zip(part_held(rule, known).tolist(), learnt.categories, strict=True))
    return pd.Series([place.get(each) for each in told.tolist()], name=rule.target, dtype=known.dtype)


def _as_stored(cells: _Cells, name: str, x: Numbers) -> pd.Series:
    return shown_of(cells.table[name], cells.schema[name]).written(x)


def _written(step: TimeOfDay, times: Numbers) -> Numbers:
    """(records,) the times as the column has them: midnight is 2400 where 0 is too early; NaN is out of range."""
    found = np.where((times == 0) & (step.low > 0), float(LAST), times)
    minutes = np.where(found == LAST, float(DAY), minutes_of(found))
    return np.where((minutes >= step.low) & (minutes <= step.high), found, np.nan)


def _on_day(between: Numbers, given: Numbers) -> Numbers:
    """(records,) minutes that are known modulo a day, as the given ones mostly are: from 0 on, or half a day around."""
    there = given[~np.isnan(given)]
    least = 0 if len(there) and (there < 0).mean() <= RARELY else -DAY // 2
    return np.mod(between - least, DAY) + least
