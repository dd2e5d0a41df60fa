"""A range selects exactly the values that the encoder emits inside it, and no others."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.encode.base import ColumnEncoder, Selected
from synth.encode.categorical import fit_categorical
from synth.encode.datetime import fit_datetime
from synth.encode.fit_numeric import fit_numeric
from synth.encode.ranges import lies_in
from synth.encode.written import fit_written
from synth.errors import ConditionError
from synth.table.ranges import Bound, Range
from synth.table.schema import ColumnKind, ColumnSpec
from synth.written.clock import ClockForm

KINDS = ("integers", "decimals", "floats", "spike", "few", "large")
GRID = np.linspace(-1, 1, 801, dtype=np.float32)


def numbers(kind: str, r: np.random.Generator) -> pd.Series:
    n = int(r.integers(30, 400))
    drawn = {
        "integers": lambda: r.integers(-20, 90, n).astype(np.float64),
        "decimals": lambda: np.round(r.lognormal(3, 1, n), 2),
        "floats": lambda: r.normal(0, 5, n),
        "spike": lambda: np.where(r.random(n) < 0.7, 0.0, np.round(r.gamma(2, 50, n))),
        "few": lambda: r.choice([-1.5, 0.0, 2.5, 4.0], n),
        "large": lambda: 2.0**55 + 16 * r.integers(0, 5000, n),
    }[kind]()
    if kind in ("integers", "large") and r.random() < 0.5:
        return pd.Series(drawn.astype(np.int64), name="x")
    drawn[r.random(n) < r.choice([0.0, 0.2])] = np.nan
    return pd.Series(drawn, name="x")


def encoder_of(column: pd.Series, r: np.random.Generator) -> ColumnEncoder:
    fitted = fit_datetime if column.dtype.kind == "M" else fit_numeric
    return fitted(column, r, min_count=5, max_modes=4, max_pieces=8)


def emitted(encoder: ColumnEncoder, code: int, residuals: np.ndarray) -> pd.Series:
    codes = np.full(len(residuals), code, dtype=np.int32)
    return encoder.decode(codes, residuals.astype(np.float32), np.random.default_rng(0))


def compared(values: pd.Series, low: Bound, high: Bound) -> np.ndarray:
    met = values.notna()
    if low is not None:
        met &= values >= low
    if high is not None:
        met &= values <= high
    return met.fillna(False).to_numpy(dtype=bool)


def check(encoder: ColumnEncoder, wanted: Range, low: Bound, high: Bound, r: np.random.Generator) -> None:
    """Compares with the values on a grid of residuals; `low` and `high` can be compared with them."""
    held = np.array([compared(emitted(encoder, code, GRID), low, high).mean() for code in range(encoder.width)])
    try:
        inside = encoder.select(wanted)
    except ConditionError:
        assert held.max(initial=0) < 2 / len(GRID), "nothing can be emitted"
        return
    assert inside.shares == pytest.approx(held, abs=3 / len(GRID))
    for code in np.flatnonzero(inside.shares):
        share = np.r_[0.0, 1.0, r.random(100)].astype(np.float32)
        residuals = np.minimum(inside.low[code] + share * (inside.high[code] - inside.low[code]), inside.high[code])
        assert compared(emitted(encoder, int(code), residuals), low, high).all()


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(KINDS), st.integers(0, 2**32 - 1))
def test_ranges_of_numbers_are_exact(kind: str, seed: int) -> None:
    r = np.random.default_rng(seed)
    column = numbers(kind, r)
    present = column.dropna().to_numpy()
    ends = sorted(r.choice(present, 2) + r.choice([0.0, 0.0, 0.37, -1.0], 2)) if len(present) else [0.0, 1.0]
    low, high = (None if r.random() < 0.15 else float(end) for end in ends)
    check(encoder_of(column, r), Range(low, high), low, high, r)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(["D", "h", "s"]), st.integers(0, 2**32 - 1))
def test_ranges_of_datetimes_are_exact(unit: str, seed: int) -> None:
    r = np.random.default_rng(seed)
    times = pd.Timestamp("1969-06-01") + pd.to_timedelta(r.integers(0, 1000, 300), unit=unit)
    column = pd.Series(times.astype("datetime64[us]"), name="x").mask(r.random(300) < 0.1)
    low, high = sorted(r.choice(column.dropna().to_numpy(), 2))
    low, high = pd.Timestamp(low) + pd.Timedelta(minutes=7), pd.Timestamp(high) + pd.Timedelta(minutes=7)
    wanted = Range(low.isoformat(), high) if r.random() < 0.5 else Range(low, high.isoformat())
    check(encoder_of(column, r), wanted, low, high, r)


def hours() -> tuple[ColumnEncoder, pd.Series]:
    times = pd.Series(pd.date_range("2020-01-01", periods=24 * 30, freq="h").astype("datetime64[us]"), name="x")
    return fit_datetime(times, np.random.default_rng(0), min_count=5, max_modes=4, max_pieces=8), times


def latest(encoder: ColumnEncoder, inside: Selected) -> pd.Timestamp:
    codes = np.flatnonzero(inside.shares).astype(np.int32)
    return encoder.decode(codes, inside.high[codes], np.random.default_rng(0)).max()


def test_a_date_as_the_upper_end_takes_in_its_whole_day() -> None:
    encoder, _ = hours()
    for end in ("2020-01-10", date(2020, 1, 10)):
        assert latest(encoder, encoder.select(Range("2020-01-03", end))) == pd.Timestamp("2020-01-10 23:00")
    inside = encoder.select(Range("2020-01-03", datetime(2020, 1, 10)))  # noqa: DTZ001 - columns have no zone
    assert latest(encoder, inside) == pd.Timestamp("2020-01-10 00:00")


def test_both_ends_of_a_range_of_integers_belong_to_it() -> None:
    column = pd.Series(np.tile(np.arange(100), 20), name="x")
    encoder = fit_numeric(column, np.random.default_rng(0), min_count=5, max_modes=4, max_pieces=16)
    inside = encoder.select(Range(30, 40))
    codes = np.flatnonzero(inside.shares).astype(np.int32)
    drawn = np.concatenate(
        [emitted(encoder, c, np.linspace(inside.low[c], inside.high[c], 500)).to_numpy() for c in codes]
    )
    assert set(drawn) == set(range(30, 41))


@pytest.mark.parametrize(
    "wanted",
    [
        Range(5, 1),
        Range(1e9, 2e9),
        Range(10**400, None),
        Range("30", "40"),
        Range(float("nan"), 1),
        Range(True, None),
        Range(date(2020, 1, 1), None),
        "thirty",
        "1000",
    ],
    ids=lambda wanted: str(wanted)[:40],
)
def test_ranges_of_numbers_that_select_nothing_are_refused_without_a_value_of_the_data(wanted: str | Range) -> None:
    column = pd.Series(np.random.default_rng(0).integers(0, 90, 500), name="x")
    encoder = fit_numeric(column, np.random.default_rng(0), min_count=5, max_modes=4, max_pieces=8)
    with pytest.raises(ConditionError) as error:
        encoder.select(wanted)
    assert "'x'" in str(error.value)
    assert not any(character.isdigit() for character in str(error.value))


@pytest.mark.parametrize(
    "wanted",
    [
        Range("yesterday", None),
        Range("2020-13-01", None),
        Range(2020, 2021),
        Range(pd.NaT, None),
        Range(datetime(2020, 1, 1, tzinfo=timezone(timedelta(hours=2))), None),
        Range("2020-01-01T00:00:00+00:00", None),
        Range("1850-01-01", "1850-12-31"),
        Range("2020-01-20", "2020-01-02"),
        "soon",
    ],
    ids=lambda wanted: str(wanted)[:40],
)
def test_ranges_of_datetimes_that_select_nothing_are_refused(wanted: str | Range) -> None:
    with pytest.raises(ConditionError, match="'x'"):
        hours()[0].select(wanted)


def test_a_range_between_two_atoms_selects_nothing() -> None:
    column = pd.Series([0.0, 5.0] * 100, name="x")
    encoder = fit_numeric(column, np.random.default_rng(0), min_count=5, max_modes=4, max_pieces=8)
    with pytest.raises(ConditionError):
        encoder.select(Range(1.0, 4.0))


def test_a_range_does_not_fit_categories() -> None:
    encoder = fit_categorical(pd.Series(["a", "b"] * 20, name="x"), min_count=5)
    assert encoder is not None
    with pytest.raises(ConditionError, match="category"):
        encoder.select(Range(1, 2))


def test_ends_may_be_written_as_the_column_writes_its_times_of_day() -> None:
    r = np.random.default_rng(0)
    column = pd.Series([f"{h:02}:{m:02}" for h, m in r.integers(0, [24, 60], (3000, 2))], name="x")
    spec = ColumnSpec(name="x", kind=ColumnKind.NUMERICAL, form=ClockForm(style="HH:MM"))
    people = np.arange(len(column))
    encoder = fit_written(column, spec, r, people=people, min_count=5, max_modes=4, max_pieces=16)
    selected = encoder.select(Range("08:00", "09:30"))
    codes = np.flatnonzero(selected.shares).astype(np.int32)
    ends = [encoder.decode(codes, end[codes], r) for end in (selected.low, selected.high)]
    assert "08:00" <= min(ends[0]) < "08:05"
    assert "09:25" < max(ends[1]) <= "09:30"
    seconds = encoder.select(Range(8 * 3600, 9.5 * 3600))
    assert (selected.shares == seconds.shares).all()
    with pytest.raises(ConditionError, match="numbers"):
        encoder.select(Range("half past eight", None))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(KINDS), st.integers(0, 2**32 - 1))
def test_a_table_is_cut_to_what_a_range_of_numbers_emits(kind: str, seed: int) -> None:
    r = np.random.default_rng(seed)
    column = numbers(kind, r)
    low, high = sorted(r.choice(column.dropna().to_numpy(), 2)) if column.notna().any() else (0.0, 1.0)
    low, high = (None if r.random() < 0.15 else float(end) for end in (low, high))
    assert (lies_in(column, Range(low, high)) == compared(column, low, high)).all()
    as_nullable = column.astype("Int64") if kind == "integers" else column
    assert (lies_in(as_nullable, Range(low, high)) == compared(column, low, high)).all()


def test_a_table_is_cut_to_whole_days_and_never_keeps_a_missing_value() -> None:
    _, times = hours()
    times = times.mask(times.index % 7 == 0)
    wanted = compared(times, pd.Timestamp("2020-01-03"), pd.Timestamp("2020-01-10 23:00"))
    for unit in ("us", "ns"):
        cut = lies_in(times.astype(f"datetime64[{unit}]"), Range("2020-01-03", date(2020, 1, 10)))
        assert (cut == wanted).all()
    assert not lies_in(times, Range())[::7].any()
    assert list(lies_in(pd.Series([1, None, 3], dtype="Int64", name="x"), Range(None, 3))) == [True, False, True]


def test_a_table_is_not_cut_by_ends_of_another_kind() -> None:
    _, times = hours()
    for values, wanted in ((times, Range(1, 2)), (pd.Series([1, 2], name="x"), Range("2020-01-01", None))):
        with pytest.raises(ConditionError):
            lies_in(values, wanted)
