"""Whether a rule between columns is proved by a table: kept by nearly all people, and by chance far less often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import poisson

from synth.detect.unique import drawn_again
from synth.errors import RuleError
from synth.people import People, distinct
from synth.protection import HOLDERS
from synth.rules.kept import BROKEN, kept_by
from synth.rules.numbers import Numbers, is_dates, numbers_of
from synth.rules.rule import AnyRule, ClockSum, Linear, NullWhen, OneHot, Order, Product, Unique
from synth.rules.share import Share, share_of
from synth.table.schema import ColumnKind, ColumnRole, TableSchema

LEAST_KEPT = 0.99
"""Share of people who keep a rule that is found."""
SURE_KEPT = 0.999
"""Share who keep a rule that is used without being asked for, unless fewer than HOLDERS people break it: so few must
not decide whether there is a rule."""
FEWEST = 200
"""People, at least, in a table in which rules are sought; a quarter of them must have what a rule needs."""
UNLIKELY = -25.0
"""Natural logarithm of the probability that independent columns keep a rule as well, at most: 1e-11, for the 10,000
pairs of a hundred columns."""
FAR_FEWER = 0.1
"""People who break a rule, at most, as a share of those who would if a column were permuted."""
LEAST_EXPECTED = 0.01
"""Share of people who would break it then, at least."""
MOST_COLUMNS = 400
"""Columns among which each kind of rule is sought, at most: the first ones."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundRule:
    """A rule that a table keeps."""

    rule: AnyRule
    share: Share
    sure: bool
    """Whether it is used without being asked for"""
    chance: float | None = None
    """Share of people who would keep it by chance in one record; None where that is not how it was found"""
    several: bool = False
    """Whether people have several records, and `share` is of all of them"""
    note: str = ""
    """What else there is to say of it"""

    @property
    def why(self) -> str:
        """In a line, without a value of the data."""
        if self.chance is None or self.share.kept is None:
            return self.note
        kept, chance = _percent(self.share.kept), _percent(self.chance)
        if self.several:
            said = f"kept by {kept} of people in all their records; by chance {chance} would keep it in one record"
        else:
            said = f"kept by {kept} of people; by chance {chance} would keep it"
        return f"{said}; {self.note}" if self.note else said


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Sample:
    """The records among which rules are sought."""

    cells: pd.DataFrame
    schema: TableSchema
    people: People
    rng: np.random.Generator

    def proved(self, rule: AnyRule) -> FoundRule | None:
        """The rule with its share; None where too few keep it, or columns that are permuted keep it as well."""
        try:
            share = share_of(rule, {name: self.cells[name] for name in rule.columns}, self.people)
        except RuleError:
            return None
        if share.kept is None or share.people < FEWEST / 4 or share.kept < LEAST_KEPT:
            return None
        expected = min(self._expected(rule, name) for name in _decisive(rule))
        least = share.people * (0.0 if isinstance(rule, OneHot) else LEAST_EXPECTED)
        if expected < least or share.broken > FAR_FEWER * expected:
            return None
        if poisson.logcdf(share.broken, expected) > UNLIKELY:
            return None
        # dates may be mistyped; numbers of which one is mostly greater may just be so
        loose = isinstance(rule, Order) and not is_dates(self.cells[rule.low])
        sure = share.broken < HOLDERS or (share.kept >= SURE_KEPT and not loose)
        if loose and share.kept < SURE_KEPT and not sure:
            return None
        return FoundRule(rule=rule, share=share, sure=sure, chance=1 - expected / share.people)

    def _expected(self, rule: AnyRule, name: str) -> float:
        """How many people break the rule where this column is permuted; all but one of a one-hot group are."""
        cells = {column: self.cells[column] for column in rule.columns}
        if isinstance(rule, Unique) and len(rule.columns) == 1:
            cells = {name: drawn_again(cells[name], self.rng)}
            return float(distinct(self.people[kept_by(rule, cells, self.people) == BROKEN]))
        moved = rule.columns[1:] if isinstance(rule, OneHot) else (name,)
        for column in moved:
            present = np.flatnonzero(cells[column].notna().to_numpy())
            order = np.arange(len(self.cells))
            order[present] = self.rng.permutation(present)
            if isinstance(rule, NullWhen):
                order = self.rng.permutation(len(self.cells))
            cells[column] = cells[column].take(order).reset_index(drop=True)
        broken = self.people[kept_by(rule, cells, self.people) == BROKEN]
        return float(distinct(broken))

    def numeric(self, *, categories: bool = False) -> list[str]:
        """Columns of numbers or dates that are no more than numbers: not the target, and without markers."""
        kinds = (ColumnKind.NUMERICAL, ColumnKind.DATETIME, *([ColumnKind.CATEGORICAL] if categories else []))
        roles = {ColumnRole.FEATURE, ColumnRole.ORDER}
        plain = [s for s in self.schema if s.kind in kinds and s.role in roles and not s.markers]
        return [s.name for s in plain if self.cells[s.name].notna().any()][:MOST_COLUMNS]

    def complete(self, names: Sequence[str]) -> tuple[Numbers, list[str], list[bool]]:
        """(the records in which no cell of the columns is missing, their names, which are dates).

        Columns of which many cells are missing are left out until enough records are left.
        """
        table = np.column_stack([numbers_of(self.cells[name]) for name in names])
        left = np.argsort(np.isnan(table).mean(0), kind="stable").tolist()
        while left:
            complete = ~np.isnan(table[:, left]).any(1)
            if complete.sum() >= 4 * len(left) + 100:
                break
            left = left[:-1]
        left = sorted(left)
        complete = ~np.isnan(table[:, left]).any(1)
        kept = [names[c] for c in left]
        return table[np.ix_(complete, left)], kept, [is_dates(self.cells[name]) for name in kept]


def _decisive(rule: AnyRule) -> tuple[str, ...]:
    """The columns each of which has to matter."""
    if isinstance(rule, Linear | Product | ClockSum | Unique):
        return rule.columns
    return rule.columns[:1]


def _percent(share: float) -> str:
    """In per cent, never rounded up to all."""
    shown = f"{np.floor(share * 1000) / 10:.1f}"
    return f"{shown.removesuffix('.0')} %"
