"""Rules that a schema declares, held against the table: whether they can be kept, and which records break them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.encode.rules.arrangement import Wanted
from synth.encode.rules.clock_sum import check_times
from synth.encode.rules.shown import Shown, shown_of
from synth.encode.rules.told import FEWEST_TOLD, told
from synth.errors import RuleError
from synth.people import People
from synth.rules.kept import BROKEN, kept_by
from synth.rules.rule import AnyRule, Unique
from synth.rules.share import Share, share_of
from synth.rules.text import text_of_rule
from synth.table.people import people_of
from synth.table.schema import ColumnKind, TableSchema
from synth.table.source import SomeRecords, TableSource
from synth.table.values import column_values

LEAST_DECLARED = 0.5
"""A declared rule that people keep in a smaller part of their records, on average, contradicts the data."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleView:
    """A table as rules see it: its columns as values, and whom its records are about."""

    table: TableSource
    schema: TableSchema
    people: People

    @staticmethod
    def of(table: TableSource, schema: TableSchema) -> RuleView:
        """The table, with the people of its schema."""
        return RuleView(table=table, schema=schema, people=people_of(table, schema))

    def values(self, name: str) -> pd.Series:
        """(records,) the column's numbers, dates or text."""
        return column_values(self.table.column(name), self.schema[name])

    def shown(self, name: str) -> Shown:
        """How the column is written."""
        return shown_of(self.table.column(name), self.schema[name], self.people).told()

    def share(self, rule: AnyRule) -> Share:
        """How the table keeps a rule."""
        return share_of(rule, {name: self.values(name) for name in rule.columns}, self.people)

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
        view = RuleView.of(table, schema)
        for rule in schema.rules.declared:
            view.declared(rule)


def unbroken(table: TableSource, schema: TableSchema) -> NDArray[np.bool_]:
    """(records,) which break no declared rule; all of them where the schema does not have those that do left out."""
    kept = np.ones(len(table), dtype=np.bool_)
    if schema.rules.leave_out and schema.rules.declared:
        view = RuleView.of(table, schema)
        for rule in schema.rules.declared:
            kept &= kept_by(rule, {name: view.values(name) for name in rule.columns}, view.people) != BROKEN
    return kept


def broken_by(table: TableSource, schema: TableSchema) -> Iterator[tuple[str, Share]]:
    """How the table keeps each rule that its schema declares. Raises RuleError as `plan_rules` does."""
    view = RuleView.of(table, schema)
    for rule in schema.rules.declared:
        view.declared(rule)
        yield text_of_rule(rule), view.share(rule)
