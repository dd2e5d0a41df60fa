"""Which parts of dates stay learnt, and which rules of other kinds follow from what is computed from a date."""

from __future__ import annotations

from synth.encode.rules.arrangement import Arrangement
from synth.encode.rules.steps.dates import put_together
from synth.rules.part_names import MOMENTS, RANGES
from synth.rules.rule import Bounds, DatePart, Formula, Order


def can_be_put_in(rule: DatePart, made: Arrangement) -> bool:
    """Whether the date can be made from this part, beside those that it is made from already."""
    before = made.dated.get(rule.date, [])
    if not put_together([*before, rule]) or (not before and rule.date in {*made.by, *made.parts}):
        return False
    return rule.target not in {*made.by, *made.parts} and not made.reaches(rule.target, rule.date)


def range_of_part(rule: DatePart) -> Bounds:
    """The numbers that are such a part."""
    low, high = RANGES[rule.part]
    return Bounds(column=rule.target, low=float(low + rule.plus), high=float(high + rule.plus))


def is_range_of_part(by: Formula | None, rule: Bounds) -> bool:
    """Whether what a column is computed by keeps it between these ends, whatever the date."""
    if not isinstance(by, DatePart) or by.part in MOMENTS:
        return False
    low, high = range_of_part(by).ends
    return rule.ends[0] <= low - rule.above and high + rule.below <= rule.ends[1]


def is_rounded_down(by: Formula | None, rule: Order) -> bool:
    """Whether what the lower column is computed by keeps the order: it is the day or the month of the upper one."""
    if not isinstance(by, DatePart) or by.zone or rule.strict:
        return False
    return by.part in MOMENTS and by.date == rule.high
