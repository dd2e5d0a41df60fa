"""A number that is often the same as the one of another column, as models of earlier versions have learnt it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from synth.encode.rules.shown import Shown
from synth.encode.rules.steps.base import Stored, Values, feature_role, require_learnt, whole_numbers
from synth.rules.numbers import SAME_AS, numbers_of
from synth.table.schema import ColumnKind, ColumnSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class Same:
    """A number that is often the same as another column's: which one's is learnt in its place, as a marker is.

    No new model has it, see `Snap`.
    """

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
        return ColumnSpec(name=spec.name, kind=ColumnKind.NUMERICAL, role=feature_role(spec), markers=markers)

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
        x = numbers_of(require_learnt(learnt)).copy()
        for place, name in enumerate(self.others):
            same = x == SAME_AS + place
            x[same] = numbers_of(table.values(name))[same]
        return {self.shown.name: self.shown.written(x)}
