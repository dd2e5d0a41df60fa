"""The plan by which generated records keep the rules of a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.detect.contacts import holds_contact
from synth.detect.rules import FoundRule, find_rules_of_people
from synth.detect.same import OftenSame, often_same
from synth.encode.fit_numeric import protected_range
from synth.encode.people import People, at_least, holders, people_of
from synth.encode.rules.apart import Apart, Movable, movable_of
from synth.encode.rules.clock_sum import ComputedTime, check_times, midnight_of
from synth.encode.rules.order import Arrangement, Measured, Wanted, arrange
from synth.encode.rules.persons import PersonColumns
from synth.encode.rules.plan import KeptRule, RulePlan
from synth.encode.rules.shown import Shown, shown_of
from synth.encode.rules.steps import (
    AnyStep,
    Blank,
    Computed,
    Gap,
    Group,
    Member,
    Same,
    Together,
    Value,
    Within,
    plain_cells,
)
from synth.encode.rules.time_of_day import time_of_day
from synth.encode.rules.told import FEWEST_TOLD, told
from synth.errors import RuleError
from synth.randomness import Rng
from synth.rules.kept import BROKEN, kept_by
from synth.rules.numbers import is_dates, numbers_of
from synth.rules.rule import AnyRule, Bounds, ClockSum, Combination, Formula, OneHot, Order, Unique
from synth.rules.share import Share, share_of
from synth.rules.text import text_of_rule
from synth.table.schema import ColumnKind, ColumnRole, TableSchema
from synth.table.source import SomeRecords, TableSource
from synth.table.values import is_written, parse

LEAST_DECLARED = 0.5
"""A declared rule that people keep in a smaller part of their records, on average, contradicts the data."""
NEARLY_ALL = 0.99
MOSTLY = 0.5
"""Share of records in which a column is the same as another: from here on that counts more than an order found."""
MOST_COMBINATIONS = 5_000


def plan_rules(
    table: TableSource, schema: TableSchema, least: int, rng: Rng, persons: PersonColumns | None = None
) -> RulePlan:
    """How the rules of the schema are kept, and those that the table proves, where the schema has them found.

    What the plan holds is backed by `least` people. `persons` says what columns are to people with several records:
    what is constant for a person stays so, and what orders their records is not made from other columns. Raises
    RuleError where a declared rule cannot be kept: it is about columns of another kind, contradicts another one, or is
    broken by most people.
    """
    if not schema.rules.declared and not schema.rules.find:
        return RulePlan()
    planner = Planner(table=table, schema=schema, least=least, people=people_of(table, schema), persons=persons)
    wanted = [planner.declared(rule) for rule in schema.rules.declared]
    said = {each.rule for each in wanted}
    found = planner.found(rng) if schema.rules.find else []
    often = planner.often(rng) if schema.rules.find else []
    sure = [Wanted(rule=each.rule, declared=False) for each in found if each.sure and each.rule not in said]
    beside = [(each, why) for each in sure if (why := beside_equal(each.rule, often))]
    sure = [each for each in sure if not beside_equal(each.rule, often)]
    every = [*wanted, *sure]
    made = arrange(
        every,
        planner.fixed(),
        planner.is_at_least,
        frozenset(schema.of_kind(ColumnKind.CATEGORICAL)),
        persons,
        planner.made_up(),
        planner.unmovable(every),
    )
    for same in often:
        made.often(same)
    steps = [step for name in made.sequence(schema.names) for step in planner.steps_of(name, made)]
    unsure = [(text_of_rule(each.rule), each.note) for each in found if not each.sure and each.rule not in said]
    return RulePlan(
        rules=tuple(KeptRule(rule=each.rule, declared=each.declared) for each in made.kept),
        steps=tuple(steps),
        apart=tuple(planner.apart(each, made) for each in made.kept if isinstance(each.rule, Unique)),
        proposed=(*unsure, *((text_of_rule(each.rule), trouble) for each, trouble in (*beside, *made.left))),
    )


def beside_equal(rule: AnyRule, often: Sequence[OftenSame]) -> str:
    """Why a found order gives way: one of its columns is mostly the same as a third one; empty where none is.

    A column is learnt by one relation alone, and of two columns that mostly agree everybody sees where they do not.
    """
    columns = {rule.low, rule.high} if isinstance(rule, Order) else set()
    for same in often:
        if same.column in columns and columns.isdisjoint(same.others) and same.share >= MOSTLY:
            return f"column {same.column!r} is mostly the same as {same.others[0]!r}, which is learnt in its place"
    return ""


def without_broken(table: TableSource, schema: TableSchema) -> TableSource:
    """The table without the records that break a declared rule, where the schema has them left out.

    Raises RuleError as `check_declared` does.
    """
    check_declared(table, schema)
    kept = unbroken(table, schema)
    return table if kept.all() else SomeRecords(table, np.flatnonzero(kept))


def check_declared(table: TableSource, schema: TableSchema) -> None:
    """Raises RuleError where records that break a rule are left out, and one cannot be kept, as `plan_rules` does."""
    if schema.rules.leave_out and schema.rules.declared:
        planner = Planner(table=table, schema=schema, least=0, people=people_of(table, schema))
        for rule in schema.rules.declared:
            planner.declared(rule)


def unbroken(table: TableSource, schema: TableSchema) -> NDArray[np.bool_]:
    """(records,) which break no declared rule; all of them where the schema does not have those that do left out."""
    kept = np.ones(len(table), dtype=np.bool_)
    if schema.rules.leave_out and schema.rules.declared:
        planner = Planner(table=table, schema=schema, least=0, people=people_of(table, schema))
        for rule in schema.rules.declared:
            kept &= kept_by(rule, {name: planner.values(name) for name in rule.columns}, planner.people) != BROKEN
    return kept


def broken_by(table: TableSource, schema: TableSchema) -> Iterator[tuple[str, Share]]:
    """How the table keeps each rule that its schema declares. Raises RuleError as `plan_rules` does."""
    planner = Planner(table=table, schema=schema, least=0, people=people_of(table, schema))
    for rule in schema.rules.declared:
        planner.declared(rule)
        yield text_of_rule(rule), planner.share(rule)


class Planner:
    """Makes the steps of the columns of one table."""

    def __init__(
        self,
        *,
        table: TableSource,
        schema: TableSchema,
        least: int,
        people: People,
        persons: PersonColumns | None = None,
    ) -> None:
        self.table, self.schema, self.least, self.people = table, schema, least, people
        self.persons = persons or PersonColumns()

    def values(self, name: str) -> pd.Series:
        """(records,) the column's numbers, dates or text."""
        column, spec = self.table.column(name), self.schema[name]
        return parse(column, spec).values if is_written(spec) else column

    def declared(self, rule: AnyRule) -> Wanted:
        """The rule with its counts. Raises RuleError where it does not fit its columns, or most people break it."""
        text = repr(text_of_rule(rule))
        hidden = [n for n in rule.columns if self.schema[n].kind is ColumnKind.IDENTIFIER]
        if hidden and not isinstance(rule, Unique):
            raise RuleError(f"rule {text}: column {hidden[0]!r} is an identifier, whose values are made up")
        try:
            check_times(rule, self.schema, self.values, self.people)
            share = self.share(rule)
        except RuleError as error:
            raise RuleError(f"rule {text}: {str(error).removeprefix('rule: ')}") from None
        counts = told(share)
        # of fewer people nothing is told, not even that they break it
        if share.people >= FEWEST_TOLD and share.held is not None and share.held < LEAST_DECLARED:
            raise RuleError(f"rule {text}: it contradicts the data: {counts}")
        return Wanted(rule=rule, declared=True, counts=counts)

    def share(self, rule: AnyRule) -> Share:
        """How the table keeps a rule."""
        return share_of(rule, {name: self.values(name) for name in rule.columns}, self.people)

    def found(self, rng: Rng) -> Sequence[FoundRule]:
        """The rules that the table proves, sought among some of its people, but for those that are switched off."""
        found = find_rules_of_people(self.values, self.schema, self.people, rng.spawn("find").numpy)
        return [each for each in found if not self.schema.rules.switched_off(each.rule)]

    def often(self, rng: Rng) -> Sequence[OftenSame]:
        """Columns that are often the same as others; none where people have several records."""
        if len(np.unique(self.people)) < len(self.people):
            return []
        found = often_same(self.values, self.schema, rng.spawn("same").numpy)
        return [left for each in found if (left := each.without(self.schema.rules.switched_off)) is not None]

    def fixed(self) -> frozenset[str]:
        """Columns that are not made from others: those with a role or markers, or that next to nobody has."""
        return frozenset(
            spec.name
            for spec in self.schema
            if spec.role is not ColumnRole.FEATURE
            or spec.name == self.persons.order
            or spec.markers
            or spec.kind is ColumnKind.IDENTIFIER
            or not at_least(self.people[self.table.column(spec.name).notna().to_numpy()], self.least)
        )

    def made_up(self) -> frozenset[str]:
        """Identifiers that are another one in each record: not those of people, nor those that others refer to."""
        spec_of = (spec for spec in self.schema if spec.kind is ColumnKind.IDENTIFIER)
        return frozenset(spec.name for spec in spec_of if spec.role is not ColumnRole.PERSON)

    def apart(self, wanted: Wanted, made: Arrangement) -> Apart:
        """How a unique rule is kept: by which columns."""
        rule = wanted.rule
        if not isinstance(rule, Unique):
            raise TypeError("expected a unique rule")
        names = sorted(made.movable(rule), key=lambda name: (-self.table.column(name).nunique(), name))
        movable = [self.movable(name) for name in names]
        return Apart(rule=rule, declared=wanted.declared, movable=tuple(each for each in movable if each is not None))

    def movable(self, name: str) -> Movable | None:
        """The column as one that may be moved for a unique rule; None where its kind is another one."""
        if not self.schema[name].kind.is_quantity:
            return None
        return movable_of(self.shown(name), self.values(name), self.people, self.least)

    def unmovable(self, wanted: Sequence[Wanted]) -> frozenset[str]:
        """The columns of unique rules that may not be moved because of their kind, or how they are written."""
        names = {name for each in wanted if isinstance(each.rule, Unique) for name in each.rule.columns}
        return frozenset(name for name in names if self.movable(name) is None)

    def is_at_least(self, name: str, least: float) -> bool:
        """Whether nearly all values of a column are so large."""
        x = numbers_of(self.values(name))
        x = x[~np.isnan(x)]
        return len(x) > 0 and bool((x >= least).mean() >= NEARLY_ALL)

    def steps_of(self, name: str, made: Arrangement) -> Iterator[AnyStep]:
        """The steps by which a column is restored, in their order."""
        bounds = made.bounds.get(name, [])
        if name in made.computed:
            step = self.computed(made.computed[name], tuple(made.floors.get(name, ())))
            yield self.computed_time(step) if name in made.plans or isinstance(step.rule, ClockSum) else step
        elif name in made.measured:
            yield self.measured(name, made.measured[name], bounds)
        elif name in made.times:
            yield time_of_day(self.shown(name), bounds)
        elif name in made.same:
            yield Same(shown=self.shown(name), others=made.same[name])
        for group in made.groups:
            if group.columns[0] == name:
                yield self.group(group) if isinstance(group, OneHot) else self.together(group.columns)
        if bounds and name not in {*made.measured, *made.times}:
            shown = self.shown(name)
            yield Within(shown=shown, **ends_within(shown, -np.inf, np.inf, bounds))
        yield from (Blank(rule=rule) for rule in made.blanks if rule.column == name)

    def shown(self, name: str) -> Shown:
        """How the column is written."""
        return shown_of(self.table.column(name), self.schema[name], self.people).told()

    def measured(self, name: str, how: Measured, bounds: Sequence[Bounds]) -> Gap:
        """A column that is measured from others; its ends are those that the encoder of the column would have."""
        shown, x = self.shown(name), numbers_of(self.values(name))
        there = ~np.isnan(x)
        units = shown.grid.units(x[there]) if shown.per else x[there]
        ends = protected_range(units, self.people[there], self.least, 0 if shown.per else None)
        low, high = (end / (shown.per or 1.0) for end in ends)
        within = ends_within(shown, low, high, bounds)
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
        target = self.table.column(rule.target).notna().to_numpy() & self.values(rule.target).notna().to_numpy()
        whole = np.ones(len(self.table), dtype=bool)
        for name in rule.columns[1:]:
            whole &= self.values(name).notna().to_numpy()
        alone = at_least(self.people[target & ~whole], self.least)
        absent = at_least(self.people[~target & whole], self.least)
        held = "values" if alone else "presence" if absent else "nothing"
        return Computed(shown=self.shown(rule.target), rule=rule, held=held, floors=floors)

    def computed_time(self, step: Computed) -> ComputedTime:
        """The same for a column of times of day, which writes midnight as the table does."""
        if not isinstance(step.rule, ClockSum):
            return ComputedTime.of(step, None)
        return ComputedTime.of(step, midnight_of(numbers_of(self.values(step.shown.name)), self.people, self.least))

    def group(self, rule: OneHot) -> Group:
        """A one-hot group."""
        return Group(members=tuple(member_of(self.table.column(name)) for name in rule.columns))

    def together(self, names: tuple[str, ...]) -> Together:
        """The combinations that enough people have. Raises RuleError where there are none, or of dates."""
        text = repr(text_of_rule(Combination(columns=names)))
        if any(is_dates(self.table.column(name)) for name in names):
            raise RuleError(f"rule {text}: expected categories, got dates")
        cells = list(zip(*(plain_cells(self.table.column(name)) for name in names), strict=True))
        place, distinct = pd.factorize(pd.Series(cells, dtype=object))
        held = holders(place.astype(np.int64), self.people, len(distinct))
        times = np.bincount(place, minlength=len(distinct))
        kept = [i for i in np.argsort(-times, kind="stable") if held[i] >= self.least and not _is_contact(distinct[i])]
        if not kept:
            raise RuleError(f"rule {text}: expected a combination that {self.least} people have or more, there is none")
        rows = tuple(tuple(distinct[i]) for i in kept[:MOST_COMBINATIONS])
        return Together(names=names, stored=tuple(str(self.table.column(name).dtype) for name in names), rows=rows)


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
    move = shown.grid.at_or_above if above else shown.grid.at_or_below
    return float(shown.grid.numbers(move(np.array(end), strict=strict)))


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
