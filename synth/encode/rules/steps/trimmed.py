"""Columns that are learnt as they are, but for values that a rule does not allow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from synth.encode.rules.shown import Shown
from synth.encode.rules.steps.base import Stored, Values, require_learnt
from synth.rules.kept import blank_where
from synth.rules.numbers import Numbers, numbers_of
from synth.rules.rule import NullWhen
from synth.table.schema import ColumnSpec


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
        return {self.shown.name: self._inside(numbers_of(table.values(self.shown.name)), require_learnt(learnt))}

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
        return {self.rule.column: self._blanked(table, require_learnt(learnt))}

    def _blanked(self, table: Values, column: pd.Series) -> pd.Series:
        when = blank_where(self.rule, {self.rule.other: table.values(self.rule.other)})
        if not when.any():
            return column
        if str(column.dtype) == "int64":
            column = column.astype("Int64")
        return column.astype(object).where(~when, None) if column.dtype in (object, bool) else column.mask(when)
