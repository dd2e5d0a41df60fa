"""The protocol that all steps have, and what several of them need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import pandas as pd

from synth.people import People
from synth.rules.numbers import Numbers
from synth.table.schema import ColumnRole, ColumnSpec

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


def feature_role(spec: ColumnSpec) -> ColumnRole:
    """The role of what is learnt in place of a column: it has the column's, but never says whom a record is about."""
    return spec.role if spec.role is not ColumnRole.PERSON else ColumnRole.FEATURE


def require_learnt(learnt: pd.Series | None) -> pd.Series:
    """(records,) what was generated. Raises ValueError where nothing was."""
    if learnt is None:
        raise ValueError("expected what was learnt in place of the column")
    return learnt


def whole_numbers(x: Numbers, name: str) -> pd.Series:
    """(n,) whole numbers as int64, or Int64 where some are missing."""
    absent = np.isnan(x)
    whole = np.where(absent, 0.0, x).astype(np.int64)
    return pd.Series(pd.arrays.IntegerArray(whole, absent) if absent.any() else whole, name=name)
