"""Dates and their parts: parts that are computed from a date, and a date that is put together from learnt parts.

A date is learnt as one number, which hardly shows at what hours or on what weekdays things happen. Where a column holds
the hour, the minute or the weekday, it stays learnt, and of the date is learnt what these do not say: the day, or the
week. All other parts are computed from the date.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from synth.calendar_names import CASES, MONTHS
from synth.encode.base import count_of, flag_of, list_of, text_of
from synth.encode.rules.shown import FARTHEST_DAY, Shown
from synth.encode.rules.steps.base import Stored, Values, feature_role, require_learnt, whole_numbers
from synth.encode.rules.steps.computed import Computed
from synth.errors import ArtifactError
from synth.rules.dates import HOUR, MINUTE, MONDAY, Moments, from_zone, in_zone, moments_of, part_held
from synth.rules.ends import MICROS
from synth.rules.numbers import UNITS, Numbers, numbers_of
from synth.rules.part_names import MOMENTS, NAMED
from synth.rules.rule import DatePart
from synth.rules.spelling import PREFIXES, WIDTHS, Spelling
from synth.rules.text import parse_rule, text_of_rule
from synth.table.schema import ColumnKind, ColumnSpec

LEARNT_PARTS = ("weekday", "hour", "minute")
"""Parts that stay learnt where a column holds them; a minute only beside the hour."""
MOVES = (0, -1, 1, -2, 2)
"""By how many weeks, days or hours a date is moved that would lie beyond its range, or that a clock never shows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PartOfDate(Computed):
    """A part that is computed from a date."""

    spelling: Spelling | None = None
    """How it is written where the column holds text that is no form of numbers"""

    def restore(self, table: Values, learnt: pd.Series | None) -> Stored:
        """What the date says."""
        numbers = self.numbers(table, learnt)
        if self.spelling is None:
            return {self.shown.name: self.shown.written(numbers)}
        rule = _part(self.rule)
        places, distinct = pd.factorize(numbers, use_na_sentinel=True)
        texts = [self.spelling.text(int(each), rule.part, rule.plus) for each in distinct]
        cells = np.array([*texts, None], dtype=object)[places]
        return {self.shown.name: pd.Series(cells, name=self.shown.name, dtype=object)}

    def own(self, table: Values) -> Numbers:
        """(records,) the part that is learnt where there is no date."""
        return part_held(_part(self.rule), table.values(self.shown.name))

    def to_json(self) -> dict[str, Any]:
        """What it has beyond what each computed column has; `from_json` reads it back."""
        way = self.spelling
        if way is None:
            return {"spelling": None}
        written = {"width": way.width, "prefix": way.prefix, "language": way.language, "short": way.short}
        return {"spelling": written | {"case": way.case, "stop": way.stop}}

    @staticmethod
    def from_json(state: Mapping[str, Any], step: Computed) -> PartOfDate:
        """What `to_json` wrote, for a computed column. Raises ArtifactError on anything else."""
        if not isinstance(step.rule, DatePart) or step.floors or step.shown.dates != (step.rule.part in MOMENTS):
            raise ArtifactError("rules: expected a part of a date that is computed")
        spelling, value = None, state.get("spelling")
        if value is not None:
            if not isinstance(value, dict) or step.shown.dates:
                raise ArtifactError("rules: expected how a part of a date is written")
            language = text_of(value, "language", among=("", *(MONTHS if step.rule.part in NAMED else ())))
            spelling = Spelling(
                width=count_of(value, "width"),
                prefix=text_of(value, "prefix", among=PREFIXES),
                language=language,
                short=flag_of(value, "short"),
                case=text_of(value, "case", among=CASES),
                stop=flag_of(value, "stop"),
            )
            if spelling.width not in WIDTHS:
                raise ArtifactError("rules: expected a few digits of a part of a date")
        return PartOfDate(shown=step.shown, rule=step.rule, held=step.held, spelling=spelling)


def _part(rule: object) -> DatePart:
    if not isinstance(rule, DatePart):
        raise TypeError("expected a rule of a part of a date")
    return rule


