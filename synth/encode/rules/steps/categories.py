"""Columns of which one category is learnt: one-hot groups, and fixed lists of combinations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.encode.rules.steps.base import Stored, Value, Values, feature_role, require_learnt
from synth.rules.numbers import numbers_of
from synth.table.ranges import AnyOf, Condition, Presence, as_number, category_meant
from synth.table.schema import ColumnKind, ColumnSpec


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
        return ColumnSpec(name=spec.name, kind=ColumnKind.CATEGORICAL, role=feature_role(spec))

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
        which = numbers_of(pd.to_numeric(require_learnt(learnt)))
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
        return ColumnSpec(name=spec.name, kind=ColumnKind.CATEGORICAL, role=feature_role(spec))

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
        which = pd.to_numeric(require_learnt(learnt)).to_numpy(dtype=np.int64)
        columns = zip(self.names, self.stored, zip(*self.rows, strict=True), strict=True)
        return {
            name: typed([*cells], stored, name).take(which).reset_index(drop=True) for name, stored, cells in columns
        }

    def categories_with(self, name: str, wanted: Condition) -> frozenset[str]:
        """The categories with which a column is as wanted."""
        place = self.names.index(name)
        return frozenset(str(i) for i, row in enumerate(self.rows) if is_wanted(row[place], wanted))


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
