"""Times of day as numbers HHMM that are computed, such as one from another one and the minutes between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.encode.rules.steps import Computed, Stored, Values
from synth.errors import RuleError
from synth.people import People, holders
from synth.protection import HOLDERS
from synth.rules.clock import LAST, MIDNIGHTS, is_time, minutes_of, time_of
from synth.rules.numbers import Numbers, is_dates, numbers_of
from synth.rules.rule import AnyRule, ClockSum
from synth.table.schema import TableSchema

MOST_OTHERS = 0.1
"""With a greater share of people who have numbers that are no times of day, a column is none of times of day."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ComputedTime(Computed):
    """A time of day that is computed, as any column that is."""

    midnight: int | None = None
    """How it is written, 0 or 2400; None where it is as it is computed"""

    def restore(self, table: Values, learnt: pd.Series | None) -> Stored:
        """What the rule says, and the nearest time of day where that is none, or what is learnt is none."""
        times = time_of(minutes_of(self.numbers(table, learnt)))
        if self.midnight is not None:
            times[np.isin(times, MIDNIGHTS)] = self.midnight
        return {self.shown.name: self.shown.written(times)}

    @staticmethod
    def of(step: Computed, midnight: int | None) -> ComputedTime:
        """The same step, of a column that holds times of day alone."""
        return ComputedTime(shown=step.shown, rule=step.rule, held=step.held, floors=step.floors, midnight=midnight)


def midnight_of(x: Numbers, people: People, least: int) -> int:
    """How a column writes midnight: as more people have it, of whom there are `least`; 0 where there are not."""
    place = np.select([x == midnight for midnight in MIDNIGHTS], [*range(len(MIDNIGHTS))], -1)
    held = holders(place[place >= 0], people[place >= 0], len(MIDNIGHTS))
    return MIDNIGHTS[1] if held[1] >= least and held[1] > held[0] else MIDNIGHTS[0]


def check_times(
    rule: AnyRule, schema: TableSchema, values: Callable[[str], pd.Series], people: NDArray[np.int64]
) -> None:
    """Raises RuleError where a rule is about times of day, and a column holds other values.

    Numbers of a few people that are no times of day do not decide: their records break the rule. Of a column of
    categories no others are learnt in their place, so there may be none that may be generated.
    """
    if not isinstance(rule, ClockSum):
        return
    expected = "expected times of day as numbers HHMM, such as 930 or 1430"
    for name in (rule.target, rule.other):
        column = values(name)
        if schema[name].markers:
            raise RuleError(f"rule: column {name!r}: {expected}, got one with values that stand for missing ones")
        if is_dates(column):
            raise RuleError(f"rule: column {name!r}: {expected}, got dates")
        x = numbers_of(column)
        there = ~np.isnan(x)
        other = len(np.unique(people[there & ~is_time(x)]))
        most = 0.0 if schema[name].kind.is_category else MOST_OTHERS
        if other >= HOLDERS and other > most * len(np.unique(people[there])):
            raise RuleError(
                f"rule: column {name!r}: {expected}, got numbers with minutes above 59, or that are not whole numbers "
                f"from 0 to {LAST}"
            )
    if is_dates(values(rule.minutes)):
        raise RuleError(f"rule: column {rule.minutes!r}: expected a number of minutes, got dates")
