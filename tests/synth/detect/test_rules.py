"""Rules that a table proves are found; columns that have nothing to do with one another have none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.detect.expected import expected_rules
from synth.detect.proof import FEWEST
from synth.detect.propose import propose_schema
from synth.detect.rules import find_rules
from synth.protection import HOLDERS
from synth.rules.text import text_of_rule
from tests.synth.rules.tables import visits


def found_in(frame: pd.DataFrame, *, sure: bool = True) -> list[str]:
    schema = propose_schema(frame)
    found = find_rules(frame, schema, np.arange(len(frame)), np.random.default_rng(0))
    return [text_of_rule(each.rule) for each in found if each.sure or not sure]


@pytest.mark.parametrize("few", [60, 0])
def test_the_rules_of_a_table_are_found_in_few_columns_and_in_many(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synth.detect.orders.FEW_COLUMNS", few)
    found = found_in(visits(600))
    assert "discharged = admitted + stay" in found
    assert "total = drugs + care" in found
    assert "line = pieces * price" in found
    assert "time = 100 * hour + minute" in found
    assert "one_hot(ward_a, ward_b, ward_c)" in found
    assert "low < high" in found
    assert "missing(packs) if smoker = no" in found


def test_a_few_people_who_break_a_rule_do_not_hide_it_nor_make_it() -> None:
    frame = visits(600)
    frame.loc[7, "discharged"] = frame.loc[7, "admitted"] - pd.Timedelta(days=30)
    frame.loc[9, "total"] += 5
    assert {"discharged = admitted + stay", "total = drugs + care"} <= set(found_in(frame))
    frame.loc[frame.index % 3 == 0, "total"] += 5
    assert "total = drugs + care" not in found_in(frame, sure=False)


@pytest.mark.parametrize("seen", [1.0, 0.1])
def test_the_sign_of_an_order_does_not_tell_of_a_few_people_who_have_both_the_same(seen: float) -> None:
    random, found = np.random.default_rng(0), []
    began = pd.Timestamp("2022-01-01") + pd.to_timedelta(random.integers(0, 700, 1000), unit="D")
    lasted = random.integers(1, 30, 1000)
    for same in (0, 1, HOLDERS - 1, HOLDERS):
        ended = pd.Series(began + pd.to_timedelta(np.where(np.arange(1000) < same, 0, lasted), unit="D"))
        ended[int(seen * 1000) :] = pd.NaT
        found.append(found_in(pd.DataFrame({"began": began, "ended": ended})))
    assert found == [["began < ended"]] * 3 + [["began <= ended"]]


def test_too_few_people_prove_nothing() -> None:
    assert found_in(visits(FEWEST - 1)) == []


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(FEWEST, 500))
def test_independent_columns_have_no_rules(seed: int, records: int) -> None:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "normal": random.normal(size=records).round(2),
            "small": random.integers(0, 4, records),
            "rare": (random.random(records) < 0.01).astype(int),
            "rarer": (random.random(records) < 0.02).astype(int),
            "flag": random.integers(0, 2, records),
            "amount": random.gamma(2, 50, records).round(2),
            "later": random.integers(0, 1000, records),
            "day": pd.Timestamp("2022-01-01") + pd.to_timedelta(random.integers(0, 900, records), unit="D"),
            "other": pd.Timestamp("2022-06-01") + pd.to_timedelta(random.integers(0, 900, records), unit="D"),
            "text": random.choice(["a", "b", "c"], records),
        }
    )
    frame.loc[random.random(records) < 0.2, "amount"] = np.nan
    assert found_in(frame, sure=False) == []


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (["admission_date", "discharge_date"], ["admission_date <= discharge_date"]),
        (["start", "end", "started_at", "ended_at"], ["start <= end", "started_at <= ended_at"]),
        (["birth", "discharged"], []),
    ],
)
def test_names_lead_to_expect_orders(columns: list[str], expected: list[str]) -> None:
    days = pd.date_range("2022-01-01", periods=30).to_series().reset_index(drop=True)
    schema = propose_schema(pd.DataFrame(dict.fromkeys(columns, days)))
    assert [text_of_rule(rule) for rule in expected_rules(schema)] == expected
