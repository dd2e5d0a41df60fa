"""Whether the steps of a saved plan fit what its columns hold: an untrusted file may say that a text is a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from synth.encode.base import ColumnEncoder
from synth.encode.categorical import CategoricalEncoder
from synth.encode.rules.plan import NUMBERS, RulePlan
from synth.encode.rules.steps import (
    AnyStep,
    Computed,
    DateOfParts,
    Gap,
    Group,
    PartOfDate,
    Same,
    Snap,
    Together,
    Within,
)
from synth.encode.rules.steps.time_of_day import TimeOfDay
from synth.errors import ArtifactError, RuleError
from synth.rules.numbers import numbers_of


def check_fits(plan: RulePlan, encoders: Mapping[str, ColumnEncoder]) -> None:
    """Raises ArtifactError where a step reads a column as what it does not hold; `encoders` are of learnt columns."""
    held = _Held(plan=plan, encoders=encoders)
    for step in plan.steps:
        fits = held.is_category(step) if isinstance(step, Group | Together) else held.has_sources(step)
        if not fits or not all(held.is_number(name) for name in _own_numbers(step)):
            raise ArtifactError(f"rules: column {step.columns[0]!r}: expected a step that fits what its columns hold")


def _own_numbers(step: AnyStep) -> tuple[str, ...]:
    """The columns of a step of which numbers are learnt."""
    values = isinstance(step, Computed) and step.held == "values" and not isinstance(step, PartOfDate)
    return step.columns if values or isinstance(step, Gap | Same | Snap | TimeOfDay | DateOfParts | Within) else ()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Held:
    """What the columns of a plan hold, as they are learnt and as they are restored."""

    plan: RulePlan
    encoders: Mapping[str, ColumnEncoder]

    def is_category(self, step: Group | Together) -> bool:
        """Whether the categories that are learnt are numbers of what the step has, and there is always one."""
        column, size = self.encoders.get(step.columns[0]), len(step.members if isinstance(step, Group) else step.rows)
        if not isinstance(column, CategoricalEncoder):
            return False
        known = {str(place) for place in range(size)}
        return {str(each) for each in column.categories} <= known and (isinstance(step, Group) or not column.missing)

    def has_sources(self, step: AnyStep) -> bool:
        """Whether what it is restored from is numbers, or a date, where it needs them."""
        if isinstance(step, PartOfDate):
            return all(self.is_date(name) for name in step.sources)
        if isinstance(step, DateOfParts):
            return not any(self.is_date(name) for name in step.sources)
        if isinstance(step, Gap | Same | Snap):
            alike = all(self.is_date(name) == step.shown.dates for name in step.sources)
            return alike and all(self.restores_number(name) for name in step.sources)
        if isinstance(step, Computed):
            return all(self.restores_number(name) for name in step.sources)
        return True

    def is_number(self, name: str) -> bool:
        """Whether numbers are learnt under this name, or categories that all are numbers."""
        column = self.encoders.get(name)
        if isinstance(column, CategoricalEncoder):
            return _are_numbers(column.categories)
        return column is not None and column.numbers is not None

    def is_date(self, name: str) -> bool:
        """Whether the column that is restored is one of dates."""
        step, column = self.plan.replaced.get(name), self.encoders.get(name)
        if step is not None:
            return isinstance(step, NUMBERS) and step.shown.dates
        return column is not None and column.time_unit > 0

    def restores_number(self, name: str) -> bool:
        """Whether the column that is restored is one of numbers or dates."""
        step = self.plan.replaced.get(name)
        if isinstance(step, PartOfDate):
            return step.spelling is None
        if isinstance(step, Together):
            return _are_numbers([row[step.names.index(name)] for row in step.rows])
        return self.is_number(name) if step is None else True


def _are_numbers(cells: Sequence[object]) -> bool:
    try:
        numbers_of(pd.Series(list(cells), dtype=object).infer_objects())
    except RuleError:
        return False
    return True
