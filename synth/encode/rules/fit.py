"""Plans how generated records keep the rules of a table: which rules, by which steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synth.detect.proof import FoundRule
from synth.detect.rules import find_rules_of_people
from synth.detect.same import OftenSame, often_same
from synth.encode.rules.apart import Apart, Movable, movable_of
from synth.encode.rules.arrangement import Arrangement, Wanted
from synth.encode.rules.declared import RuleView
from synth.encode.rules.fit_steps import StepFitter, unit_in_zone
from synth.encode.rules.order import ColumnFacts, arrange
from synth.encode.rules.persons import PersonColumns
from synth.encode.rules.plan import KeptRule, RulePlan
from synth.people import at_least
from synth.protection import HOLDERS
from synth.randomness import Rng
from synth.rules.dates import moments_of, part_held
from synth.rules.numbers import numbers_of
from synth.rules.rule import AnyRule, DatePart, Order, Unique
from synth.rules.text import text_of_rule
from synth.table.schema import ColumnKind, ColumnRole, TableSchema
from synth.table.source import TableSource

NEARLY_ALL = 0.99


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
    view = RuleView.of(table, schema)
    planner = Planner(view=view, least=least, persons=persons or PersonColumns())
    fitter = StepFitter(view=view, least=least, persons=planner.persons)
    wanted = [view.declared(rule) for rule in schema.rules.declared]
    said = {each.rule for each in wanted}
    found = planner.found(rng) if schema.rules.find else []
    often = planner.often(rng) if schema.rules.find else []
    sure = [Wanted(rule=each.rule, declared=False) for each in found if each.sure and each.rule not in said]
    beside = [(each, why) for each in sure if (why := beside_equal(each.rule, often))]
    sure = [each for each in sure if not beside_equal(each.rule, often)]
    every = [*wanted, *sure]
    made = arrange(every, planner.columns(every), often)
    steps = [step for name in made.sequence(schema.names) for step in fitter.steps_of(name, made)]
    unsure = [(text_of_rule(each.rule), each.note) for each in found if not each.sure and each.rule not in said]
    return RulePlan(
        rules=tuple(KeptRule(rule=each.rule, declared=each.declared) for each in made.kept),
        steps=tuple(steps),
        apart=tuple(planner.apart(each, made) for each in made.kept if isinstance(each.rule, Unique)),
        proposed=(*unsure, *((text_of_rule(each.rule), trouble) for each, trouble in (*beside, *made.left))),
    )


def beside_equal(rule: AnyRule, often: Sequence[OftenSame]) -> str:
    """Why a found order gives way: one of its columns is mostly the same as a third one; empty where none is.

    A column is made by one relation alone, and readers notice at once where two columns that should agree do not.
    """
    columns = {rule.low, rule.high} if isinstance(rule, Order) else set()
    for same in often:
        if same.mostly and same.column in columns and columns.isdisjoint(same.others):
            return f"column {same.column!r} is mostly the same as {same.others[0]!r}, which is learnt"
    return ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Planner:
    """Finds the rules of one table, and says which of its columns they may be kept by."""

    view: RuleView
    least: int
    persons: PersonColumns

    def found(self, rng: Rng) -> Sequence[FoundRule]:
        """The rules that the table proves, sought among some of its people, but for those that are switched off."""
        found = find_rules_of_people(self.view.values, self.view.schema, self.view.people, rng.spawn("find").numpy)
        return [each for each in found if not self.view.schema.rules.switched_off(each.rule)]

    def often(self, rng: Rng) -> Sequence[OftenSame]:
        """Columns that are often the same as others; none where people have several records."""
        if len(np.unique(self.view.people)) < len(self.view.people):
            return []
        found = often_same(self.view.values, self.view.schema, rng.spawn("same").numpy, self.least)
        return [left for each in found if (left := each.without(self.view.schema.rules.switched_off)) is not None]

    def columns(self, wanted: Sequence[Wanted]) -> ColumnFacts:
        """What is known of the columns that these rules may replace."""
        return ColumnFacts(
            fixed=self.fixed(),
            listed=frozenset(self.view.schema.of_kind(ColumnKind.CATEGORICAL)),
            is_at_least=self.is_at_least,
            persons=self.persons,
            made_up=self.made_up(),
            unmovable=self.unmovable(wanted),
            tells=self.tells,
        )

    def is_at_least(self, name: str, least: float) -> bool:
        """Whether nearly all values of a column are so large."""
        x = numbers_of(self.view.values(name))
        x = x[~np.isnan(x)]
        return len(x) > 0 and bool((x >= least).mean() >= NEARLY_ALL)

    def tells(self, rule: DatePart) -> bool:
        """Whether a column holds the part of a date wherever there is one, and nothing else; a few people aside."""
        column, moments = self.view.values(rule.target), moments_of(self.view.values(rule.date))
        off = (np.isnat(moments) != np.isnan(part_held(rule, column))) | (np.isnat(moments) & column.notna().to_numpy())
        if at_least(self.view.people[off], min(max(self.least, 1), HOLDERS)):
            return False
        # where a zone is half an hour off, whole hours there are none here
        return unit_in_zone(moments, "", self.view.people) == unit_in_zone(moments, rule.zone, self.view.people)

    def fixed(self) -> frozenset[str]:
        """Columns that are not made from others: those with a role or markers, or that next to nobody has."""
        return frozenset(
            spec.name
            for spec in self.view.schema
            if spec.role is not ColumnRole.FEATURE
            or spec.name == self.persons.order
            or spec.markers
            or spec.kind is ColumnKind.IDENTIFIER
            or not at_least(self.view.people[self.view.table.column(spec.name).notna().to_numpy()], self.least)
        )

    def made_up(self) -> frozenset[str]:
        """Identifiers that are another one in each record: not those of people, nor those that others refer to."""
        spec_of = (spec for spec in self.view.schema if spec.kind is ColumnKind.IDENTIFIER)
        return frozenset(spec.name for spec in spec_of if spec.role is not ColumnRole.PERSON)

    def apart(self, wanted: Wanted, made: Arrangement) -> Apart:
        """How a unique rule is kept: by which columns."""
        rule = wanted.rule
        if not isinstance(rule, Unique):
            raise TypeError("expected a unique rule")
        names = sorted(made.movable[rule], key=lambda name: (-self.view.table.column(name).nunique(), name))
        movable = [self.movable(name) for name in names]
        return Apart(rule=rule, declared=wanted.declared, movable=tuple(each for each in movable if each is not None))

    def movable(self, name: str) -> Movable | None:
        """The column as one that may be moved for a unique rule; None where its kind is another one."""
        if not self.view.schema[name].kind.is_quantity:
            return None
        return movable_of(self.view.shown(name), self.view.values(name), self.view.people, self.least)

    def unmovable(self, wanted: Sequence[Wanted]) -> frozenset[str]:
        """The columns of unique rules that may not be moved because of their kind, or how they are written."""
        names = {name for each in wanted if isinstance(each.rule, Unique) for name in each.rule.columns}
        return frozenset(name for name in names if self.movable(name) is None)
