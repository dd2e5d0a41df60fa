"""Times of day written as numbers HHMM that lie a column of minutes apart: a departure, its plan, and the delay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from synth.rules.clock import DAY, is_time, minutes_of
from synth.rules.numbers import Numbers
from synth.rules.rule import ClockSum

LOOK = 1_000
"""Records by which it is told first whether columns may be such."""
FEWEST = 50
"""Of these, records at least that have all of the columns."""
MOSTLY = 0.97
"""Share of them that keep a rule, at least: all records prove it afterwards."""
LEAST_HOURS = 0.5
"""Share of times that are 1:00 or later, at least: days of the month, for example, have no hour."""
MOST_TIMES = 40
"""Columns of times, at most: the first ones."""


def find_clock_sums(numbers: Mapping[str, Numbers]) -> Iterator[ClockSum]:
    """Rules that the first records keep, each once; `numbers` are (records,) by column, NaN where one is missing."""
    first = {name: x[:LOOK] for name, x in numbers.items()}
    times = {name: minutes_of(x) for name, x in first.items() if _holds_times(x)}
    whole = [name for name, x in first.items() if (x[~np.isnan(x)] % 1 == 0).mean() >= MOSTLY]
    if len(times) < 2 or len(whole) < 3:
        return
    minutes = np.column_stack([first[name] for name in whole]) % DAY
    for other, target in permutations([*times][:MOST_TIMES], 2):
        between = (times[target] - times[other]) % DAY
        for place in np.flatnonzero(_mostly_same(minutes, between)):
            if whole[place] not in (other, target):
                yield ClockSum(target=target, other=other, minutes=whole[place])


def _holds_times(x: Numbers) -> bool:
    there = x[~np.isnan(x)]
    if len(there) < FEWEST:
        return False
    return bool(is_time(there).mean() >= MOSTLY) and bool((there >= 100).mean() >= LEAST_HOURS)


def _mostly_same(minutes: Numbers, between: Numbers) -> NDArray[np.bool_]:
    """(C,) which of the (records, C) minutes are mostly those between two times."""
    same = minutes == between[:, None]
    known = (~np.isnan(minutes) & ~np.isnan(between)[:, None]).sum(0)
    found: NDArray[np.bool_] = (known >= FEWEST) & (same.sum(0) >= MOSTLY * known)
    return found
