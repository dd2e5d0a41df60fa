"""What an encoder holds and emits is backed by several people, not by several records of one."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.encode.categorical import fit_categorical
from synth.encode.datetime import fit_datetime
from synth.encode.fit_numeric import fit_numeric
from synth.encode.numeric import NumericEncoder
from synth.encode.protected_range import expected_end, protected_end, protected_range
from synth.people import holders
from synth.table.people import people_of
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema
from synth.table.source import FrameTable

LIMITS = {"min_count": 5, "max_modes": 10, "max_pieces": 32}


def numbers_in(state: object) -> set[float]:
    """All numbers in a JSON state."""
    if isinstance(state, dict):
        return set().union(*map(numbers_in, state.values()))
    if isinstance(state, list):
        return set().union(*map(numbers_in, state))
    return {float(state)} if isinstance(state, (int, float)) else set()


def drawn(encoder: NumericEncoder, column: pd.Series, n: int = 5000) -> pd.Series:
    """Values as sampling draws them: codes by frequency, residuals uniform."""
    r = np.random.default_rng(3)
    codes = r.choice(encoder.encode(column, r).codes, n)
    return encoder.decode(codes, r.uniform(-1, 1, n).astype(np.float32), r)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([5, 7, 11, 23, 60, 400, 3000]), st.sampled_from([0.3, 1.0, 2.5]))
def test_no_value_of_a_person_is_held_or_emitted(seed: int, n: int, spread: float) -> None:
    column = pd.Series(np.random.default_rng(seed).lognormal(9, spread, n), name="income")
    encoder = fit_numeric(column, np.random.default_rng(0), **LIMITS)
    assert not numbers_in(json.loads(json.dumps(encoder.to_json()))) & set(column)
    assert not set(drawn(encoder, column)) & set(column)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([25, 80, 500]), st.sampled_from([1, 6, 12]))
def test_no_value_is_held_that_fewer_than_five_people_have(seed: int, people: int, visits: int) -> None:
    r = np.random.default_rng(seed)
    who = np.repeat(np.arange(people), visits)
    own = r.lognormal(4, 1, people)
    values = np.where(r.random(len(who)) < 0.8, own[who], r.choice([10.0, 20.0, 500.0], len(who)))
    column = pd.Series(values, name="dose")
    encoder = fit_numeric(column, np.random.default_rng(0), people=who, **LIMITS)
    held = Counter(pd.DataFrame({"who": who, "x": values}).drop_duplicates()["x"])
    rare = {v for v, count in held.items() if count < 5}
    assert not numbers_in(encoder.to_json()) & rare
    assert not set(drawn(encoder, column)) & rare


@pytest.mark.parametrize("values", [[7, 8, 9, 11, 13], [1, 30, 404, 500, 777, 801, 999]])
def test_a_few_distinct_counts_make_no_atom(values: list[int]) -> None:
    encoder = fit_numeric(pd.Series([float(v) + 0.25 for v in values], name="n"), np.random.default_rng(0), **LIMITS)
    assert encoder.atoms == ()
    assert not numbers_in(encoder.to_json()) & {v + 0.25 for v in values}
    counts = fit_numeric(pd.Series(values, name="n"), np.random.default_rng(0), **LIMITS)
    assert counts.atoms == ()


def test_the_ends_follow_no_outlier() -> None:
    who = np.r_[np.arange(500), np.full(50, 500)]
    column = pd.Series(np.r_[np.random.default_rng(0).normal(0, 1, 500), np.full(50, 1e6)], name="x")
    encoder = fit_numeric(column, np.random.default_rng(0), people=who, **LIMITS)
    farther = fit_numeric(column.where(column < 1e6, 1e9), np.random.default_rng(0), people=who, **LIMITS)
    assert encoder.high == farther.high
    assert 2 < encoder.high < 10
    assert fit_numeric(column, np.random.default_rng(0), **LIMITS).high == 1e6, "without a person column 50 records do"


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**31),
    st.sampled_from([17, 60, 84, 85, 400]),
    st.sampled_from(["normal", "lognormal", "uniform", "pareto"]),
    st.lists(st.floats(1, 1e12), min_size=4, max_size=4),
)
def test_four_people_lead_an_end_nowhere(seed: int, n: int, shape: str, beyond: list[float]) -> None:
    r = np.random.default_rng(seed)
    draws = {"normal": r.normal, "lognormal": r.lognormal, "uniform": r.uniform, "pareto": lambda **k: r.pareto(2, **k)}
    values = np.sort(draws[shape](size=n))[::-1]
    usual = protected_end(values, 5, None)
    limit = expected_end(values[4:], 5)
    moved = protected_end(np.sort(np.r_[values[0] + np.array(beyond), values[4:]])[::-1], 5, None)
    assert values[8] <= usual <= values[0]
    assert usual <= limit
    assert moved <= limit
    one = protected_end(np.sort(np.r_[values[0] + beyond[0], values[1:]])[::-1], 5, None)
    assert usual <= one <= usual + max(0.0, limit - values[0]) / 5 + 1e-9 * abs(limit), (
        "nobody counts for more than a fifth"
    )
    far = protected_end(np.r_[np.full(4, 1e15), values[4:]], 5, None)
    assert far == protected_end(np.r_[np.full(4, 1e18), values[4:]], 5, None) <= limit


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([60, 400, 1500]), st.sampled_from([3.0, 40.0]))
def test_an_end_of_whole_numbers_is_one_only_where_five_people_have_it(seed: int, n: int, scale: float) -> None:
    values = np.random.default_rng(seed).exponential(scale, n).round() + 200
    for end in protected_range(values, np.arange(n), 5, 0):
        assert end != round(end) or np.count_nonzero(values == end) >= 5
        assert values.min() <= end <= values.max()


@pytest.mark.parametrize("shape", ["normal", "exponential", "uniform", "pareto"])
def test_an_end_lies_nearer_to_the_outermost_than_the_ninth_person_does(shape: str) -> None:
    draw = {
        "normal": lambda r: r.normal(size=2000),
        "exponential": lambda r: r.exponential(size=2000),
        "uniform": lambda r: r.uniform(size=2000),
        "pareto": lambda r: r.pareto(3, size=2000),
    }[shape]
    ends, outermost, ninth = [], [], []
    for seed in range(60):
        values = np.sort(draw(np.random.default_rng(seed)))[::-1]
        ends.append(protected_end(values, 5, None))
        outermost.append(values[0])
        ninth.append(values[8])
    middle = np.median(outermost)
    assert abs(np.median(ends) - middle) < 0.75 * (middle - np.median(ninth))


def test_an_end_that_five_people_share_is_kept() -> None:
    column = pd.Series(np.r_[np.arange(1000) % 90 + 0.5, np.full(40, 99999.0)], name="gain")
    assert fit_numeric(column, np.random.default_rng(0), **LIMITS).high == 99999.0


def test_a_day_of_one_person_is_not_emitted() -> None:
    who = np.r_[np.arange(400), np.full(30, 400)]
    r = np.random.default_rng(0)
    days = np.datetime64("2020-01-01") + r.integers(0, 300, 400).astype("timedelta64[D]")
    column = pd.Series(np.r_[days, np.full(30, np.datetime64("1969-07-20"))].astype("datetime64[us]"), name="day")
    encoder = fit_datetime(column, np.random.default_rng(0), people=who, **LIMITS)
    coded = encoder.encode(column, r)
    assert encoder.decode(coded.codes, coded.residuals, r).min() >= pd.Timestamp("2020-01-01")


def test_a_category_is_counted_by_its_people() -> None:
    column = pd.Series(["flu"] * 20 + ["rare"] * 8 + [None, "flu"], name="diagnosis", dtype=object)
    who = np.r_[np.arange(20), np.full(8, 20), 21, 22]
    by_people = fit_categorical(column, min_count=5, people=who)
    by_records = fit_categorical(column, min_count=5)
    assert by_people is not None
    assert by_records is not None
    assert by_people.categories == ("flu",)
    assert by_people.rare
    assert set(by_records.categories) == {"flu", "rare"}
    assert fit_categorical(column[20:28], min_count=5, people=who[20:28]) is None


def test_people_come_from_the_schema_and_those_who_are_not_named_count_as_one() -> None:
    table = pd.DataFrame({"id": ["a", None, "b", None, "a"], "x": range(5)})
    person = ColumnSpec(name="id", kind=ColumnKind.IDENTIFIER, role=ColumnRole.PERSON)
    x = ColumnSpec(name="x", kind=ColumnKind.NUMERICAL)
    assert people_of(FrameTable(table), TableSchema(columns=(person, x))).tolist() == [0, 1, 2, 1, 0]
    assert people_of(FrameTable(table), TableSchema(columns=(x,))).tolist() == [0, 1, 2, 3, 4]
    assert holders(np.array([0, 0, 2, 0]), np.array([5, 5, 5, 6]), 3).tolist() == [2, 0, 1]
