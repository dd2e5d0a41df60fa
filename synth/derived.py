"""Conditions on columns that rules make from others: what is asked of them is looked up in records that were drawn.

A total is the sum of its parts, and what the parts have to be for the total to lie in a range is no range of each. So
records are drawn under the other conditions, and those are kept that meet these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from synth.encode.presence import meets
from synth.encode.ranges import micros_of, number_of, range_meant
from synth.encode.rules.steps import AnyStep, Blank, Computed, DateOfParts, Gap, PartOfDate, Same, Snap, Within
from synth.encode.rules.steps.time_of_day import TimeOfDay
from synth.encode.table_encoder import EncodedTable, TableEncoder
from synth.errors import ConditionError
from synth.rules.ends import MICROS
from synth.rules.rule import Bounds, Linear, NullWhen, Order
from synth.rules.text import text_of_rule
from synth.table.ranges import AnyOf, Condition, Presence, Range
from synth.table.schema import ColumnSpec
from synth.table.values import column_values

RAREST = 1_000
"""Where fewer than one of so many drawn records meet the conditions, they are refused."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Derived:
    """Conditions that drawn records are looked through for."""

    encoder: TableEncoder
    wanted: Mapping[str, tuple[Condition, ...]]
    """By column, of which a record meets one"""
    blanked: tuple[str, ...]
    """Columns that must have the category that was drawn, which a rule may leave without a value"""

    def met(self, codes: Tensor, residuals: Tensor) -> Tensor:
        """(n,) whether records of (n, C) codes and (n, R) residuals meet them."""
        encoded = EncodedTable(codes=codes.numpy(), residuals=residuals.numpy())
        needed = self.encoder.rules.needed(frozenset((*self.wanted, *self.blanked)))
        table = self.encoder.decode_some(encoded, needed, np.random.default_rng(0))
        found = np.ones(len(codes), dtype=np.bool_)
        for name, wanted in self.wanted.items():
            values = column_values(table[name], self.encoder.schema[name])
            found &= np.any([meets(pd.Series(values, name=name), each) for each in wanted], axis=0)
        for name in self.blanked:
            found &= table[name].notna().to_numpy()
        for i, coded in enumerate(self.encoder.encoders):
            # what a rare code is decoded to is drawn anew each time
            if coded.name in needed and (rare := coded.rare_code()) is not None:
                found &= encoded.codes[:, i] != rare
        return torch.from_numpy(found)

    def refused(self) -> ConditionError:
        """Says that next to no records meet the conditions."""
        names = ", ".join(repr(name) for name in (*self.wanted, *self.blanked))
        return ConditionError(
            f"columns {names}: fewer than 1 of {RAREST:,} generated records meet the conditions on columns that follow"
            " from others by a rule; ask for wider ranges, or for ranges of the columns that they follow from"
        )


def derived_of(
    encoder: TableEncoder, conditions: Mapping[str, Condition]
) -> tuple[dict[str, Condition], Derived | None]:
    """(the conditions that codes tell, those that drawn records are looked through for).

    Raises ConditionError where a condition contradicts a rule that every record keeps, or is of another kind.
    """
    check_against_rules(encoder, conditions)
    plain, wanted, blanked = dict(conditions), dict[str, tuple[Condition, ...]](), list[str]()
    for step in encoder.rules.steps:
        name = step.columns[0]
        if name in conditions and isinstance(step, TimeOfDay):
            plain[name] = minutes_asked(encoder.schema[name], step, conditions[name])
        if name not in conditions or not isinstance(step, Gap | Same | Snap | Computed | DateOfParts | Blank | Within):
            continue
        spec, asked = encoder.schema[name], conditions[name]
        if _is_as_learnt(step, spec, asked):
            continue
        follows = isinstance(step, Gap | Same | Computed | DateOfParts)
        if follows or isinstance(asked, Presence):
            plain.pop(name, None)
        if isinstance(step, DateOfParts) and not isinstance(asked, Presence):
            plain[name] = Range(*step.range_of(*between(spec, asked)))
        looked_for = _looked_for(step, spec, asked, follows=follows)
        if looked_for is None:
            blanked.append(name)
        else:
            wanted[name] = looked_for
    some = Derived(encoder=encoder, wanted=wanted, blanked=tuple(blanked)) if wanted or blanked else None
    return plain, some


def ranges_asked(spec: ColumnSpec, asked: str | Range | AnyOf) -> tuple[Range, ...]:
    """The ranges that a condition on a column means: one for each of its values."""
    several: tuple[str | Range, ...] = asked.values if isinstance(asked, AnyOf) else (asked,)
    return tuple(range_asked(spec, each) for each in several)


