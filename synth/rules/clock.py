"""Times of day that are written as numbers HHMM: 930 is 09:30, and midnight is 0 or 2400."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synth.rules.numbers import Numbers

DAY = 1440
"""Minutes in a day."""
LAST = 2400
"""The largest number that is a time of day: midnight at its end."""
MIDNIGHTS = (0, LAST)
"""How midnight is written."""


def is_time(x: Numbers) -> NDArray[np.bool_]:
    """(n,) whether each number is a time of day; a missing one is none."""
    found: NDArray[np.bool_] = (x >= 0) & (x <= LAST) & (x % 1 == 0) & (x % 100 < 60)
    return found


def minutes_of(x: Numbers) -> Numbers:
    """(n,) minutes since midnight, from 0 to DAY; those of the nearest time where a number is none. NaN stays."""
    whole = np.clip(np.rint(x), 0, LAST)
    hours, minutes = np.divmod(whole, 100)
    # 1275 lies nearer to 1259 than to 1300
    return hours * 60 + np.where(minutes < 60, minutes, np.where(minutes < 80, 59, 60))


def time_of(minutes: Numbers) -> Numbers:
    """(n,) the times of day of so many minutes since midnight, DAY of them being 2400. NaN stays."""
    hours, rest = np.divmod(np.clip(np.rint(minutes), 0, DAY), 60)
    return hours * 100 + rest


def moved(times: Numbers, minutes: Numbers) -> Numbers:
    """(n,) the times of day so many minutes later, whole ones, midnight being 0. NaN where one of both is."""
    return time_of(np.mod(minutes_of(times) + np.rint(minutes), DAY))


def first_minute(number: float) -> int:
    """The minutes since midnight of the first time that is not below a number; more than DAY where there is none."""
    hours, minutes = divmod(int(np.ceil(min(max(number, 0.0), 10 * LAST))), 100)
    return hours * 60 + min(minutes, 60)


def last_minute(number: float) -> int:
    """The minutes since midnight of the last time that is not above a number; negative where there is none."""
    hours, minutes = divmod(int(np.floor(min(max(number, -1.0), LAST))), 100)
    return hours * 60 + min(minutes, 59)
