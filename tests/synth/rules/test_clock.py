"""Times of day as numbers HHMM: which numbers are some, and which records keep a rule about them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synth.rules.clock import DAY, first_minute, is_time, last_minute, minutes_of, time_of
from synth.rules.kept import BROKEN, KEPT, UNKNOWN, kept_by
from synth.rules.text import parse_rule


def test_every_minute_of_a_day_is_written_and_read_back() -> None:
    minutes = np.arange(DAY + 1, dtype=np.float64)
    times = time_of(minutes)
    assert is_time(times).all()
    assert (minutes_of(times) == minutes).all()
    assert len(np.unique(times)) == DAY + 1


def test_numbers_that_are_no_times_are_told_and_count_as_the_nearest_one() -> None:
    odd = np.array([1275, 1290, -5, 2401, 9999, 930.5, np.nan])
    assert not is_time(odd).any()
    assert time_of(minutes_of(odd))[:-1].tolist() == [1259, 1300, 0, 2400, 2400, 930]
    assert np.isnan(minutes_of(odd)[-1])


def test_ends_of_ranges_are_moved_to_times_inside() -> None:
    assert time_of(np.array([first_minute(1260), last_minute(1399)])).tolist() == [1300, 1359]
    assert time_of(np.array([first_minute(0), last_minute(9)])).tolist() == [0, 9]
    assert last_minute(-1) < 0
    assert first_minute(2401) > DAY


@pytest.mark.parametrize(
    ("target", "other", "minutes", "verdict"),
    [
        (1430, 1415, 15, KEPT),
        (1414, 1415, -1, KEPT),
        (1430, 1415, 16, BROKEN),
        (10, 2355, 15, KEPT),
        (2350, 5, -15, KEPT),
        (1430, 1415, 15 + DAY, KEPT),
        (0, 2355, 5, KEPT),
        (2400, 2355, 5, KEPT),
        (5, 2400, 5, KEPT),
        (1375, 1415, 0, BROKEN),
        (1415, 1375, 0, BROKEN),
        (np.nan, 1415, 0, UNKNOWN),
        (1415, np.nan, 0, UNKNOWN),
        (1415, 1415, np.nan, UNKNOWN),
    ],
)
def test_a_rule_goes_round_at_midnight(target: float, other: float, minutes: float, verdict: int) -> None:
    cells = {name: pd.Series([x], name=name) for name, x in zip("abc", (target, other, minutes), strict=True)}
    assert kept_by(parse_rule("a = clock(b + c)"), cells).tolist() == [verdict]
    assert kept_by(parse_rule("b = clock(a - c)"), cells).tolist() == [verdict]
