"""A number or date that is learnt by how far it lies from other columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from synth.encode.rules.persons import extreme_of, running
from synth.encode.rules.shown import Shown
from synth.encode.rules.steps.base import Stored, Values, feature_role, require_learnt, whole_numbers
from synth.rules.numbers import Numbers, numbers_of
from synth.table.schema import ColumnKind, ColumnSpec


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
        return ColumnSpec(name=spec.name, kind=ColumnKind.NUMERICAL, role=feature_role(spec))

    def forward(self, table: Values) -> pd.Series:
        """(records,) units between the column and the others, 0 or more."""
        unit, x = self.shown.unit, numbers_of(table.values(self.shown.name))
        gap = np.maximum(((x if unit.per == 0 else unit.count(x)) - self._base(table)) * self._sign, 0.0)
        return pd.Series(gap, name=self.shown.name) if unit.per == 0 else whole_numbers(gap, self.shown.name)

    def restore(self, table: Values, learnt: pd.Series | None) -> Stored:
        """The column, at that distance from the others."""
        placed = self._placed(self._base(table), numbers_of(require_learnt(learnt)))
        if self.ascends:
            placed = running(placed, table.people(), above=self.above)
        return {self.shown.name: self.shown.written(placed)}

    def kept_by(self, table: Values, numbers: Numbers) -> Numbers:
        """(records,) these values of the column, of which those that break the rule become the nearest that do not."""
        unit, base = self.shown.unit, self._base(table)
        placed = numbers if unit.per == 0 else unit.count(numbers)
        placed = np.fmax(placed, base) if self.above else np.fmin(placed, base)
        return placed if unit.per == 0 else unit.numbers(placed)

    def _placed(self, base: Numbers, gap: Numbers) -> Numbers:
        unit = self.shown.unit
        ends = (self.low, self.high)
        if unit.per:
            ends = (float(np.ceil(self.low * unit.per - 1e-6)), float(np.floor(self.high * unit.per + 1e-6)))
        placed = np.clip(base + self._sign * np.maximum(gap, 0.0), *ends)
        placed = np.maximum(placed, base) if self.above else np.minimum(placed, base)
        return placed if unit.per == 0 else unit.numbers(placed)

    @property
    def _sign(self) -> int:
        return 1 if self.above else -1

    def _base(self, table: Values) -> Numbers:
        """(records,) the nearest value that keeps the rule, in units of the column."""
        unit = self.shown.unit
        found: Numbers | None = None
        for name, strict in self.others:
            other = numbers_of(table.values(name))
            if unit.per == 0:
                nearest = np.nextafter(other, self._sign * np.inf) if strict else other
            else:
                nearest = (unit.at_or_above if self.above else unit.at_or_below)(other, strict=strict)
            farther = np.fmax if self.above else np.fmin
            found = nearest if found is None else farther(found, nearest)
        start = self.start if unit.per == 0 else float(unit.count(np.array(self.start)))
        if found is None:
            return np.array(start)
        if self.constant:
            found = extreme_of(found, table.people(), above=self.above)
        return np.where(np.isnan(found), start, found)
