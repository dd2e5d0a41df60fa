"""Counts in a table how often a column is the same as others (`synth.encode.rules.steps.snap`)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synth.detect.same import LARGEST, frequent_in
from synth.encode.protected_range import protected_range
from synth.encode.rules.declared import RuleView
from synth.encode.rules.steps import Beside, Snap
from synth.encode.rules.steps.snap import INTERVALS, SMALLEST
from synth.encode.stepped import step_of
from synth.protection import LEAF_RECORDS
from synth.rules.numbers import Numbers, numbers_of


def snap_of(view: RuleView, name: str, others: Sequence[str], least: int) -> Snap:
    """The step of a column that is often the same as others, in a table with one record of each person.

    Records are counted in intervals of the column's values. A count below `least` becomes 0.
    """
    x = numbers_of(view.values(name))
    frequent = frequent_in(x, least)
    left = ~np.isnan(x) & ~np.isin(x, frequent)
    same = left & (x == numbers_of(view.values(others[0])))
    ends = interval_ends(x[left], min(INTERVALS, int(same.sum()) // LEAF_RECORDS), least)
    interval, beside = np.searchsorted(ends, np.nan_to_num(x), side="right"), list[Beside]()
    for other in others:
        y = numbers_of(view.values(other))
        avoided = frequent_in(y, least)
        same = left & (x == y) & ~np.isin(y, avoided)
        count = np.bincount(interval[same], minlength=len(ends) + 1)
        shares = tuple((np.where(count < least, 0, count) / len(x)).tolist())
        beside.append(Beside(column=other, frequent=avoided, shares=shares))
        left &= ~same
    shown, there = view.shown(name), ~np.isnan(x)
    low, high = protected_ends(view, name, least)
    return Snap(
        shown=shown,
        low=low,
        high=high,
        scale=scale_of(np.abs(x[left]), least),
        stepped=step_of(shown.unit.count(x[there]), view.people[there], least, 0) if shown.per else None,
        frequent=frequent,
        ends=ends,
        beside=tuple(beside),
    )


def scale_of(sizes: Numbers, least: int) -> float:
    """About the mean of the smaller half of (n,) sizes; 1 where that is fewer than `least` people's, or 0.

    It is a power of two: a mean of a few numbers, to the last digit, would tell one who knows all but one of them.
    """
    smaller = np.sort(sizes)[: len(sizes) // 2 + 1]
    mean = float(smaller.mean()) if len(smaller) >= max(least, 1) else 0.0
    return float(2.0 ** round(np.log2(mean))) if SMALLEST <= mean <= LARGEST else 1.0


def interval_ends(x: Numbers, intervals: int, least: int) -> tuple[float, ...]:
    """The ascending ends between so many intervals, in which about as many of the (n,) numbers lie.

    Each is the mean over `least` people on either side, so it is nobody's own value.
    """
    at = (np.arange(1, intervals) * len(x)) // max(intervals, 1)
    ordered, side = np.sort(x), max(least, 1)
    means = [float(ordered[place - side : place + side].mean()) for place in at if side <= place <= len(x) - side]
    return tuple(np.unique(means).tolist())


def protected_ends(view: RuleView, name: str, least: int) -> tuple[float, float]:
    """The ends of a column's range, as its encoder would have them."""
    shown, x = view.shown(name), numbers_of(view.values(name))
    there = ~np.isnan(x)
    units = shown.unit.count(x[there]) if shown.per else x[there]
    low, high = protected_range(units, view.people[there], least, 0 if shown.per else None)
    return low / (shown.per or 1.0), high / (shown.per or 1.0)
