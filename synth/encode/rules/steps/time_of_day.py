"""Times of day as numbers HHMM that are learnt as minutes since midnight: so 1275 is never generated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from synth.encode.rules.shown import Shown
from synth.encode.rules.steps.base import Stored, Values
from synth.errors import ArtifactError, RuleError
from synth.rules.clock import DAY, first_minute, is_time, last_minute, minutes_of, time_of
from synth.rules.numbers import Numbers, numbers_of
from synth.rules.rule import Bounds
from synth.table.schema import ColumnKind, ColumnSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class TimeOfDay:
    """A column of times of day: its minutes since midnight are learnt."""

    shown: Shown
    low: int = 0
    """Minutes since midnight, at least"""
    high: int = DAY
    """At most; DAY of them are 2400"""

    @property
    def columns(self) -> tuple[str, ...]:
        """The one."""
        return (self.shown.name,)

    @property
    def sources(self) -> tuple[str, ...]:
        """None."""
        return ()

    def spec(self, spec: ColumnSpec) -> ColumnSpec:
        """A number."""
        return ColumnSpec(name=spec.name, kind=ColumnKind.NUMERICAL, role=spec.role)

    def forward(self, table: Values) -> pd.Series:
        """(records,) whole minutes; of a number that is no time of day those of the nearest one."""
        minutes = self._inside(minutes_of(numbers_of(table.values(self.shown.name))))
        return pd.Series(minutes, name=self.shown.name).astype("Int64")

    def restore(self, table: Values, learnt: pd.Series | None) -> Stored:  # noqa: ARG002 - of the protocol
        """The times of day."""
        if learnt is None:
            raise ValueError("expected what was learnt in place of the column")
        return {self.shown.name: self.shown.written(time_of(self._inside(numbers_of(learnt))))}

    def minutes_between(self, low: float | None, high: float | None) -> tuple[int, int] | None:
        """The first and the last minute of a range of numbers; None where no time of day lies in it."""
        first = 0 if low is None else first_minute(low)
        last = DAY if high is None else last_minute(high)
        return (first, last) if first <= last and first <= DAY else None

    def to_json(self) -> dict[str, Any]:
        """JSON values; `from_json` reads them back."""
        return {"step": "time_of_day", "shown": self.shown.to_json(), "low": self.low, "high": self.high}

    @staticmethod
    def from_json(state: Mapping[str, Any], shown: Shown) -> TimeOfDay:
        """What `to_json` wrote. Raises ArtifactError on anything else."""
        low, high = state.get("low"), state.get("high")
        if type(low) is not int or type(high) is not int or not 0 <= low <= high <= DAY or shown.dates:
            raise ArtifactError("rules: expected two ascending minutes of a day")
        return TimeOfDay(shown=shown, low=low, high=high)

    def _inside(self, minutes: Numbers) -> Numbers:
        return np.clip(np.rint(minutes), self.low, self.high)


def time_of_day(shown: Shown, bounds: Sequence[Bounds]) -> TimeOfDay:
    """The step of a column that lies between bounds. Raises RuleError where no time of day does."""
    low, high = 0, DAY
    for bound in bounds:
        first, last = bound.ends
        low = max(low, first_minute(first) + (bound.above and _is_one(first)))
        high = min(high, last_minute(last) - (bound.below and _is_one(last)))
    if low > high:
        raise RuleError(f"rule: column {shown.name!r}: expected bounds that leave it a time of day, got others")
    return TimeOfDay(shown=shown, low=low, high=high)


def _is_one(end: float) -> bool:
    return bool(is_time(np.array(end)))
