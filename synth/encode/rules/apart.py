"""How generated records are kept apart in the columns of a unique rule: by moving a value that repeats an earlier one.

This holds no more of the real table than how its columns are written. Which values are taken is told by generated
records alone, see `synth.sampling.apart`, so it says nothing of the values that real records have together.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.encode.base import flag_of, list_of, text_of
from synth.encode.protected_range import protected_range
from synth.encode.rules.shown import Shown
from synth.encode.stepped import LARGEST, Stepped, step_of
from synth.errors import ArtifactError
from synth.people import People
from synth.rules.numbers import numbers_of
from synth.rules.rule import AnyRule, Unique
from synth.rules.text import parse_rule, text_of_rule

REACHES = {"int32": 2**31 - 1, "uint32": 2**32 - 1}
"""The largest numbers of types that hold fewer than 64 bits."""
WIDE = frozenset({"", "int64", "uint64", "double", *REACHES})
"""Types whose numbers differ as they are written out where they differ in memory; dates all do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Movable:
    """A column of plain numbers or dates that may be moved for a unique rule, by whole steps."""

    shown: Shown
    stepped: Stepped | None
    """What all values are apart by, in units of the column, where that is more than 1"""
    ends: tuple[int, int]
    """The least and the greatest value of the column's protected range, in steps: an hour is none beyond 23"""

    @property
    def name(self) -> str:
        """The column's name."""
        return self.shown.name

    @property
    def last(self) -> int:
        """The last value that the column can be moved to, in steps."""
        reach = min(self.shown.reach, REACHES.get(self.shown.spec.arrow_type or "", np.inf))
        step, offset = self._step
        return int((min(reach * self.shown.per, LARGEST) - offset) // step)

    @property
    def _step(self) -> tuple[int, int]:
        return (1, 0) if self.stepped is None else (self.stepped.step, self.stepped.offset)

    def counted(self, values: pd.Series) -> NDArray[np.int64]:
        """(records,) the values in steps; anything where one is missing."""
        step, offset = self._step
        return np.rint((self.shown.unit.count(np.nan_to_num(numbers_of(values))) - offset) / step).astype(np.int64)

    def written(self, counts: NDArray[np.int64]) -> pd.Series:
        """(n,) the values of so many steps, as they are stored."""
        step, offset = self._step
        return self.shown.written(self.shown.unit.numbers((counts * step + offset).astype(np.float64)))

    def to_json(self) -> dict[str, Any]:
        """JSON values; `from_json` reads them back."""
        stepped = None if self.stepped is None else self.stepped.to_json()
        return {"shown": self.shown.to_json(), "stepped": stepped, "ends": list(self.ends)}

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> Movable:
        """What `to_json` wrote. Raises ArtifactError on anything else."""
        shown = values.get("shown")
        if not isinstance(shown, dict):
            raise ArtifactError("rules: expected a column that may be moved")
        stepped = Stepped.from_json(values.get("stepped"), 0)
        found = Movable(shown=Shown.from_json(shown), stepped=stepped, ends=(0, 0))
        # files from before a range was kept have no ends
        ends = values.get("ends", [-found.last, found.last])
        if not isinstance(ends, list) or len(ends) != 2 or not all(type(end) is int for end in ends):
            raise ArtifactError("rules: expected the ends of a column that may be moved")
        found = replace(found, ends=(ends[0], ends[1]))
        if not is_plain(found.shown) or not -found.last <= ends[0] <= ends[1] <= found.last:
            raise ArtifactError("rules: expected plain numbers or dates that may be moved, and ends of them")
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Apart:
    """A unique rule, and the columns of which one is moved for it."""

    rule: Unique
    declared: bool
    """Whether a table in which it cannot be kept is refused; one that was found gives way"""
    movable: tuple[Movable, ...]
    """Those with most values come first; none where an identifier keeps records apart"""

    def to_json(self) -> dict[str, Any]:
        """JSON values; `apart_from_json` reads them back."""
        movable = [each.to_json() for each in self.movable]
        return {"rule": text_of_rule(self.rule), "declared": self.declared, "movable": movable}


def apart_from_json(state: Mapping[str, Any]) -> Apart:
    """What `Apart.to_json` wrote. Raises ArtifactError on anything else, and RuleError on a rule that is none."""
    rule = parse_rule(text_of(state, "rule"))
    movable = tuple(Movable.from_json(each) for each in list_of(state, "movable"))
    if not isinstance(rule, Unique) or not {each.name for each in movable} <= set(rule.columns):
        raise ArtifactError("rules: expected a unique rule, and columns of it that may be moved")
    return Apart(rule=rule, declared=flag_of(state, "declared"), movable=movable)


def is_plain(shown: Shown) -> bool:
    """Whether two values of a column that differ by a unit are never written alike."""
    known = shown.dates or (shown.spec.arrow_type or "") in WIDE
    return shown.per > 0 and known and shown.spec.value_form is None and shown.stored != "object"


def movable_of(shown: Shown, values: pd.Series, people: People, least: int) -> Movable | None:
    """The column of these values as one that may be moved; None where it may not be.

    It is one of plain numbers or dates, with as many values again beyond its last one.
    """
    if not is_plain(shown):
        return None
    x = numbers_of(values)
    there = ~np.isnan(x)
    units = shown.unit.count(x[there])
    found = Movable(shown=shown, stepped=step_of(units, people[there], least, 0), ends=(0, 0))
    counts = found.counted(values)[there]
    # a limit that many people reach, such as midnight, is told as it is; any other end is nobody's own value
    low, high = protected_range(counts.astype(np.float64), people[there], max(least, 1), 0)
    found = replace(found, ends=(math.ceil(low), max(math.ceil(low), math.floor(high))))
    fits = counts.min(initial=0) >= -found.last and counts.max(initial=0) <= found.last / 2
    return found if fits else None


def free_columns(rule: Unique, others: Iterable[AnyRule], fixed: frozenset[str]) -> tuple[str, ...]:
    """The columns of the rule that may be moved: they are not fixed, and no other rule is about them."""
    used = {name for other in others if other != rule for name in other.columns}
    return tuple(name for name in rule.columns if name not in used and name not in fixed)
