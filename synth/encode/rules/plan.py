"""Replaces the columns of a table by what is learnt in their place, and restores them in what is generated."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from synth.encode.rules.apart import Apart
from synth.encode.rules.backward import Given, Moved, moved_back
from synth.encode.rules.shown import Shown
from synth.encode.rules.steps import AnyStep, Blank, Computed, DateOfParts, Gap, Same, Snap, Within
from synth.encode.rules.steps.time_of_day import TimeOfDay
from synth.errors import RuleError
from synth.people import People
from synth.rules.numbers import Numbers, numbers_of
from synth.rules.rule import AnyRule, Linear
from synth.rules.text import text_of_rule
from synth.table.people import people_of
from synth.table.schema import TableSchema
from synth.table.source import TableSource
from synth.table.values import column_values

Overlay = Callable[[str, pd.Series], pd.Series]
"""Puts cells that are known in place of those of a column that was generated."""
MENDING = (Within, Blank, Snap)
"""Steps that learn a column as it is, and change some of its cells."""
NUMBERS = Gap | Same | Computed | DateOfParts | TimeOfDay
"""Steps that restore a column from numbers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptRule:
    """A rule that every generated record keeps."""

    rule: AnyRule
    declared: bool


@dataclass(frozen=True, kw_only=True)
class RulePlan:
    """The rules that are kept, and the replacements by which they are."""

    rules: tuple[KeptRule, ...] = ()
    steps: tuple[AnyStep, ...] = ()
    """In the order in which columns are restored"""
    apart: tuple[Apart, ...] = ()
    """Unique rules, which are kept in a table as a whole, see `synth.sampling.apart`"""
    proposed: tuple[tuple[str, str], ...] = ()
    """Rules that were found but are not kept, and why; not a part of a saved model"""

    @cached_property
    def replaced(self) -> dict[str, AnyStep]:
        """The step of each column whose own values are not learnt."""
        return {name: step for step in self.steps if not isinstance(step, MENDING) for name in step.columns}

    @property
    def changed(self) -> frozenset[str]:
        """The columns that a step writes."""
        return frozenset(name for step in self.steps for name in step.columns)

    @property
    def often(self) -> tuple[Linear, ...]:
        """For each pair of columns that are often the same, the equality whose frequency is learnt."""
        same = [step for step in self.steps if isinstance(step, Same | Snap)]
        return tuple(Linear(target=step.shown.name, terms=((1, other),)) for step in same for other in step.sources)

    def apart_from_others(self, names: Collection[str]) -> RulePlan:
        """The plan in which no value of these columns becomes another column's, where they are often the same."""
        return replace(self, steps=tuple(s for s in self.steps if not isinstance(s, Snap) or s.shown.name not in names))

    def with_distances(self, learnt: Mapping[str, pd.Series], schema: TableSchema) -> RulePlan:
        """The plan whose distances make the generated columns `learnt` the same as often as in the real table."""
        table, steps = Restored(dict(learnt), schema, None), []
        for step in self.steps:
            steps.append(step.learnt_from(table) if isinstance(step, Snap) else step)
            _restore(steps[-1:], table, None, {})
        return replace(self, steps=tuple(steps))

    @property
    def shown(self) -> dict[str, Shown]:
        """How columns are written that are restored from numbers."""
        return {name: step.shown for name, step in self.replaced.items() if isinstance(step, NUMBERS)}

    def without_moving(self, names: frozenset[str], why: str) -> RulePlan:
        """The plan in which no value of these columns is moved for a unique rule.

        A rule that was found is left out where no column of it is left, as `why` says. Raises RuleError where such a
        rule is declared.
        """
        apart, gone = [], set[AnyRule]()
        for each in self.apart:
            left = tuple(column for column in each.movable if column.name not in names)
            if left or not each.movable:
                apart.append(replace(each, movable=left))
            elif each.declared:
                raise RuleError(f"rule {text_of_rule(each.rule)!r}: {why}")
            else:
                gone.add(each.rule)
        return replace(
            self,
            rules=tuple(each for each in self.rules if each.rule not in gone),
            apart=tuple(apart),
            proposed=(*self.proposed, *((text_of_rule(each), why) for each in gone)),
        )

    def learnt(self, schema: TableSchema) -> TableSchema:
        """The schema of what is learnt: the columns in order, without those of which nothing is."""
        found = []
        for spec in schema:
            step = self.replaced.get(spec.name)
            if step is None:
                found.append(spec)
            elif step.columns[0] == spec.name and (inner := step.spec(spec)) is not None:
                found.append(inner)
        names = {column.name for column in found}
        without = tuple(rule for rule in schema.rules.without if names.issuperset(rule.columns))
        return replace(schema, columns=tuple(found), rules=replace(schema.rules, declared=(), without=without))

    def forward(self, source: TableSource, schema: TableSchema) -> TableSource:
        """The table of what is learnt, one column of which is made at a time."""
        return RuledTable(plan=self, source=source, schema=schema) if self.steps else source

    def needed(self, names: frozenset[str]) -> frozenset[str]:
        """The columns without which these cannot be restored, these included."""
        found = set(names)
        for step in reversed(self.steps):
            if not found.isdisjoint(step.columns):
                found |= {*step.columns, *step.sources}
        return frozenset(found)

    def restore(
        self,
        learnt: Mapping[str, pd.Series],
        schema: TableSchema,
        *,
        only: frozenset[str] | None = None,
        known: Overlay | None = None,
        given: Given | None = None,
        people: People | None = None,
    ) -> dict[str, pd.Series]:
        """The columns as they are stored, of which what is learnt of some is given; of `only` the steps for these.

        Cells that are `known` stay as they are, and other columns follow from them; where it is said which cells of all
        columns are `given` by that, those before the given end of an order move, see `moved_back`. `people` is
        (records,), whom each record is about: those of a person stand together and in order. Without it each is about
        somebody else.
        """
        steps = [step for step in self.steps if only is None or not only.isdisjoint(step.columns)]
        begun = {n: c if known is None or n in self.replaced else known(n, c) for n, c in learnt.items()}
        table = Restored(dict(begun), schema, people)
        generated = _restore(steps, table, known, {})
        moved = {} if given is None else moved_back(steps, table, generated, given, schema)
        if moved:
            begun |= {n: each.put(begun[n], schema) for n, each in moved.items() if n not in self.replaced}
            table = Restored(begun, schema, people)
            _restore(steps, table, known, moved)
        return table.columns


