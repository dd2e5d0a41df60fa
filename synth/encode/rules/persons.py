"""What rules have to know of people with several records."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from synth.people import People
from synth.rules.numbers import Numbers


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonColumns:
    """What the columns of a table are to its people, who have several records each."""

    order: str | None = None
    """The column that the records of a person are ordered by"""
    constant: frozenset[str] = frozenset()
    """Columns that do not change for a person"""
    ascending: frozenset[str] = frozenset()
    """Quantities that never fall from one record to the next"""

    def mixed(self, columns: tuple[str, ...]) -> str | None:
        """The first of the columns that is constant for a person, where others of them are not."""
        fixed = [name for name in columns if name in self.constant]
        return fixed[0] if fixed and len(fixed) < len(columns) else None


def extreme_of(numbers: Numbers, people: People, *, above: bool) -> Numbers:
    """(records,) the greatest number of each record's person, or the least one; NaN where there is none."""
    found = np.full(int(people.max(initial=-1)) + 1, np.nan)
    (np.fmax if above else np.fmin).at(found, people, numbers)
    result: Numbers = found[people]
    return result


def running(numbers: Numbers, people: People, *, above: bool) -> Numbers:
    """(records,) the numbers raised to those before, or lowered to those that follow, of the same person.

    So they never fall; the records of a person stand in order.
    """
    forward = slice(None, None, 1 if above else -1)
    by = pd.Series(numbers[forward]).groupby(people[forward])
    found = np.asarray(by.cummax() if above else by.cummin(), dtype=np.float64)
    result: Numbers = found[forward]
    return result
