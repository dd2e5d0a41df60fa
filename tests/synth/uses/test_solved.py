"""The one missing cell of a sum or a product is the one that the others leave, and no other cell is touched."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.config import TrainConfig
from synth.encode.fit_encoder import fit_encoder
from synth.randomness import Rng
from synth.table.frame import validate
from synth.table.schema import ColumnKind, ColumnSpec, TableSchema
from synth.uses.deduced import with_deduced

N = 60


def schema_of(table: pd.DataFrame, *rules: str) -> TableSchema:
    kinds = {
        "str": ColumnKind.CATEGORICAL,
        "object": ColumnKind.CATEGORICAL,
        "datetime64[us]": ColumnKind.DATETIME,
        "datetime64[ns]": ColumnKind.DATETIME,
    }
    columns = tuple(
        ColumnSpec(name=str(name), kind=kinds.get(str(table[name].dtype), ColumnKind.NUMERICAL)) for name in table
    )
    return TableSchema(columns=columns).with_rules(*rules, find=False)


def deduced(table: pd.DataFrame, holed: pd.DataFrame, *rules: str) -> pd.DataFrame:
    """The cells of `holed` and those that follow, by a model that has learnt `table`."""
    return filled(table, holed, schema_of(table, *rules))


def filled(table: pd.DataFrame, holed: pd.DataFrame, schema: TableSchema) -> pd.DataFrame:
    config = TrainConfig(device="cpu", max_modes=1, protect=False)
    encoder = fit_encoder(validate(table, schema), schema, config, Rng(0))
    codes = encoder.encode(validate(table, schema), Rng(0)).codes + np.array(encoder.starts)
    counts = np.bincount(codes.ravel(), minlength=sum(encoder.widths))
    return with_deduced(validate(holed, schema), encoder, schema, counts)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    places=st.integers(0, 2),
    weight=st.sampled_from([1, -1, 2, 100]),
    constant=st.sampled_from([0, 7]),
    product=st.booleans(),
)
def test_each_record_gets_back_the_one_cell_that_it_lost(
    seed: int, places: int, weight: int, constant: int, *, product: bool
) -> None:
    random = np.random.default_rng(seed)
    a, b = (random.integers(1, 10**4, N) / 10**places for _ in range(2))
    target = np.round(a * b if product else weight * a + b + constant, 2 * places)
    table = pd.DataFrame({"t": target, "a": a, "b": b, "c": random.integers(0, 9, N).astype(float)})
    rule = "t = a * b" if product else f"t = {'- a' if weight < 0 else f'{weight} * a'} + b + {constant}"
    lost = random.integers(0, 3, N)  # a, b or none
    holed = table.assign(a=table["a"].mask(lost == 0), b=table["b"].mask(lost == 1), c=table["c"].mask(lost == 2))
    wanted = table.assign(c=holed["c"])
    if weight < 0 and not product:
        wanted["b"] = holed["b"]  # a difference is kept as the sum that b is: it is computed at the end
    pd.testing.assert_frame_equal(deduced(table, holed, rule), wanted, rtol=0, atol=1e-9)


def test_a_lost_extreme_is_filled_and_an_hour_beyond_the_last_one_is_not() -> None:
    random = np.random.default_rng(4)
    a, b = random.gamma(2, 50, 200).round(2), random.integers(1, 5, 200)
    table = pd.DataFrame({"t": (a + b).round(2), "a": a, "b": b})
    lost = table["a"] >= table["a"].nlargest(3).min()
    holed = table.assign(a=table["a"].mask(lost))
    found = deduced(holed[~lost].reset_index(drop=True), holed, "t = a + b")
    np.testing.assert_allclose(found["a"], table["a"], atol=1e-9, err_msg="three alone lie beyond what was learnt")
    beyond = pd.DataFrame({"t": [25.0, 24.0], "a": [20.0, 20.0], "b": [None, None]})
    assert deduced(table, beyond, "t = a + b")["b"].fillna(-1).tolist() == [-1, 4]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), coarse=st.sampled_from([0, 1]))
def test_what_is_filled_is_what_was_lost_or_nothing(seed: int, coarse: int) -> None:
    """The total is rounded to fewer places than its parts: where several parts fit, none is filled in."""
    random = np.random.default_rng(seed)
    a, b = random.integers(1, 9_999, N) / 100, random.integers(1, 99, N).astype(float)
    table = pd.DataFrame({"t": np.round(a * b, coarse), "a": a, "b": b})
    lost = random.integers(0, 4, N)  # a, b, both or none
    holed = table.assign(a=table["a"].mask(lost % 2 == 0), b=table["b"].mask((lost == 1) | (lost == 2)))
    found = deduced(table, holed, "t = a * b")
    for name in ("a", "b"):
        there = found[name].notna()
        np.testing.assert_allclose(found[name][there], table[name][there], rtol=0, atol=1e-9)
    assert found.loc[lost == 2, ["a", "b"]].isna().all(axis=None), "two cells are not determined by one rule"
    whole = (lost == 1) & (np.abs(table["a"]) > 1.0 / 10**coarse)
    assert found.loc[whole, "b"].notna().all(), "of whole numbers one alone fits"


def test_hours_and_minutes_are_filled_where_they_come_out_whole_and_are_times() -> None:
    random = np.random.default_rng(0)
    hour, minute = np.r_[0:24, random.integers(0, 24, 300)], np.r_[0:24, random.integers(0, 60, 300)]
    table = pd.DataFrame({"time": 100 * hour + minute, "hour": hour, "minute": minute})
    given = pd.DataFrame(
        {"time": [1015, 1015, 2515, 1275, 1400], "hour": [None, None, None, 12, 14], "minute": [15, 10, 15, None, None]}
    )
    found = deduced(table, given.astype("Int64"), "time = 100 * hour + minute")
    assert found["hour"].fillna(-1).tolist() == [10, -1, -1, 12, 14], "10.05 is no hour, and 25 none of the column's"
    assert found["minute"].fillna(-1).tolist() == [15, 10, 15, -1, 0]


def amounts(n: int) -> pd.DataFrame:
    random = np.random.default_rng(1)
    net, tax, tip = (random.gamma(2, scale, n).round(2) + 0.01 for scale in (50, 9, 4))
    kind = random.choice(["cash", "card"], n)
    tip = np.where(kind == "card", tip, np.nan)
    table = pd.DataFrame({"total": (net + tax).round(2), "net": net, "tax": tax, "kind": kind, "tip": tip})
    return table.assign(gross=(table["total"] + table["tip"]).round(2))


RULES = ("total = net + tax", "gross = total + tip", "missing(tip) if kind = cash", "0 <= tax <= 100")


def test_one_rule_fills_what_the_next_one_needs() -> None:
    table = amounts(200)
    card = table["kind"] == "card"
    holed = table.assign(total=None, tip=None, net=table["net"].where(card))
    found = deduced(table, holed.astype({"total": float, "tip": float}), *RULES)
    np.testing.assert_allclose(found["tip"][card], table["tip"][card], atol=1e-9)
    assert found["total"].isna().all(), "what is computed when records are put together is left to that"
    lost = deduced(table, table.assign(total=np.nan, net=np.nan), *RULES)
    np.testing.assert_allclose(lost["net"][card], table["net"][card], atol=1e-9)


def test_a_value_that_another_rule_or_the_range_forbids_is_not_filled_in() -> None:
    table = amounts(200)
    given = pd.DataFrame(
        {
            "total": [150.0, 150.0, 20.0, 20.0],
            "net": [10.0, 140.0, 25.0, 15.0],
            "tax": np.nan,
            "kind": ["card", "card", "card", "cash"],
            "tip": np.nan,
            "gross": [152.0, 151.0, 21.0, 22.0],
        }
    )
    found = deduced(table, given, *RULES)
    np.testing.assert_allclose(found["tax"], [np.nan, 10.0, np.nan, 5.0], err_msg="140 is above 100, and -5 below 0")
    np.testing.assert_allclose(found["tip"], [2.0, 1.0, 1.0, np.nan], err_msg="who pays in cash gives none")


@pytest.mark.parametrize("kind", [ColumnKind.NUMERICAL, ColumnKind.CATEGORICAL])
def test_a_column_without_a_value_is_filled_in_its_own_unit(kind: ColumnKind) -> None:
    random = np.random.default_rng(2)
    price, pieces = random.choice([4.99, 9.99, 19.5], 90), random.integers(1, 9, 90)
    table = pd.DataFrame({"line": (price * pieces).round(2), "price": price, "pieces": pieces})
    columns = tuple(
        ColumnSpec(name=name, kind=kind if name == "price" else ColumnKind.NUMERICAL) for name in table.columns
    )
    schema = TableSchema(columns=columns).with_rules("line = pieces * price", find=False)
    found = filled(table, table.assign(price=None), schema)
    np.testing.assert_allclose(found["price"].astype(float), table["price"])
    found = filled(table, table.assign(price=None, line=table["line"] + pieces), schema)
    assert found["price"].isna().all() == (kind is ColumnKind.CATEGORICAL), "of categories those alone that there are"


def test_dates_follow_as_numbers_do() -> None:
    random = np.random.default_rng(3)
    admitted = pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 90, N), unit="D")).astype(
        "datetime64[us]"
    )
    stay = random.integers(0, 20, N)
    table = pd.DataFrame({"left": admitted + pd.to_timedelta(stay, unit="D"), "admitted": admitted, "stay": stay})
    holed = table.assign(
        admitted=table["admitted"].mask(np.arange(N) % 2 == 0), stay=table["stay"].where(np.arange(N) % 2 == 0)
    )
    found = deduced(table, holed.astype({"stay": "Int64"}), "left = admitted + stay")
    pd.testing.assert_frame_equal(found, table, check_dtype=False)
