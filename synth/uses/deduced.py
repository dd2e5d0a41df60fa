"""Cells that follow from given ones by a rule between times of day: a delay from the planned time and the real one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synth.encode.rules.clock_sum import ComputedTime
from synth.encode.rules.plan import RulePlan
from synth.encode.rules.shown import shown_of
from synth.encode.rules.steps.time_of_day import TimeOfDay
from synth.rules.clock import DAY, LAST, is_time, minutes_of, moved
from synth.rules.numbers import Numbers, numbers_of
from synth.rules.rule import ClockSum
from synth.table.schema import TableSchema
from synth.table.values import is_written, parse

RARELY = 0.01
"""Share of given minutes that may be negative where those that follow count from 0 on; they lie around 0 otherwise."""


def with_deduced(table: pd.DataFrame, rules: RulePlan, schema: TableSchema) -> pd.DataFrame:
    """The table in which missing minutes, and times that are learnt, follow from the other two cells of their rule.

    What is computed when records are put together is left as it is.
    """
    table, by_name = table.copy(deep=False), rules.replaced
    for step in rules.steps:
        if not isinstance(step, ComputedTime) or not isinstance(step.rule, ClockSum):
            continue
        rule, sign = step.rule, 1 if step.rule.later else -1
        target, other, minutes = (_numbers(table, name, schema) for name in rule.columns)
        if rule.minutes not in rules.changed:
            both = is_time(target) & is_time(other)
            between = np.where(both, _on_day(sign * (minutes_of(target) - minutes_of(other)), minutes), np.nan)
            table[rule.minutes] = _filled(table[rule.minutes], minutes, between, rule.minutes, schema)
        planned = by_name.get(rule.other)
        if isinstance(planned, TimeOfDay):
            found = np.where(is_time(target), moved(target, -sign * minutes), np.nan)
            table[rule.other] = _filled(table[rule.other], other, _written(planned, found), rule.other, schema)
    return table


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


def _numbers(table: pd.DataFrame, name: str, schema: TableSchema) -> Numbers:
    spec = schema[name]
    return numbers_of(parse(table[name], spec).values if is_written(spec) else table[name])


def _filled(column: pd.Series, own: Numbers, found: Numbers, name: str, schema: TableSchema) -> pd.Series:
    """The column with what was found where it has no value."""
    gaps = np.isnan(own) & ~np.isnan(found)
    if not gaps.any():
        return column
    written = shown_of(column, schema[name]).written(found).set_axis(column.index)
    return written.where(pd.Series(gaps, index=column.index), column.astype(written.dtype))