@dataclass(frozen=True, kw_only=True, slots=True)
class DateOfParts:
    """A date that is put together from learnt parts and from what is learnt in its place: a number, the rest of it."""

    shown: Shown
    rules: tuple[DatePart, ...]
    """The parts: the hour, the hour and the minute, the weekday, or the weekday beside these"""
    unit: int
    """Microseconds of which all dates are multiples, as the zone of the parts shows them"""
    low: float
    """The least date in its protected range, in days since 1970"""
    high: float

    @property
    def columns(self) -> tuple[str, ...]:
        """The date."""
        return (self.shown.name,)

    @property
    def sources(self) -> tuple[str, ...]:
        """The parts."""
        return tuple(rule.target for rule in self.rules)

    @property
    def cycle(self) -> int:
        """Microseconds after which all of the parts come again."""
        return 7 * MICROS if self.is_weekly else MICROS if "hour" in self._parts else HOUR

    @property
    def is_weekly(self) -> bool:
        """Whether weeks are learnt, and the weekday is a part."""
        return "weekday" in self._parts

    @property
    def _parts(self) -> tuple[str, ...]:
        return tuple(rule.part for rule in self.rules)

    @property
    def _rest(self) -> int:
        """So many microseconds of a day, or of an hour, or of a minute, are learnt with the day or the week."""
        return MINUTE if "minute" in self._parts else HOUR if "hour" in self._parts else MICROS

    def spec(self, spec: ColumnSpec) -> ColumnSpec:
        """A number."""
        return ColumnSpec(name=spec.name, kind=ColumnKind.NUMERICAL, role=feature_role(spec))

    def forward(self, table: Values) -> pd.Series:
        """(records,) the days, or weeks, and the rest, in units; missing where the date is."""
        shown = in_zone(moments_of(table.values(self.shown.name)), self.rules[0].zone)
        return whole_numbers(self.counted(shown), self.shown.name)

    def counted(self, shown: Moments) -> Numbers:
        """(n,) what is learnt in place of dates that clocks and calendars of the zone show."""
        absent = np.isnat(shown)
        days, time = np.divmod(np.where(absent, np.datetime64(0, "us"), shown).astype(np.int64), MICROS)
        if self.is_weekly:
            days = (days + MONDAY) // 7
        found = (days * self._rest + time % self._rest) // min(self.unit, self._rest)
        return np.where(absent, np.nan, found.astype(np.float64))

    def restore(self, table: Values, learnt: pd.Series | None) -> Stored:
        """The date; missing where one of the parts is."""
        unit, weekly = min(self.unit, self._rest), self.is_weekly
        counted = numbers_of(require_learnt(learnt)).copy()
        parts = {rule.part: part_held(rule, table.values(rule.target)) - rule.plus for rule in self.rules}
        absent = np.logical_or.reduce([np.isnan(each) for each in (counted, *parts.values())])
        farthest = FARTHEST_DAY * (self._rest // unit) / (7 if weekly else 1)
        whole = np.rint(np.clip(np.where(absent, 0.0, counted), -farthest, farthest)).astype(np.int64)
        days, rest = np.divmod(whole * unit, self._rest)
        whole_parts = {part: np.where(absent, 0.0, each).astype(np.int64) for part, each in parts.items()}
        if weekly:
            days = days * 7 - MONDAY + whole_parts["weekday"] - 1
        shown = days * MICROS + whole_parts.get("hour", 0) * HOUR + whole_parts.get("minute", 0) * MINUTE + rest
        found = self._within(shown)
        found[absent] = np.datetime64("NaT")
        days_since = np.where(np.isnat(found), np.nan, found.astype(np.int64) / MICROS)
        return {self.shown.name: self.shown.written(days_since)}

    def _within(self, shown: np.ndarray) -> Moments:
        """(n,) the moments at which clocks show this, or as many cycles later or earlier as the range asks for."""
        ways = [from_zone((shown + move * self.cycle).astype("datetime64[us]"), self.rules[0].zone) for move in MOVES]
        there = [~np.isnat(way) for way in ways]
        days = [way.astype(np.int64) / MICROS for way in ways]
        inside = [a & (b >= self.low) & (b <= self.high) for a, b in zip(there, days, strict=True)]
        found: Moments = np.select([*inside, *there], [*ways, *ways], np.datetime64("NaT", "us"))
        return found

    def range_of(self, low: float, high: float) -> tuple[int, int]:
        """The least and the greatest number that is learnt in place of dates of a range, in days since 1970."""
        ends = np.rint(np.clip([low, high], -FARTHEST_DAY, FARTHEST_DAY) * MICROS).astype(np.int64)
        days = in_zone(ends.astype("datetime64[us]"), self.rules[0].zone).astype("datetime64[D]")
        steps = self._rest // min(self.unit, self._rest)
        first, last = (self.counted(day.astype("datetime64[us]")[None])[0] for day in days)
        return int(first) // steps * steps, int(last) // steps * steps + steps - 1

    def to_json(self) -> dict[str, Any]:
        """JSON values; `from_json` reads them back."""
        rules = [{"rule": text_of_rule(rule)} for rule in self.rules]
        ends = {"low": self.low, "high": self.high}
        return {"step": "date_of_parts", "shown": self.shown.to_json(), "rules": rules, "unit": self.unit, **ends}

    @staticmethod
    def from_json(state: Mapping[str, Any], shown: Shown, low: float, high: float) -> DateOfParts:
        """What `to_json` wrote. Raises ArtifactError on anything else."""
        rules = [parse_rule(text_of(each, "rule")) for each in list_of(state, "rules")]
        parts = [rule for rule in rules if isinstance(rule, DatePart)]
        if not parts or len(parts) < len(rules) or not put_together(parts) or parts[0].date != shown.name:
            raise ArtifactError("rules: expected the parts that a date is put together from")
        unit = count_of(state, "unit")
        if unit not in UNITS or not shown.dates or not -FARTHEST_DAY <= low <= high <= FARTHEST_DAY:
            raise ArtifactError("rules: expected a date between two ends, and what it is whole in")
        return DateOfParts(shown=shown, rules=tuple(parts), unit=unit, low=low, high=high)


def put_together(rules: Sequence[DatePart]) -> bool:
    """Whether a date can be put together from these parts of it, and of what is learnt in its place."""
    parts = [rule.part for rule in rules]
    one = {(rule.date, rule.zone) for rule in rules}
    different = len({rule.target for rule in rules}) == len(set(parts)) == len(parts)
    return len(one) == 1 and different and set(parts) <= {*LEARNT_PARTS} and ("hour" in parts or "minute" not in parts)
