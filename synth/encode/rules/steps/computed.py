"""A number that is computed from other columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from synth.encode.rules.shown import Shown
from synth.encode.rules.steps.base import Stored, Values, feature_role
from synth.rules.kept import total_of
from synth.rules.numbers import Numbers, numbers_of
from synth.rules.rule import Formula
from synth.table.schema import ColumnKind, ColumnSpec

THERE = "there"
"""Stands for a value, where only is learnt whether there is one."""


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
        return ColumnSpec(name=spec.name, kind=ColumnKind.CATEGORICAL, role=feature_role(spec))

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
            own = self.own(table)
            total = np.where(np.isnan(own), np.nan, np.where(np.isnan(total), self._above_floors(own, cells), total))
        elif learnt is not None:
            total = np.where(learnt.isna().to_numpy(), np.nan, total)
        return total

    def own(self, table: Values) -> Numbers:
        """(records,) the values that are learnt."""
        return numbers_of(table.values(self.shown.name))

    def _above_floors(self, own: Numbers, cells: Mapping[str, pd.Series]) -> Numbers:
        """(records,) values that are learnt, raised to the parts that they may not be below."""
        unit = self.shown.unit
        for name, strict in self.floors:
            part = numbers_of(cells[name])
            if unit.per == 0:
                least = np.nextafter(part, np.inf) if strict else part
            else:
                least = unit.numbers(unit.at_or_above(part, strict=strict))
            own = np.where(np.isnan(own), own, np.fmax(own, least))
        return own
