"""Numeric and datetime columns survive encoding; spikes, types and missing values exactly."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.encode.datetime import DatetimeEncoder, fit_datetime
from synth.encode.fit_numeric import fit_numeric
from synth.encode.numeric import NumericEncoder
from synth.errors import ArtifactError


def fitted(column: pd.Series, *, min_count: int = 5) -> NumericEncoder:
    rng = np.random.default_rng(0)
    return fit_numeric(column, rng, min_count=min_count, max_modes=4, max_pieces=16)


def round_trip(encoder: NumericEncoder | DatetimeEncoder, column: pd.Series) -> pd.Series:
    rng = np.random.default_rng(1)
    encoded = encoder.encode(column, rng)
    assert encoded.codes.min() >= 0
    assert encoded.codes.max() < encoder.width
    return encoder.decode(encoded.codes, encoded.residuals, rng)


columns = st.lists(
    st.one_of(st.none(), st.floats(-1e9, 1e9), st.sampled_from([0.0, -1.0, 99999.0])), min_size=20, max_size=200
)


@settings(max_examples=40, deadline=None)
@given(columns)
def test_missing_values_and_type_are_kept_and_values_stay_in_the_protected_range(values: list[float | None]) -> None:
    column = pd.Series(values, name="x", dtype="float64")
    back = round_trip(fitted(column), column)
    assert back.dtype == column.dtype
    present = column.dropna()
    if len(present) < 5:
        assert back.isna().all()
        return
    assert (back.isna() == column.isna()).all()
    ordered = np.sort(present)
    if len(present) < 80:
        assert back.min() >= ordered[min(4, (len(ordered) - 5) // 2)]
        assert back.max() <= ordered[max(len(ordered) - 5, (len(ordered) + 5) // 2 - 1)]
    assert back.min() >= ordered[0]
    assert back.max() <= ordered[-1]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([0.1, 1.0, 1e6]), st.sampled_from([0.0, -1e5, 3e7]))
def test_unprotected_values_come_back_within_a_block_of_knots(seed: int, scale: float, shift: float) -> None:
    r = np.random.default_rng(seed)
    column = pd.Series(np.r_[r.normal(0, scale, 300), r.normal(9 * scale, scale, 100)] + shift, name="x")
    back = round_trip(fitted(column, min_count=1), column)
    ranks = column.rank(pct=True)
    error = (back - column).abs()
    body = (ranks > 0.05) & (ranks < 0.95)
    assert error[body].max() < 0.25 * scale
    assert error.max() < column.max() - column.min()


def test_spikes_are_exact_whatever_lies_between_them() -> None:
    r = np.random.default_rng(0)
    column = pd.Series(np.where(r.random(2000) < 0.9, 0.0, r.lognormal(8, 1, 2000)), name="gain")
    column[:40] = 99999.0
    encoder = fitted(column)
    back = round_trip(encoder, column)
    assert {0.0, 99999.0} <= set(encoder.atoms)
    for spike in (0.0, 99999.0):
        assert ((back == spike) == (column == spike)).all()


@pytest.mark.parametrize("dtype", ["int64", "Int64"])
def test_integers_stay_integers(dtype: str) -> None:
    column = pd.Series(np.random.default_rng(0).poisson(200, 1000), name="n").astype(dtype)
    if dtype == "Int64":
        column[::7] = pd.NA
    back = round_trip(fitted(column), column)
    assert back.dtype == column.dtype
    assert (back.isna() == column.isna()).all()


def test_decimals_are_learnt() -> None:
    column = pd.Series(np.round(np.random.default_rng(0).normal(50, 20, 1000), 2), name="price")
    drawn = fitted(column).decode(
        np.full(500, 0, dtype=np.int32), np.linspace(-1, 1, 500).astype(np.float32), np.random.default_rng(0)
    )
    assert np.allclose(drawn, drawn.round(2), atol=1e-9)


def test_rare_extremes_are_never_emitted() -> None:
    column = pd.Series(np.r_[np.random.default_rng(0).normal(0, 1, 500), [1e6, 2e6, -3e6]], name="x")
    encoder = fitted(column)
    back = round_trip(encoder, column)
    assert back.abs().max() < 10
    assert max(abs(v) for piece in encoder.pieces for v in piece.values) < 10


def test_protected_knots_are_no_training_values() -> None:
    column = pd.Series(np.random.default_rng(0).normal(0, 1, 5000), name="x")
    encoder = fitted(column)
    knots = {v for piece in encoder.pieces for v in piece.values} | {e for m in encoder.modes for e in m.edges}
    assert not knots & set(column)
    assert not {encoder.low, encoder.high} & set(column)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.dates(min_value=pd.Timestamp("1900-01-01").date())), min_size=30, max_size=90),
    st.sampled_from(["datetime64[us]", "datetime64[s]"]),
)
def test_dates_stay_dates_at_midnight(days: list[object], dtype: str) -> None:
    column = pd.Series(np.array([np.datetime64(d) if d else np.datetime64("NaT") for d in days], dtype), name="d")
    encoder = fit_datetime(column, np.random.default_rng(0), min_count=5, max_modes=3, max_pieces=8)
    back = round_trip(encoder, column)
    assert back.dtype == column.dtype
    assert (back.dropna() == back.dropna().dt.normalize()).all()
    if column.notna().sum() >= 5:
        assert (back.isna() == column.isna()).all()
        assert back.min() >= column.min()
        assert back.max() <= column.max()


def test_the_state_survives_json() -> None:
    column = pd.Series(np.random.default_rng(0).lognormal(3, 1, 900), name="x")
    encoder = fitted(column)
    assert NumericEncoder.from_json(json.loads(json.dumps(encoder.to_json()))) == encoder
    times = pd.Series(pd.to_datetime("2020-01-01") + pd.to_timedelta(range(900), unit="h"), name="t")
    moments = fit_datetime(times, np.random.default_rng(0), min_count=5, max_modes=3, max_pieces=8)
    assert DatetimeEncoder.from_json(json.loads(json.dumps(moments.to_json()))) == moments


@pytest.mark.parametrize(
    "change",
    [
        {"range": [2.0, 1.0]},
        {"range": [0.0]},
        {"atoms": [3.0, 1.0]},
        {"atoms": ["1"]},
        {"atoms": [float("nan")]},
        {"decimals": -1},
        {"decimals": 10**9},
        {"dtype": "object; drop"},
        {"pieces": []},
        {"pieces": [{"ranks": [0.0, 0.5], "values": [1.0, 2.0]}]},
        {"modes": [{"mean": 0.0, "deviation": 0.0, "weight": 1.0, "edges": []}]},
        {"missing": 1},
        {"name": None},
    ],
)
def test_a_changed_state_is_refused(change: dict[str, object]) -> None:
    state = fitted(pd.Series(np.random.default_rng(0).normal(0, 1, 300), name="x")).to_json()
    with pytest.raises(ArtifactError):
        NumericEncoder.from_json(state | change)
