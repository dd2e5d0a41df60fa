"""Finds orders between two columns: an admission before its discharge, a net amount below its total."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import entropy

from synth.detect.proof import FAR_FEWER, FEWEST, LEAST_EXPECTED, FoundRule, Sample
from synth.people import distinct
from synth.protection import HOLDERS
from synth.rules.numbers import Numbers, is_dates, numbers_of, unit_of
from synth.rules.rule import Order

FEW_COLUMNS = 60
"""Among more columns, pairs that may be in order by chance are left out before any column is permuted."""
CHANCE_LOOK = 1_000
"""Records that have both columns by which such pairs are left out, at most."""
SPARE = 3
"""Records that may break the order there beyond the share that is allowed: among so few records chance adds some."""
PAIR_LOOK = 500
"""Records by which it is told first whether two columns may be in order."""


def find_orders(sample: Sample, grouped: set[str]) -> Iterator[FoundRule]:
    """Orders of two numbers or two dates; those that follow from others are left out."""
    names = [name for name in sample.numeric() if name not in grouped]
    numbers = {name: numbers_of(sample.cells[name]) for name in names}
    dates = {name: is_dates(sample.cells[name]) for name in names}
    ends = {name: (float(np.nanmin(each)), float(np.nanmax(each))) for name, each in numbers.items()}
    found = dict[tuple[str, str], FoundRule]()
    for low in names:
        for high in names:
            # ranges that hardly overlap are no rule
            if low == high or dates[low] != dates[high] or ends[low][1] <= ends[high][0]:
                continue
            if not _may_be_ordered(numbers[low], numbers[high]):
                continue
            if len(names) > FEW_COLUMNS and not _beats_chance(numbers[low], numbers[high]):
                continue
            each = sample.proved(Order(low=low, high=high))
            if each is not None:
                # few people who have both the same must not be told by the sign
                same = sample.people[numbers[low] == numbers[high]]
                strict = distinct(same) < HOLDERS
                found[low, high] = replace(each, rule=Order(low=low, high=high, strict=strict))
    for (low, high), each in found.items():
        between = any((low, other) in found and (other, high) in found for other in names)
        if not between and (high, low) not in found:
            yield _unsure_if_repeats_are_lost(each, numbers[low], numbers[high])


def _unsure_if_repeats_are_lost(found: FoundRule, low: Numbers, high: Numbers) -> FoundRule:
    """The rule; not used unless declared where the later column has repeated values that the gap would lose."""
    both = ~np.isnan(low) & ~np.isnan(high)
    unit = unit_of(np.r_[low[both], high[both]], dates=False)
    gap = high[both] - low[both]
    gap = unit.count(gap) if unit.per else gap
    if _entropy(gap) <= _entropy(high[both]) + 0.1:
        return found
    return replace(found, sure=False, note="values that repeat would be lost, so it is kept only if you declare it")


def _may_be_ordered(low: Numbers, high: Numbers) -> bool:
    """Whether the first of the records that have both keep the order."""
    first = slice(0, PAIR_LOOK)
    # most pairs are told by their first records; a comparison with a missing number is false
    if (low[first] > high[first]).sum() > 0.03 * PAIR_LOOK:
        return False
    both: NDArray[np.bool_] = ~np.isnan(low) & ~np.isnan(high)
    if both.sum() < FEWEST / 4:
        return False
    kept = low[both][:PAIR_LOOK] <= high[both][:PAIR_LOOK]
    return bool(kept.mean() >= 0.97)


def _beats_chance(low: Numbers, high: Numbers) -> bool:
    """Whether the first of the records may keep the order more often than records of columns drawn apart."""
    both = np.flatnonzero(~np.isnan(low) & ~np.isnan(high))[:CHANCE_LOOK]
    x, y = low[both], high[both]
    apart = float(np.searchsorted(np.sort(y), x).mean())
    return apart >= LEAST_EXPECTED / 2 * len(both) and int((x > y).sum()) <= 2 * FAR_FEWER * apart + SPARE


def _entropy(x: Numbers) -> float:
    return float(entropy(np.unique(x, return_counts=True)[1]))
