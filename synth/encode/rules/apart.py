"""How generated records are kept apart in the columns of a unique rule: by moving a value that repeats an earlier one.

This holds no more of the real table than how its columns are written. Which values are taken is told by generated
records alone, see `synth.sampling.apart`, so it says nothing of the values that real records have together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from synth.encode.base import flag_of, list_of, text_of
from synth.encode.rules.shown import Shown
from synth.errors import ArtifactError
from synth.rules.rule import AnyRule, Unique
from synth.rules.text import parse_rule, text_of_rule
from synth.table.schema import ColumnKind

QUANTITIES = (ColumnKind.NUMERICAL, ColumnKind.DATETIME)


@dataclass(frozen=True, kw_only=True, slots=True)
class Apart:
    """A unique rule, and the columns that may be moved for it."""

    rule: Unique
    declared: bool
    """Whether a table in which it cannot be kept is refused; one that was found gives way"""
    movable: tuple[Shown | str, ...]
    """Numbers and dates, then names of categories; those with most values come first"""

    def to_json(self) -> dict[str, Any]:
        """JSON values; `apart_from_json` reads them back."""
        movable = [{"column": each} if isinstance(each, str) else {"shown": each.to_json()} for each in self.movable]
        return {"rule": text_of_rule(self.rule), "declared": self.declared, "movable": movable}


def name_of(column: Shown | str) -> str:
    """The name of a column that may be moved."""
    return column if isinstance(column, str) else column.name


def apart_from_json(state: Mapping[str, Any]) -> Apart:
    """What `Apart.to_json` wrote. Raises ArtifactError on anything else, and RuleError on a rule that is none."""
    rule = parse_rule(text_of(state, "rule"))
    movable: list[Shown | str] = []
    for each in list_of(state, "movable"):
        shown = each.get("shown")
        movable.append(Shown.from_json(shown) if isinstance(shown, dict) else text_of(each, "column"))
    if not isinstance(rule, Unique) or not {name_of(each) for each in movable} <= set(rule.columns):
        raise ArtifactError("rules: expected a unique rule, and columns of it that may be moved")
    return Apart(rule=rule, declared=flag_of(state, "declared"), movable=tuple(movable))


def free_columns(rule: Unique, others: Iterable[AnyRule], fixed: frozenset[str]) -> tuple[str, ...]:
    """The columns of the rule that may be moved: they are not fixed, and no other rule is about them."""
    used = {name for other in others if other != rule for name in other.columns}
    return tuple(name for name in rule.columns if name not in used and name not in fixed)


def by_values(columns: Mapping[str, pd.Series], kinds: Mapping[str, ColumnKind]) -> list[str]:
    """The names of quantities, then of categories; those with most values first."""
    return sorted(columns, key=lambda name: (kinds[name] not in QUANTITIES, -columns[name].nunique(), name))
