"""Fits the steps of each column from the table: what the chosen rules replace it by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from synth.detect.contacts import holds_contact
from synth.encode.rules.arrangement import Arrangement, Measured
from synth.encode.rules.clock_sum import ComputedTime, midnight_of
from synth.encode.rules.declared import RuleView
from synth.encode.rules.fit_snap import protected_ends, snap_of
from synth.encode.rules.persons import PersonColumns
from synth.encode.rules.shown import Shown
from synth.encode.rules.steps import (
    AnyStep,
    Blank,
    Computed,
    DateOfParts,
    Gap,
    Group,
    Member,
    PartOfDate,
    Together,
    Value,
    Within,
    plain_cells,
)
from synth.encode.rules.steps.time_of_day import time_of_day
from synth.errors import RuleError
from synth.people import People, at_least, holders
from synth.rules.dates import Moments, in_zone, moments_of, part_held
from synth.rules.ends import MICROS
from synth.rules.numbers import is_dates, numbers_of, unit_of
from synth.rules.rule import Bounds, ClockSum, Combination, DatePart, Formula, OneHot
from synth.rules.spelling import spelling_of
from synth.rules.text import text_of_rule

MOST_COMBINATIONS = 5_000


@dataclass(frozen=True, kw_only=True, slots=True)
class StepFitter:
    """Fits the steps of the columns of one table."""

    view: RuleView
    least: int
    """How many people have to stand behind what a step holds"""
    persons: PersonColumns

    def steps_of(self, name: str, made: Arrangement) -> Iterator[AnyStep]:
        """The steps by which a column is restored, in their order."""
        bounds = made.bounds.get(name, [])
        if name in made.dated:
            yield self.date_of_parts(name, made.dated[name])
        elif isinstance(part := made.computed.get(name), DatePart):
            yield self.part_of_date(part)
        elif name in made.computed:
            step = self.computed(made.computed[name], tuple(made.floors.get(name, ())))
            yield self.computed_time(step) if name in made.plans or isinstance(step.rule, ClockSum) else step
        elif name in made.measured:
            yield self.measured(name, made.measured[name], bounds)
        elif name in made.times:
            yield time_of_day(self.view.shown(name), bounds)
        elif name in made.same:
            yield snap_of(self.view, name, made.same[name], self.least)
        for group in made.groups:
            if group.columns[0] == name:
                yield self.group(group) if isinstance(group, OneHot) else self.together(group.columns)
        if bounds and name not in {*made.measured, *made.times}:
            shown = self.view.shown(name)
            yield Within(shown=shown, **ends_within(shown, -np.inf, np.inf, bounds))
        yield from (Blank(rule=rule) for rule in made.blanks if rule.column == name)

    def measured(self, name: str, how: Measured, bounds: Sequence[Bounds]) -> Gap:
        """A column that is measured from others; its ends are those that the encoder of the column would have."""
        shown = self.view.shown(name)
        within = ends_within(shown, *protected_ends(self.view, name, self.least), bounds)
        return Gap(
            shown=shown,
            others=how.others,
            above=how.above,
            start=within["low" if how.above else "high"],
            constant=self.persons.mixed((name, *(other for other, _ in how.others))) is not None
            and name in self.persons.constant,
            ascends=name in self.persons.ascending,
            **within,
        )

    def computed(self, rule: Formula, floors: tuple[tuple[str, bool], ...]) -> Computed:
        """A column that is computed; what is learnt of it is what the others do not tell."""
        return Computed(shown=self.view.shown(rule.target), rule=rule, held=self.held(rule), floors=floors)

    def held(self, rule: Formula) -> str:
        """What is learnt of a column that is computed, see `Computed.held`."""
        table, values = self.view.table, self.view.values
        target = table.column(rule.target).notna().to_numpy() & values(rule.target).notna().to_numpy()
        whole = np.ones(len(table), dtype=bool)
        for name in rule.columns[1:]:
            whole &= values(name).notna().to_numpy()
        alone = at_least(self.view.people[target & ~whole], self.least)
        absent = at_least(self.view.people[~target & whole], self.least)
        return "values" if alone else "presence" if absent else "nothing"

    def part_of_date(self, rule: DatePart) -> PartOfDate:
        """A part that is computed from a date."""
        column, spec = self.view.table.column(rule.target), self.view.schema[rule.target]
        if column.dtype != object or spec.value_form is not None:
            return PartOfDate(shown=self.view.shown(rule.target), rule=rule, held=self.held(rule))
        shown = Shown(spec=spec, stored="Int64", dates=False, per=1.0).told()
        numbers = part_held(rule, column)
        there = ~np.isnan(numbers)
        pairs = pd.DataFrame({"text": column[there].to_numpy(), "number": numbers[there].astype(int)})
        counts = pairs.assign(person=self.view.people[there]).groupby(["text", "number"])["person"].nunique()
        texts, parts = (counts.index.get_level_values(level).tolist() for level in ("text", "number"))
        spelling = spelling_of(texts, parts, counts.tolist(), rule.part, rule.plus)
        return PartOfDate(shown=shown, rule=rule, held=self.held(rule), spelling=spelling)

    def date_of_parts(self, name: str, rules: Sequence[DatePart]) -> DateOfParts:
        """A date that is put together from parts."""
        low, high = protected_ends(self.view, name, self.least)
        unit = unit_in_zone(moments_of(self.view.values(name)), rules[0].zone, self.view.people)
        return DateOfParts(shown=self.view.shown(name), rules=tuple(rules), unit=unit, low=low, high=high)

    def computed_time(self, step: Computed) -> ComputedTime:
        """The same for a column of times of day, which writes midnight as the table does."""
        if not isinstance(step.rule, ClockSum):
            return ComputedTime.of(step, None)
        times = numbers_of(self.view.values(step.shown.name))
        return ComputedTime.of(step, midnight_of(times, self.view.people, self.least))

    def group(self, rule: OneHot) -> Group:
        """A one-hot group."""
        return Group(members=tuple(member_of(self.view.table.column(name)) for name in rule.columns))

    def together(self, names: tuple[str, ...]) -> Together:
        """The combinations that enough people have. Raises RuleError where there are none, or of dates."""
        table = self.view.table
        text = repr(text_of_rule(Combination(columns=names)))
        if any(is_dates(table.column(name)) for name in names):
            raise RuleError(f"rule {text}: expected categories, got dates")
        cells = list(zip(*(plain_cells(table.column(name)) for name in names), strict=True))
        place, distinct = pd.factorize(pd.Series(cells, dtype=object))
        held = holders(place.astype(np.int64), self.view.people, len(distinct))
        times = np.bincount(place, minlength=len(distinct))
        kept = [i for i in np.argsort(-times, kind="stable") if held[i] >= self.least and not _is_contact(distinct[i])]
        if not kept:
            raise RuleError(f"rule {text}: expected a combination that {self.least} people have or more, there is none")
        rows = tuple(tuple(distinct[i]) for i in kept[:MOST_COMBINATIONS])
        return Together(names=names, stored=tuple(str(table.column(name).dtype) for name in names), rows=rows)


def unit_in_zone(moments: Moments, zone: str, people: People) -> int:
    """Microseconds in the coarsest unit of time that all moments are whole in, as clocks of a zone show them."""
    shown = in_zone(moments, zone)
    days = np.where(np.isnat(shown), np.nan, shown.astype(np.int64) / MICROS)
    return round(MICROS / unit_of(days, dates=True, people=people).per)


def _is_contact(row: tuple[Value, ...]) -> bool:
    return any(isinstance(value, str) and holds_contact(value) for value in row)


def ends_within(shown: Shown, low: float, high: float, bounds: Sequence[Bounds]) -> dict[str, float]:
    """`low` and `high`: the ends moved inside of bounds, to values that the column can have."""
    for bound in bounds:
        ends, lows, highs = bound.ends, -np.inf, np.inf
        if np.isfinite(ends[0]):
            lows = _moved(shown, ends[0], above=True, strict=bound.above)
        if np.isfinite(ends[1]):
            highs = _moved(shown, ends[1], above=False, strict=bound.below)
        low, high = min(max(low, lows), highs), max(min(high, highs), lows)
    if low > high:
        raise RuleError(f"rule: column {shown.name!r}: expected bounds that leave it some value, got others")
    return {"low": low, "high": high}


def _moved(shown: Shown, end: float, *, above: bool, strict: bool) -> float:
    if shown.per == 0:
        return float(np.nextafter(end, np.inf if above else -np.inf)) if strict else end
    move = shown.unit.at_or_above if above else shown.unit.at_or_below
    return float(shown.unit.numbers(move(np.array(end), strict=strict)))


def member_of(column: pd.Series) -> Member:
    """How a column of a one-hot group stores 0 and 1; what no record has follows from the other one."""
    cells: dict[float, Value] = {}
    for cell in plain_cells(column.dropna().drop_duplicates()):
        cells[float(numbers_of(pd.Series([cell]))[0])] = cell
    if 1.0 not in cells:
        cells[1.0] = _turned(cells[0.0])
    if 0.0 not in cells:
        cells[0.0] = _turned(cells[1.0])
    return Member(name=str(column.name), off=cells[0.0], on=cells[1.0], stored=str(column.dtype))


def _turned(cell: Value) -> Value:
    if not isinstance(cell, str):
        return type(cell)(1 - cell) if cell is not None else None
    pairs = {"0": "1", "false": "true", "False": "True", "FALSE": "TRUE", "0.0": "1.0"}
    return {**pairs, **{b: a for a, b in pairs.items()}}.get(cell, cell)