def _restore(
    steps: Sequence[AnyStep], table: Restored, known: Overlay | None, moved: Mapping[str, Moved]
) -> dict[str, Numbers]:
    """Restores the columns; (records,) numbers of those of orders, before known cells came in their place."""
    generated = {}
    for step in steps:
        restored = step.restore(table, table.columns.get(step.columns[0]))
        if isinstance(step, Gap):
            name = step.shown.name
            if name in moved:
                kept = replace(moved[name], numbers=step.kept_by(table, moved[name].numbers))
                restored = {name: kept.put(restored[name], table.schema)}
            generated[name] = numbers_of(column_values(restored[name], table.schema[name]))
        for name, column in restored.items():
            table.put(name, column if known is None else known(name, column))
    return generated


class Restored:
    """Columns that are restored one after another."""

    def __init__(self, columns: dict[str, pd.Series], schema: TableSchema, people: People | None) -> None:
        self.columns = columns
        self.schema = schema
        self.owners = people
        self.parsed: dict[str, pd.Series] = {}

    def stored(self, name: str) -> pd.Series:
        """(records,) as it is stored."""
        return self.columns[name]

    def values(self, name: str) -> pd.Series:
        """(records,) numbers, dates or text."""
        if name not in self.parsed:
            self.parsed[name] = column_values(self.columns[name], self.schema[name])
        return self.parsed[name]

    def people(self) -> People:
        """(records,) whom each record is about."""
        if self.owners is None:
            return np.arange(len(next(iter(self.columns.values()))), dtype=np.int64)
        return self.owners

    def put(self, name: str, column: pd.Series) -> None:
        """Takes a column in place of what was learnt."""
        self.columns[name] = column
        self.parsed.pop(name, None)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RuledTable:
    """A table of what is learnt in place of the columns of another one."""

    plan: RulePlan
    source: TableSource
    schema: TableSchema

    def __len__(self) -> int:
        return len(self.source)

    def column(self, name: str) -> pd.Series:
        """(records,) what is learnt under this name."""
        step = self.plan.replaced.get(name)
        return self.stored(name) if step is None else step.forward(self)

    def taken(self, name: str) -> pd.Series | None:
        """What must not be made up either."""
        return self.source.taken(name)

    def stored(self, name: str) -> pd.Series:
        """(records,) the real column as it is stored, mended where it breaks a rule that a column keeps alone."""
        column = self.source.column(name)
        for step in self.plan.steps:
            if isinstance(step, MENDING) and step.columns == (name,):
                column = step.forward(_Beside(self, name, column))
        return column

    def values(self, name: str) -> pd.Series:
        """(records,) its numbers, dates or text."""
        return column_values(self.stored(name), self.schema[name])

    def people(self) -> People:
        """(records,) whom each record is about."""
        return people_of(self.source, self.schema)


class _Beside:
    """The columns of a table, one of them another one."""

    def __init__(self, table: RuledTable, name: str, column: pd.Series) -> None:
        self.table, self.name, self.column = table, name, column

    def stored(self, name: str) -> pd.Series:
        return self.column if name == self.name else self.table.stored(name)

    def values(self, name: str) -> pd.Series:
        return column_values(self.stored(name), self.table.schema[name])

    def people(self) -> People:
        return self.table.people()
