"""Replacements of columns, each of which keeps rules whatever values the columns in their place have.

`forward` makes the column that is learnt in place of the real one, `restore` the real ones again. Records that break
the rule are learnt as if they kept it: what they have in its place is the nearest value that does. `restore` gets the
columns that the step is about already restored, so steps are in an order, see `synth.encode.rules.order`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.encode.people import People
from synth.encode.rules.persons import extreme_of, running
from synth.encode.rules.shown import Shown
from synth.encode.rules.time_of_day import TimeOfDay
from synth.rules.kept import blank_where, total_of
from synth.rules.numbers import SAME_AS, Numbers, numbers_of
from synth.rules.rule import Formula, NullWhen
from synth.table.ranges import AnyOf, Condition, Presence, as_number, category_meant
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec

THERE = "there"
"""Of a column of which only is learnt whether it is missing: it is not."""
Value = str | int | float | bool | None
Stored = Mapping[str, pd.Series]
"""Columns by name as they are stored."""


class Values(Protocol):
    """Columns by name, once as they are stored and once as values."""

    def stored(self, name: str) -> pd.Series:
        """(records,) as it is stored."""

    def values(self, name: str) -> pd.Series:
        """(records,) numbers, dates or text."""

    def people(self) -> People:
        """(records,) whom each record is about."""


class Step(Protocol):
    """One replacement."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it replaces; the first of them names what is learnt in their place."""

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns that have to be restored before."""

    def spec(self, spec: ColumnSpec) -> ColumnSpec | None:
        """The spec of what is learnt in place of the first column, which has `spec`; None where nothing is."""

    def forward(self, table: Values) -> pd.Series:
        """(records,) what is learnt in place of the first column."""

    def restore(self, table: Values, learnt: pd.Series | None) -> Stored:
        """The columns as they are stored, from what was generated in their place."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """A number or date that is not below others, or not above them: how far it lies from the nearest one is learnt.

    Where all of the others are missing it is how far it lies from `start`.
    """

    shown: Shown
    others: tuple[tuple[str, bool], ...]
    """The other columns, and whether each has to differ"""
    above: bool
    """Whether it is not below the others, rather than not above"""
    start: float
    low: float
    high: float
    """The protected ends of the column, which generated values do not leave but to keep the rule"""
    constant: bool = False
    """Whether it is constant for a person: then it is measured from the nearest of all the person's records"""
    ascends: bool = False
    """Whether it never falls from one record of a person to the next"""

    @property
    def columns(self) -> tuple[str, ...]:
        """The one that is not below or not above."""
        return (self.shown.name,)

    @property
    def sources(self) -> tuple[str, ...]:
        """The others."""
        return tuple(name for name, _ in self.others)

    def spec(self, spec: ColumnSpec) -> ColumnSpec:
        """A number."""
        return ColumnSpec(name=spec.name, kind=ColumnKind.NUMERICAL, role=_feature(spec))

    def forward(self, table: Values) -> pd.Series:
        """(records,) units between the column and the others, 0 or more."""
        grid, x = self.shown.grid, numbers_of(table.values(self.shown.name))
        gap = np.maximum(((x if grid.per == 0 else grid.units(x)) - self._base(table)) * self._sign, 0.0)
        return pd.Series(gap, name=self.shown.name) if grid.per == 0 else whole_numbers(gap, self.shown.name)

    def restore(self, table: Values, learnt: pd.Series | None) -> Stored:
        """The column, at that distance from the others."""
        placed = self._placed(self._base(table), numbers_of(_there(learnt)))
        if self.ascends:
            placed = running(placed, table.people(), above=self.above)
        return {self.shown.name: self.shown.written(placed)}

    def _placed(self, base: Numbers, gap: Numbers) -> Numbers:
        grid = self.shown.grid
        ends = (self.low, self.high)
        if grid.per:
            ends = (float(np.ceil(self.low * grid.per - 1e-6)), float(np.floor(self.high * grid.per + 1e-6)))
        placed = np.clip(base + self._sign * np.maximum(gap, 0.0), *ends)
        placed = np.maximum(placed, base) if self.above else np.minimum(placed, base)
        return placed if grid.per == 0 else grid.numbers(placed)

    @property
    def _sign(self) -> int:
        return 1 if self.above else -1

    def _base(self, table: Values) -> Numbers:
        """(records,) the nearest value that keeps the rule, in units of the column."""
        grid = self.shown.grid
        found: Numbers | None = None
        for name, strict in self.others:
            other = numbers_of(table.values(name))
            if grid.per == 0:
                nearest = np.nextafter(other, self._sign * np.inf) if strict else other
            else:
                nearest = (grid.at_or_above if self.above else grid.at_or_below)(other, strict=strict)
            farther = np.fmax if self.above else np.fmin
            found = nearest if found is None else farther(found, nearest)
        start = self.start if grid.per == 0 else float(grid.units(np.array(self.start)))
        if found is None:
            return np.array(start)
        if self.constant:
            found = extreme_of(found, table.people(), above=self.above)
        return np.where(np.isnan(found), start, found)


