"""Parts of dates are those that pandas tells, and texts are read as they are written."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.errors import RuleError
from synth.rules.dates import date_of, from_zone, in_zone, moments_of, part_held, part_of, read_part
from synth.rules.kept import BROKEN, KEPT, UNKNOWN, kept_by
from synth.rules.part_names import NAMED, RANGES
from synth.rules.rule import DatePart
from synth.rules.spelling import spelling_of, spellings_of
from synth.rules.text import parse_rule

MOMENTS = st.lists(st.integers(-(10**15) * 3, 5 * 10**15), min_size=1, max_size=50)


@given(MOMENTS)
def test_parts_are_those_of_the_calendar(micros: list[int]) -> None:
    shown = np.array(micros, dtype="datetime64[us]")
    at = pd.Series(shown).dt
    expected = {name: getattr(at, name) for name in ("year", "month", "day", "hour", "minute", "second", "quarter")}
    expected |= {"weekday": at.dayofweek + 1, "day_of_week": (at.dayofweek + 1) % 7 + 1}
    expected |= {"week": at.isocalendar().week, "day_of_year": at.dayofyear}
    for name, numbers in expected.items():
        np.testing.assert_array_equal(part_of(shown, name), numbers.to_numpy(dtype=float))


@given(MOMENTS, st.sampled_from(["", "Europe/Berlin", "America/New_York", "+05:30", "-03:00"]))
def test_clocks_of_a_zone_lead_back_to_the_moment_but_for_the_hour_that_comes_twice(
    micros: list[int], zone: str
) -> None:
    moments = np.array(micros, dtype="datetime64[us]")
    shown = in_zone(moments, zone)
    back = from_zone(shown, zone)
    assert (in_zone(back, zone) == shown).all()
    assert ((moments - back) <= np.timedelta64(1, "h")).all()


def test_a_time_that_no_clock_shows_is_none() -> None:
    assert np.isnat(from_zone(np.array(["2021-03-14T02:30"], dtype="datetime64[us]"), "America/New_York")).all()


@given(MOMENTS)
def test_a_date_is_told_by_its_parts(micros: list[int]) -> None:
    shown = np.array(micros, dtype="datetime64[us]").astype("datetime64[s]").astype("datetime64[us]")
    parts = {name: part_of(shown, name) for name in RANGES}
    for unit, names in ((1_000_000, ("hour", "minute", "second")), (3_600_000_000, ("hour",)), (86_400_000_000, ())):
        told = date_of({name: parts[name] for name in ("year", "month", "day", *names)}, unit)
        assert told is not None
        whole = shown.astype(np.int64) // unit * unit
        np.testing.assert_array_equal(told, whole.astype("datetime64[us]"))
    assert date_of({"year": parts["year"], "month": parts["month"]}, 86_400_000_000) is None
    assert date_of({name: parts[name] for name in ("year", "month", "day")}, 3_600_000_000) is None


def test_no_day_is_made_of_the_30th_of_february() -> None:
    parts = {name: np.array([float(number)]) for name, number in (("year", 2021), ("month", 2), ("day", 30))}
    told = date_of(parts, 86_400_000_000)
    assert told is not None
    assert np.isnat(told).all()


@pytest.mark.parametrize("part", list(RANGES))
def test_whatever_is_written_is_read_back(part: str) -> None:
    low, high = RANGES[part]
    numbers = list(range(max(low, 1900 if part == "year" else low), min(high, 2100) + 1))
    for spelling in spellings_of(part):
        texts = [spelling.text(number, part, 0) for number in numbers]
        np.testing.assert_array_equal(read_part(pd.Series(texts, dtype=object), part), numbers)
    assert {each.language for each in spellings_of(part)} == {""} or part in NAMED


def test_the_spelling_is_that_of_most_people() -> None:
    texts, numbers = ["Jan", "Feb", "March", "May"], [1, 2, 3, 5]
    for people, short in (([9, 9, 9, 1], True), ([1, 1, 9, 9], False)):
        found = spelling_of(texts, numbers, people, "month", 0)
        assert (found.language, found.short) == ("en", short)


def test_records_keep_break_or_say_nothing_of_it() -> None:
    at = pd.Series(pd.to_datetime(["2021-03-01", "2021-03-01", "2021-03-01", None]))
    month = pd.Series(["March", "May", None, "May"], dtype=object)
    cells = {"month": month, "at": at}
    assert kept_by(parse_rule("month = month(at)"), cells).tolist() == [KEPT, BROKEN, UNKNOWN, UNKNOWN]
    odd = cells | {"month": pd.Series(["3", "03", "smarch", "13"], dtype=object)}
    assert kept_by(parse_rule("month = month(at)"), odd).tolist() == [KEPT, KEPT, BROKEN, UNKNOWN]


def test_columns_of_another_kind_are_refused_by_name() -> None:
    cells = {name: pd.Series([1, 2], name=name) for name in ("month", "at")}
    with pytest.raises(RuleError, match="column 'at': expected dates"):
        kept_by(parse_rule("month = month(at)"), cells)
    dates = pd.Series(pd.to_datetime(["2021-03-01", "2021-03-02"]), name="month")
    with pytest.raises(RuleError, match="column 'month': expected the month of a date, got dates"):
        kept_by(parse_rule("month = month(at)"), {"month": dates, "at": dates})


def test_a_part_that_is_out_of_range_is_none() -> None:
    rule = DatePart(target="dow", date="at", part="weekday", plus=-1)
    held = part_held(rule, pd.Series([0, 6, 7, -1, 2.5, None]))
    np.testing.assert_array_equal(held, [0, 6, np.nan, np.nan, np.nan, np.nan])
    assert np.isnan(part_of(moments_of(pd.Series([None, None])), "hour")).all()
