"""People with several records and rules between columns: rules are what is done first, and undone last.

What is learnt in place of the columns of rules is one more table of the same records and people. Whose they are, in
which order, and which columns are a person's is told from the table as it came; all else is learnt of the other one.
"""

from __future__ import annotations

from dataclasses import dataclass

from synth.config import TrainConfig
from synth.encode.rules.fit import plan_rules
from synth.encode.rules.persons import PersonColumns
from synth.encode.rules.plan import RulePlan
from synth.errors import TableError
from synth.randomness import Rng
from synth.sequences.learnt import learnable
from synth.sequences.outline import Outline, find_outline
from synth.table.schema import TableSchema
from synth.table.source import TableSource


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RuledPeople:
    """A table of people with several records, and what is learnt of it."""

    came: TableSource
    """The table, without the records that are left out as they break a rule"""
    schema: TableSchema
    """Its schema"""
    rules: RulePlan
    outline: Outline
    """Of what is learnt"""

    @property
    def learnt(self) -> TableSource:
        """The table of what is learnt."""
        return self.rules.forward(self.came, self.schema)

    @property
    def learnt_schema(self) -> TableSchema:
        """Its schema, which has no rules any more."""
        return learnt_schema(self.rules, self.schema, self.outline.order)


def rule_people(table: TableSource, schema: TableSchema, config: TrainConfig, rng: Rng) -> RuledPeople | None:
    """How the people of a table and its rules are learnt; None where too few people have several records.

    Raises RuleError where a declared rule cannot be kept, and TableError as `find_outline` does.
    """
    learnt = learnable(table, schema, config.least)
    came = learnt.outline
    if came is None:
        return None
    table = learnt.kept(table)
    persons = PersonColumns(
        order=came.order, constant=frozenset((*came.constant, came.person)), ascending=frozenset(came.ascending)
    )
    rules = plan_rules(table, schema, config.least, rng.spawn("rules"), persons)
    if not rules.steps:
        return RuledPeople(came=table, schema=schema, rules=rules, outline=came)
    inner = learnt_schema(rules, schema, came.order)
    outline = find_outline(rules.forward(table, schema), inner, config.least)
    if outline is None:
        raise TableError("expected people with several records beside the rules between columns, got too few")
    return RuledPeople(came=table, schema=schema, rules=rules, outline=outline)


def learnt_schema(rules: RulePlan, schema: TableSchema, order: str | None) -> TableSchema:
    """The schema of what is learnt in place of a table's columns, ordered as the table is."""
    return rules.learnt(schema).with_rules(find=False).with_roles(order=order)
