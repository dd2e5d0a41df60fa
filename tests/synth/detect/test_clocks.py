"""Times of day and the minutes between them are found where a table proves it, and by no few people."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synth.detect.propose import propose_schema
from synth.detect.rules import find_rules
from synth.protection import HOLDERS
from synth.rules.text import text_of_rule
from tests.synth.rules.tables import flights

BOTH = ["dep_time = clock(sched_dep_time + dep_delay)", "arr_time = clock(sched_arr_time + arr_delay)"]


def found_in(frame: pd.DataFrame, target: str | None = None, *, sure: bool = True) -> list[str]:
    schema = propose_schema(frame, target=target)
    found = find_rules(frame, schema, np.arange(len(frame)), np.random.default_rng(0))
    return [text for each in found if "clock" in (text := text_of_rule(each.rule)) and (each.sure or not sure)]


@pytest.mark.parametrize("target", [None, "arr_delay", "arr_time"])
def test_times_and_delays_are_found_also_where_one_is_the_target(target: str | None) -> None:
    assert found_in(flights(600), target) == BOTH


def test_a_few_people_who_break_a_rule_do_not_hide_it() -> None:
    frame = flights(600)
    frame.loc[: HOLDERS - 2, "dep_time"] = 1275
    assert found_in(frame) == BOTH
    frame.loc[frame.index % 3 == 0, "dep_time"] = 1200
    assert found_in(frame, sure=False) == BOTH[1:]


def test_half_a_minute_of_one_person_does_not_hide_it() -> None:
    frame = flights(600)
    frame["dep_delay"] = frame["dep_delay"].astype(float)
    frame.loc[7, "dep_delay"] += 0.5
    assert found_in(frame) == BOTH


def test_records_with_missing_cells_neither_keep_nor_break_it() -> None:
    frame = flights(600)
    frame.loc[frame.index % 3 == 0, ["dep_time", "dep_delay"]] = np.nan
    frame.loc[frame.index % 4 == 0, "sched_arr_time"] = np.nan
    assert found_in(frame) == BOTH


@pytest.mark.parametrize("seed", range(10))
def test_times_that_have_nothing_to_do_with_one_another_have_no_rule(seed: int) -> None:
    random = np.random.default_rng(seed)
    frame = flights(400, seed)
    for name in ("sched_dep_time", "sched_arr_time"):
        frame[name] = random.permutation(frame[name])
    assert found_in(frame, sure=False) == []


def test_minutes_that_say_nothing_make_no_rule() -> None:
    """Of two equal times the minutes are always 0: they do not matter."""
    frame = flights(400)[["sched_dep_time", "hour", "minute"]].assign(extra=0)
    frame["dep_time"] = frame["sched_dep_time"]
    assert found_in(frame, sure=False) == []