def _looked_for(step: AnyStep, spec: ColumnSpec, asked: Condition, *, follows: bool) -> tuple[Condition, ...] | None:
    """The conditions of which a restored column has to meet one; None where it only has to keep its category."""
    if isinstance(asked, Presence):
        return (asked,)
    if spec.kind.is_category and not isinstance(asked, Range):
        if isinstance(step, PartOfDate):
            return asked.values if isinstance(asked, AnyOf) else (asked,)
        if not follows:
            return None
    return ranges_asked(spec, asked)


def _is_as_learnt(step: AnyStep, spec: ColumnSpec, asked: Condition) -> bool:
    """Whether what is learnt of a column meets a condition where the restored column does."""
    if isinstance(step, Snap):
        return isinstance(asked, Presence)  # no value comes or goes by it
    # what is moved to an end that lies in a range was in that range before, or beyond it on the open side
    return isinstance(step, Within) and _overlaps(step, spec, asked)


def _overlaps(step: Within, spec: ColumnSpec, asked: Condition) -> bool:
    """Whether all that is asked for lies in the range that a column is moved into, or reaches into it."""
    if isinstance(asked, Presence) or not spec.kind.is_quantity:
        return False
    ends = [between(spec, each) for each in (asked.values if isinstance(asked, AnyOf) else (asked,))]
    return all(low <= step.high and high >= step.low for low, high in ends)


def minutes_asked(spec: ColumnSpec, step: TimeOfDay, asked: Condition) -> Condition:
    """What a condition on a column of times of day means for the minutes that are learnt in its place.

    Raises ConditionError where no time of day is as it asks.
    """
    if isinstance(asked, Presence):
        return asked
    ends = [(number_of(spec.name, each.low), number_of(spec.name, each.high)) for each in ranges_asked(spec, asked)]
    found = [minutes for low, high in ends if (minutes := step.minutes_between(low, high)) is not None]
    if not found:
        raise ConditionError(
            f"column {spec.name!r}: expected a time of day as a number HHMM, such as 930 or 1430, or a range with one"
        )
    return AnyOf(tuple(str(low) for low, _ in found)) if isinstance(asked, AnyOf) else Range(*found[0])


def range_asked(spec: ColumnSpec, asked: str | Range) -> Range:
    """The range that a condition on a column means, whose ends may be written as the column is."""
    form = spec.value_form
    if form is None or spec.kind.is_moment:
        return range_meant(spec.name, asked)
    if isinstance(asked, str):
        value = form.parse(asked)
        return range_meant(spec.name, asked) if value is None else Range(value, value)
    low, high = (form.parse(each) if isinstance(each, str) else each for each in (asked.low, asked.high))
    return Range(asked.low if low is None else low, asked.high if high is None else high)


def check_against_rules(encoder: TableEncoder, conditions: Mapping[str, Condition]) -> None:
    """Raises ConditionError, which names the rule, where no record can keep it and meet the conditions."""
    for each in encoder.rules.rules:
        rule = each.rule
        known = {n: between(encoder.schema[n], conditions[n]) for n in rule.columns if n in conditions}
        contradicted = False
        if isinstance(rule, Order) and len(known) == 2:
            low, high = known[rule.low][0], known[rule.high][1]
            contradicted = low >= high if rule.strict else low > high
        elif isinstance(rule, Linear) and len(known) == len(rule.columns):
            ends = [sorted((weight * known[n][0], weight * known[n][1])) for weight, n in rule.terms]
            low, high = (rule.constant + sum(end[side] for end in ends) for side in (0, 1))
            contradicted = low > known[rule.target][1] or high < known[rule.target][0]
        elif isinstance(rule, Bounds) and known:
            contradicted = known[rule.column][0] > rule.ends[1] or known[rule.column][1] < rule.ends[0]
        elif isinstance(rule, NullWhen) and rule.value is not None:
            has_value = conditions.get(rule.column, Presence.MISSING) is not Presence.MISSING
            contradicted = has_value and conditions.get(rule.other) == rule.value
        if contradicted:
            named = ", ".join(repr(name) for name in rule.columns if name in conditions)
            raise ConditionError(
                f"columns {named}: the conditions contradict the rule {text_of_rule(rule)!r}, which every record keeps"
            )


def between(spec: ColumnSpec, asked: Condition) -> tuple[float, float]:
    """The ends of a condition as numbers, dates in days since 1970; infinite where one is open or there is none."""
    if not spec.kind.is_quantity or isinstance(asked, Presence):
        return -np.inf, np.inf
    if isinstance(asked, AnyOf):
        several = [between(spec, each) for each in asked.values]
        return min(low for low, _ in several), max(high for _, high in several)
    wanted = range_asked(spec, asked)
    if spec.kind.is_moment:
        first, last = micros_of(spec.name, wanted.low, last=False), micros_of(spec.name, wanted.high, last=True)
        return -np.inf if first is None else first / MICROS, np.inf if last is None else last / MICROS
    low, high = number_of(spec.name, wanted.low), number_of(spec.name, wanted.high)
    return -np.inf if low is None else float(low), np.inf if high is None else float(high)
