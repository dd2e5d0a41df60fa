"""Columns that hold a part of a date are found where a table proves it, in the zone in which most of them are told."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.calendar_names import SHORT
from synth.detect.propose import propose_schema
from synth.detect.rules import find_rules
from synth.protection import HOLDERS
from synth.rules.rule import DatePart
from synth.rules.text import text_of_rule
from tests.synth.rules.tables import appointments

HERE = '(at, "America/New_York")'
ALL = [
    *(f"{part} = {part}{HERE}" for part in ("year", "month", "day", "weekday", "hour")),
    "minute = minute" + HERE,
    "quarter = quarter" + HERE,
    "birth_year = year(born)",
    "birth_month = month(born)",
]


def found_in(frame: pd.DataFrame, *, sure: bool = True) -> list[str]:
    schema = propose_schema(frame)
    found = find_rules(as_dates(frame), schema, np.arange(len(frame)), random())
    return [text_of_rule(each.rule) for each in found if isinstance(each.rule, DatePart) and (each.sure or not sure)]


def as_dates(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(at=pd.to_datetime(frame["at"]).dt.tz_localize(None))


def random() -> np.random.Generator:
    return np.random.default_rng(0)


def test_parts_in_numbers_names_and_text_are_found_in_local_time() -> None:
    assert sorted(found_in(appointments(900))) == sorted(ALL)


@pytest.mark.parametrize("offset", ["", "+05:30", "-07:00"])
def test_a_constant_offset_is_found_and_none_is_said_where_there_is_none(offset: str) -> None:
    frame = as_dates(appointments(600))[["at", "ward"]]
    hours = {"": 0.0, "+05:30": 5.5, "-07:00": -7.0}[offset]
    local = frame["at"] + pd.Timedelta(hours=hours)
    frame = frame.assign(at=frame["at"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"), hour=local.dt.hour, day=local.dt.day)
    zone = f', "{offset}"' if offset else ""
    assert sorted(found_in(frame)) == [f"day = day(at{zone})", f"hour = hour(at{zone})"]


def test_parts_in_no_one_zone_are_none() -> None:
    frame = as_dates(appointments(600))
    local = frame["at"] + pd.to_timedelta(random().integers(-11, 12, 600), unit="h")
    frame = frame.assign(hour=local.dt.hour)[["at", "hour", "ward"]]
    assert found_in(frame, sure=False) == []


PARTS: list[tuple[str, Callable[[pd.Series], pd.Series]]] = [
    ("weekday(at) - 1", lambda at: at.dt.dayofweek),
    ("day_of_week(at) - 1", lambda at: (at.dt.dayofweek + 1) % 7),
    ("day_of_week(at)", lambda at: (at.dt.dayofweek + 1) % 7 + 1),
    ("week(at)", lambda at: at.dt.isocalendar().week.astype(int)),
    ("day_of_year(at)", lambda at: at.dt.dayofyear),
    ("date(at)", lambda at: at.dt.normalize()),
    ("year_month(at)", lambda at: at.dt.to_period("M").dt.to_timestamp()),
    ("month(at)", lambda at: at.dt.strftime("%b").str.upper()),
    ("month(at)", lambda at: at.dt.month.map(lambda month: SHORT["fr"][month - 1])),
]


@pytest.mark.parametrize(("part", "held"), PARTS)
def test_each_way_to_hold_a_part_is_found(part: str, held: Callable[[pd.Series], pd.Series]) -> None:
    at = pd.Series(pd.Timestamp("2020-01-01") + pd.to_timedelta(random().integers(0, 10**8, 600), unit="s"))
    frame = pd.DataFrame({"at": at, "part": held(at)})
    found = find_rules(frame, propose_schema(frame), np.arange(600), random())
    assert [text_of_rule(each.rule) for each in found if isinstance(each.rule, DatePart)] == [f"part = {part}"]


def test_a_few_people_who_break_a_rule_neither_hide_nor_make_it() -> None:
    frame = appointments(900)
    frame.loc[: HOLDERS - 2, "birth_year"] = 1800
    assert sorted(found_in(frame)) == sorted(ALL)
    frame.loc[frame.index % 3 == 0, "birth_year"] = 1950
    assert "birth_year = year(born)" not in found_in(frame, sure=False)


def test_where_99_but_not_999_of_1000_keep_it_the_rule_is_proposed() -> None:
    frame = appointments(1000)
    frame.loc[:6, "birth_year"] -= 1
    assert "birth_year = year(born)" not in found_in(frame)
    assert "birth_year = year(born)" in found_in(frame, sure=False)


def test_a_part_that_is_the_same_for_all_dates_is_found_by_its_name_beside_another_part() -> None:
    at = pd.Series(pd.Timestamp("2020-01-01") + pd.to_timedelta(random().integers(0, 31 * 86_400, 600), unit="s"))
    one = {"month": 1, "version": 1, "of": 2020}
    frame = pd.DataFrame({"at": at, "hour": at.dt.hour, **one})
    assert sorted(found_in(frame)) == ["hour = hour(at)", "month = month(at)", "of = year(at)"]
    assert found_in(frame.drop(columns="hour")) == []


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_columns_that_have_nothing_to_do_with_a_date_are_no_parts_of_it(seed: int) -> None:
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "at": pd.Timestamp("2020-01-01") + pd.to_timedelta(draw.integers(0, 10**8, 400), unit="s"),
            "month": draw.integers(1, 13, 400),
            "hour": draw.integers(0, 24, 400),
            "weekday": draw.choice(["Mon", "Tue", "Wed"], 400),
            "one": 1,
        }
    )
    schema = propose_schema(frame)
    assert not [e for e in find_rules(frame, schema, np.arange(400), draw) if isinstance(e.rule, DatePart)]