@dataclass(frozen=True, kw_only=True, slots=True)
class Same:
    """A number that is often the same as another column's: which one's is learnt in its place, as a marker is."""

    shown: Shown
    others: tuple[str, ...]
    """The columns, the first of which counts where it is the same as several"""

    @property
    def columns(self) -> tuple[str, ...]:
        """The one that is often the same."""
        return (self.shown.name,)

    @property
    def sources(self) -> tuple[str, ...]:
        """The others."""
        return self.others

    def spec(self, spec: ColumnSpec) -> ColumnSpec:
        """A number, or which of the others it is the same as."""
        markers = tuple(str(SAME_AS + place) for place in range(len(self.others)))
        return ColumnSpec(name=spec.name, kind=ColumnKind.NUMERICAL, role=_feature(spec), markers=markers)

    def forward(self, table: Values) -> pd.Series:
        """(records,) the numbers; one that stands for the column where both are the same."""
        x = numbers_of(table.values(self.shown.name))
        found = x.copy()
        for place, name in reversed([*enumerate(self.others)]):
            found[x == numbers_of(table.values(name))] = SAME_AS + place
        whole = bool((found[~np.isnan(found)] % 1 == 0).all())
        return whole_numbers(found, self.shown.name) if whole else pd.Series(found, name=self.shown.name)

    def restore(self, table: Values, learnt: pd.Series | None) -> Stored:
        """The numbers, and those of the other columns."""
        x = numbers_of(_there(learnt)).copy()
        for place, name in enumerate(self.others):
            same = x == SAME_AS + place
            x[same] = numbers_of(table.values(name))[same]
        return {self.shown.name: self.shown.written(x)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Computed:
    """What a rule computes, such as a sum or a product: only whether it is missing is learnt, where that varies."""

    shown: Shown
    rule: Formula
    """Its target is the column"""
    held: str
    """What is learnt of the column: `nothing`, `presence`, or the `values`, which stand where a part is missing"""
    floors: tuple[tuple[str, bool], ...] = ()
    """Parts that it is not below, and whether each has to differ: so also where another part is missing"""

    @property
    def columns(self) -> tuple[str, ...]:
        """The target."""
        return (self.shown.name,)

    @property
    def sources(self) -> tuple[str, ...]:
        """What it is computed from."""
        return self.rule.columns[1:]

    def spec(self, spec: ColumnSpec) -> ColumnSpec | None:
        """Of the presence or the values."""
        if self.held == "nothing":
            return None
        if self.held == "values":
            return spec
        return ColumnSpec(name=spec.name, kind=ColumnKind.CATEGORICAL, role=_feature(spec))

    def forward(self, table: Values) -> pd.Series:
        """(records,) the values, or whether there is one."""
        stored = table.stored(self.shown.name)
        if self.held == "values":
            return stored
        there = np.array([THERE, None], dtype=object)[stored.isna().to_numpy().astype(np.int64)]
        return pd.Series(there, name=self.shown.name, dtype=object)

    def restore(self, table: Values, learnt: pd.Series | None) -> Stored:
        """What the rule says."""
        return {self.shown.name: self.shown.written(self.numbers(table, learnt))}

    def numbers(self, table: Values, learnt: pd.Series | None) -> Numbers:
        """(records,) what the rule says; NaN where the column is missing."""
        cells = {name: table.values(name) for name in self.sources}
        total = total_of(self.rule, cells)
        if self.held == "values":
            own = numbers_of(table.values(self.shown.name))
            total = np.where(np.isnan(own), np.nan, np.where(np.isnan(total), self._above_floors(own, cells), total))
        elif learnt is not None:
            total = np.where(learnt.isna().to_numpy(), np.nan, total)
        return total

    def _above_floors(self, own: Numbers, cells: Mapping[str, pd.Series]) -> Numbers:
        """(records,) values that are learnt, raised to the parts that they may not be below."""
        grid = self.shown.grid
        for name, strict in self.floors:
            part = numbers_of(cells[name])
            if grid.per == 0:
                least = np.nextafter(part, np.inf) if strict else part
            else:
                least = grid.numbers(grid.at_or_above(part, strict=strict))
            own = np.where(np.isnan(own), own, np.fmax(own, least))
        return own


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A column of a one-hot group: how 0 and 1 are stored."""

    name: str
    off: Value
    on: Value
    stored: str
    """Its dtype"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """A one-hot group: which of its columns is 1 is learnt."""

    members: tuple[Member, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """All."""
        return tuple(member.name for member in self.members)

    @property
    def sources(self) -> tuple[str, ...]:
        """None."""
        return ()

    def spec(self, spec: ColumnSpec) -> ColumnSpec:
        """A category."""
        return ColumnSpec(name=spec.name, kind=ColumnKind.CATEGORICAL, role=_feature(spec))

    def forward(self, table: Values) -> pd.Series:
        """(records,) the number of the column that is 1, as text; missing where none is."""
        most, which = np.full(len(table.stored(self.columns[0])), 0.0), None
        for number, name in enumerate(self.columns):
            x = np.nan_to_num(numbers_of(table.values(name)))
            which = np.full(len(x), -1) if which is None else which
            which = np.where(x > most, number, which)
            most = np.maximum(most, x)
        texts = np.array([*map(str, range(len(self.columns))), None], dtype=object)
        return pd.Series(texts[which], name=self.columns[0], dtype=object)

    def restore(self, table: Values, learnt: pd.Series | None) -> Stored:  # noqa: ARG002 - of the protocol
        """1 in the one column and 0 in the others."""
        which = numbers_of(pd.to_numeric(_there(learnt)))
        absent = np.isnan(which)
        return {m.name: stored_column(m, which == i, absent) for i, m in enumerate(self.members)}

    def categories_with(self, name: str, wanted: Condition) -> frozenset[str]:
        """The categories with which a column is as wanted."""
        place = self.columns.index(name)
        member = self.members[place]
        cells = (member.on if i == place else member.off for i in range(len(self.members)))
        return frozenset(str(i) for i, cell in enumerate(cells) if is_wanted(cell, wanted))


@dataclass(frozen=True, kw_only=True, slots=True)
class Together:
    """Columns with a fixed list of combinations: which of them is learnt."""

    names: tuple[str, ...]
    stored: tuple[str, ...]
    """The dtype of each column"""
    rows: tuple[tuple[Value, ...], ...]
    """The combinations that enough people have, the most frequent first"""

    @property
    def columns(self) -> tuple[str, ...]:
        """All."""
        return self.names

    @property
    def sources(self) -> tuple[str, ...]:
        """None."""
        return ()

    def spec(self, spec: ColumnSpec) -> ColumnSpec:
        """A category."""
        return ColumnSpec(name=spec.name, kind=ColumnKind.CATEGORICAL, role=_feature(spec))

    def forward(self, table: Values) -> pd.Series:
        """(records,) the number of the combination as text.

        A record with another combination counts as one that has the same value in one of the columns, the last of them
        where it can be: rare values are those of the first. These take turns.
        """
        keys = list(zip(*(plain_cells(table.stored(name)) for name in self.names), strict=True))
        place = {row: i for i, row in enumerate(self.rows)}
        alike: list[dict[Value, list[int]]] = [{} for _ in self.names]
        for i, row in enumerate(self.rows):
            for column, value in enumerate(row):
                alike[column].setdefault(value, []).append(i)
        found, everything = [], list(range(len(self.rows)))
        for turn, key in enumerate(keys):
            known = place.get(key)
            if known is None:
                lists = (alike[c][key[c]] for c in reversed(range(len(key))) if key[c] in alike[c])
                like = next(lists, everything)
                known = like[turn % len(like)]
            found.append(str(known))
        return pd.Series(found, name=self.names[0], dtype=object)

    def restore(self, table: Values, learnt: pd.Series | None) -> Stored:  # noqa: ARG002 - of the protocol
        """The values of the combination."""
        which = pd.to_numeric(_there(learnt)).to_numpy(dtype=np.int64)
        columns = zip(self.names, self.stored, zip(*self.rows, strict=True), strict=True)
        return {
            name: typed([*cells], stored, name).take(which).reset_index(drop=True) for name, stored, cells in columns
        }

    def categories_with(self, name: str, wanted: Condition) -> frozenset[str]:
        """The categories with which a column is as wanted."""
        place = self.names.index(name)
        return frozenset(str(i) for i, row in enumerate(self.rows) if is_wanted(row[place], wanted))


@dataclass(frozen=True, kw_only=True, slots=True)
class Within:
    """A number or date between two ends."""

    shown: Shown
    low: float
    high: float

    @property
    def columns(self) -> tuple[str, ...]:
        """The one."""
        return (self.shown.name,)

    @property
    def sources(self) -> tuple[str, ...]:
        """None."""
        return ()

    def spec(self, spec: ColumnSpec) -> ColumnSpec:
        """As it was."""
        return spec

    def forward(self, table: Values) -> pd.Series:
        """(records,) the column; what lies beyond counts as an end."""
        return self._inside(numbers_of(table.values(self.shown.name)), table.stored(self.shown.name))

    def restore(self, table: Values, learnt: pd.Series | None) -> Stored:
        """The column; nothing lies beyond."""
        return {self.shown.name: self._inside(numbers_of(table.values(self.shown.name)), _there(learnt))}

    def _inside(self, x: Numbers, stored: pd.Series) -> pd.Series:
        inside = np.clip(x, self.low, self.high)
        beyond = (inside != x) & ~np.isnan(x)
        return stored if not beyond.any() else stored.mask(beyond, self.shown.written(inside).astype(stored.dtype))


@dataclass(frozen=True, kw_only=True, slots=True)
class Blank:
    """A column that is missing where another one says so."""

    rule: NullWhen

    @property
    def columns(self) -> tuple[str, ...]:
        """The one that is missing."""
        return (self.rule.column,)

    @property
    def sources(self) -> tuple[str, ...]:
        """The other one."""
        return (self.rule.other,)

    def spec(self, spec: ColumnSpec) -> ColumnSpec:
        """As it was."""
        return spec

    def forward(self, table: Values) -> pd.Series:
        """(records,) the column, missing where it has to be."""
        return self._blanked(table, table.stored(self.rule.column))

    def restore(self, table: Values, learnt: pd.Series | None) -> Stored:
        """The same."""
        return {self.rule.column: self._blanked(table, _there(learnt))}

    def _blanked(self, table: Values, column: pd.Series) -> pd.Series:
        when = blank_where(self.rule, {self.rule.other: table.values(self.rule.other)})
        if not when.any():
            return column
        if str(column.dtype) == "int64":
            column = column.astype("Int64")
        return column.astype(object).where(~when, None) if column.dtype in (object, bool) else column.mask(when)


AnyStep = Gap | Same | Computed | TimeOfDay | Group | Together | Within | Blank


def is_wanted(cell: Value, wanted: Condition) -> bool:
    """Whether a cell meets a condition: a category, a range of numbers, one of several, or whether it is there."""
    if isinstance(wanted, Presence):
        return (cell is None) == (wanted is Presence.MISSING)
    if isinstance(wanted, AnyOf):
        return any(is_wanted(cell, each) for each in wanted.values)
    if cell is None:
        return False
    if isinstance(wanted, str):
        return category_meant([cell], wanted) is not None
    number = as_number(cell) if isinstance(cell, str) else cell
    low, high = (math.nan if isinstance(end, str | date) else end for end in (wanted.low, wanted.high))
    return number is not None and (low is None or number >= low) and (high is None or number <= high)


def _feature(spec: ColumnSpec) -> ColumnRole:
    return spec.role if spec.role is not ColumnRole.PERSON else ColumnRole.FEATURE


def _there(learnt: pd.Series | None) -> pd.Series:
    if learnt is None:
        raise ValueError("expected what was learnt in place of the column")
    return learnt


def whole_numbers(x: Numbers, name: str) -> pd.Series:
    """(n,) whole numbers as int64, or Int64 where some are missing."""
    absent = np.isnan(x)
    whole = np.where(absent, 0.0, x).astype(np.int64)
    return pd.Series(pd.arrays.IntegerArray(whole, absent) if absent.any() else whole, name=name)


def plain_cells(column: pd.Series) -> list[Value]:
    """The cells as Python values; missing is None."""
    values = column.astype(object).where(column.notna(), None)
    return [each.item() if isinstance(each, np.generic) else each for each in values]


def typed(cells: list[Value], stored: str, name: str) -> pd.Series:
    """Cells as a column of a dtype; integers and truth values of which some are missing as nullable ones or objects."""
    if stored == "int64" and None in cells:
        stored = "Int64"
    if stored == "bool" and None in cells:
        stored = "object"
    return pd.Series(cells, name=name, dtype=stored)


def stored_column(member: Member, on: NDArray[np.bool_], absent: NDArray[np.bool_]) -> pd.Series:
    """(n,) the column of a one-hot group in the records that have it, and in those that do not."""
    cells = typed([member.off, member.on, *([None] if absent.any() else [])], member.stored, member.name)
    return cells.take(np.where(absent, 2, on.astype(np.int64))).reset_index(drop=True)
