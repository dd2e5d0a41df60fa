"""How many people's records keep a rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.people import People
from synth.rules.kept import BROKEN, KEPT, Cells, kept_by
from synth.rules.rule import AnyRule, Combination

LINES = 20
"""Records that break a rule and are named by their number, at most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """How a table keeps a rule. A person keeps it whose every record does."""

    people: int
    """People with a record of which one can tell"""
    broken: int
    """Of these, those who have a record that breaks it"""
    breaking: float = 0.0
    """The sum over them of what part of their records breaks it"""
    records: int
    """Records that break it"""
    unknown: int
    """Records in which a cell that the rule needs is missing"""
    lines: tuple[int, ...]
    """The first of the records that break it, numbered from 0; at most `LINES`"""

    @property
    def kept(self) -> float | None:
        """The share of people who keep it, in [0, 1]; None where one can tell of nobody."""
        return None if self.people == 0 else 1 - self.broken / self.people

    @property
    def held(self) -> float | None:
        """What part of a person's records keeps it on average, in [0, 1]; None where one can tell of nobody."""
        return None if self.people == 0 else 1 - self.breaking / self.people


def share_of(rule: AnyRule, cells: Cells, people: People | None = None, known: pd.DataFrame | None = None) -> Share:
    """How a table keeps a rule; `people` is (records,), whom each record is about, or somebody else in every record.

    `known` is the table whose combinations count; without it those of the table itself do. Raises RuleError where a
    column is of a kind that the rule cannot be about.
    """
    verdict = kept_by(rule, cells, people)
    if isinstance(rule, Combination) and known is not None:
        verdict = np.where(known_among(cells, known, rule.columns), KEPT, BROKEN).astype(np.int8)
    who = np.arange(len(verdict), dtype=np.int64) if people is None else people
    broken, told = np.flatnonzero(verdict == BROKEN), verdict != -1
    records = np.bincount(who[told])
    breaks = np.bincount(who[broken], minlength=len(records))
    return Share(
        people=int(np.count_nonzero(records)),
        broken=int(np.count_nonzero(breaks)),
        breaking=float((breaks / np.maximum(records, 1)).sum()),
        records=len(broken),
        unknown=int((~told).sum()),
        lines=tuple(broken[:LINES].tolist()),
    )


def known_among(cells: Cells, table: pd.DataFrame, columns: tuple[str, ...]) -> NDArray[np.bool_]:
    """(records,) whether a record of the table has the same values in the columns; missing is a value too."""
    mine = pd.MultiIndex.from_arrays([_plain(cells[name]) for name in columns])
    theirs = pd.MultiIndex.from_arrays([_plain(table[name]) for name in columns]).unique()
    found: NDArray[np.bool_] = mine.isin(theirs)
    return found


def _plain(column: pd.Series) -> pd.Series:
    """The cells as text, so that 1 and 1.0 are the same."""
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
        column = column.astype("Float64")
    return column.astype(object).where(column.notna(), None).map(str)
