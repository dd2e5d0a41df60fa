"""Given cells and rules between columns: what was given stays, and the rest is as the rules say."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from synth.detect.propose import propose_schema
from synth.errors import ConditionError, RuleWarning, SynthError, TableError
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.sampling.mix import Mix, sample_mix
from synth.sampling.sample import sample
from synth.table.ranges import AnyOf, Presence, Range
from synth.training.fit import fit
from synth.uses.change import change
from synth.uses.complete import complete
from synth.uses.impute import impute, impute_with
from synth.uses.odd import odd
from tests.synth.rules.tables import visits
from tests.synth.tables_about_people import FAST

COLUMNS = ["drugs", "care", "total", "low", "high", "smoker", "packs"]


@pytest.fixture(scope="module")
def model() -> TrainedModel:
    table = visits(1500)[COLUMNS]
    rules = ("total = drugs + care", "low <= high", "missing(packs) if smoker = no")
    return fit(table, propose_schema(table).with_rules(*rules, find=False), FAST.with_(steps=30), Rng(0))


def keeps(table: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "total": np.isclose(table["total"], table["drugs"] + table["care"], atol=0.0051),
            "high": table["low"] <= table["high"],
            "packs": table["packs"].isna() | (table["smoker"] != "no"),
        }
    )


def test_what_follows_from_given_cells_follows_by_the_rules(model: TrainedModel) -> None:
    given = sample(model, 200, Rng(7))[["drugs", "care", "low", "smoker"]]
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuleWarning)
        (done,) = complete(model, given, Rng(1))
    assert keeps(done).all(axis=None)
    pd.testing.assert_frame_equal(done[given.columns.tolist()], given, check_dtype=False)


def test_given_cells_that_leave_no_room_stay_and_are_told_of(model: TrainedModel) -> None:
    given = sample(model, 200, Rng(7))[["total", "drugs"]]
    given["total"] = (given["drugs"] - 5).round(2)
    with pytest.warns(RuleWarning, match="total = drugs"):
        (done,) = complete(model, given, Rng(1))
    pd.testing.assert_frame_equal(done[["total", "drugs"]], given, check_dtype=False)


def test_a_part_that_is_missing_is_what_the_total_leaves(model: TrainedModel) -> None:
    table = visits(200, seed=1)[COLUMNS]
    holed = table.assign(care=table["care"].mask(np.arange(200) % 3 == 0))
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuleWarning)
        (done,) = complete(model, holed[["total", "drugs", "care", "low"]], Rng(1))
        found = impute_with(model, holed, Rng(2), times=3)
    np.testing.assert_allclose(done["care"], table["care"], atol=1e-9)
    cells = found.cells[found.cells["column"] == "care"]
    assert cells["record"].tolist() == list(range(0, 200, 3))
    assert (cells["uncertainty"] < 1e-9).all()


def test_what_hangs_on_a_changed_cell_by_a_rule_changes_with_it(model: TrainedModel) -> None:
    table = sample(model, 300, Rng(2))
    changed = change(model, table, {"smoker": "no"}, Rng(3))
    assert (changed["smoker"] == "no").all()
    assert keeps(changed).all(axis=None)
    with pytest.raises(ConditionError, match="'total'"):
        change(model, table, {"total": Range(100, None)}, Rng(3))


def test_conditions_of_each_kind_hold_on_columns_that_follow_from_others(model: TrainedModel) -> None:
    asked = {"total": Range(200, 400), "packs": Presence.PRESENT, "high": AnyOf(("95", "96", "97", "98", "99"))}
    table = sample(model, 50, Rng(4), conditions=asked)
    assert table["total"].between(200, 400).all()
    assert table["packs"].notna().all()
    assert table["high"].between(95, 99).all()
    assert keeps(table).all(axis=None)


def test_a_record_that_breaks_a_rule_is_odd(model: TrainedModel) -> None:
    table = sample(model, 300, Rng(5))
    table.loc[7, "total"] = float(table.loc[7, "total"]) + 50
    found = odd(model, table, Rng(6))
    assert int(np.argmax(found.scores)) == 7
    assert found.reasons()[7][0] == "total"


def test_people_with_several_records_are_refused_where_records_are_taken_one_by_one() -> None:
    r = np.random.default_rng(0)
    table = pd.DataFrame(
        {"who": [f"p{i // 3:04d}" for i in range(1800)], "sex": np.repeat(r.choice(["f", "m"], 600), 3)}
    )
    table["day"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.tile([0, 5, 9], 600), unit="D")
    table["dose"] = r.integers(1, 9, 1800)
    schema = propose_schema(table).with_roles(person="who")
    model = fit(table, schema, FAST.with_(steps=10), Rng(0))
    assert model.sequences is not None
    with pytest.raises(TableError, match="several records"):
        complete(model, table[["sex"]].head(20), Rng(0))
    with pytest.raises(SynthError, match="several records"):
        sample_mix(model, 20, Rng(0), [Mix.parse("sex=f:0.5,m:0.5")])


def test_cells_that_a_rule_leaves_empty_stay_so_when_gaps_are_filled(model: TrainedModel) -> None:
    holed = visits(200, seed=1)[COLUMNS]
    holed.loc[:4, "care"] = np.nan
    found = impute_with(model, holed, Rng(2), times=2)
    none = (holed["smoker"] == "no").to_numpy()
    assert none.any()
    assert all(each.loc[none, "packs"].isna().all() for each in found.tables)
    assert not set(found.cells.loc[found.cells["column"] == "packs", "record"]) & set(np.flatnonzero(none))
    assert {0, 1, 2, 3, 4} <= set(found.cells.loc[found.cells["column"] == "care", "record"])


def test_a_computed_column_is_not_set_and_the_refusal_names_its_parts(model: TrainedModel) -> None:
    with pytest.raises(ConditionError, match="follows from 'care', 'drugs'"):
        change(model, visits(20, seed=1)[COLUMNS], {"total": Range(5, 5)}, Rng(0))


def stays(n: int, seed: int) -> pd.DataFrame:
    """Who is referred is admitted some days later and discharged at most ten days after that; blood pressures."""
    r = np.random.default_rng(seed)
    referred = pd.Timestamp("2024-01-01") + pd.to_timedelta(r.integers(0, 300, n), unit="D")
    admitted = referred + pd.to_timedelta(r.integers(0, 8, n), unit="D")
    discharged = admitted + pd.to_timedelta(r.integers(1, 11, n), unit="D")
    low = r.integers(50, 90, n)
    return pd.DataFrame(
        {
            "referred": referred,
            "admitted": admitted,
            "discharged": discharged,
            "ward": r.choice(["north", "south"], n),
            "low": low,
            "high": low + r.integers(20, 60, n),
        }
    )


ORDERS = ("referred <= admitted", "admitted < discharged", "low <= high", "0 <= low <= 500")
"""A beginning with ends of its own moves as any other."""


@pytest.mark.parametrize(
    "lost", [["referred", "admitted"], ["admitted"], ["discharged", "high"], ["admitted", "low"], ["referred", "low"]]
)
def test_a_small_table_is_imputed_in_order_whichever_end_is_given(lost: list[str]) -> None:
    table = stays(80, 3)
    holed = table.copy()
    holed.loc[::2, lost] = None
    schema = propose_schema(table).with_rules(*ORDERS, find=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuleWarning)
        found = impute(holed, schema, Rng(1), times=3, config=FAST.with_(steps=5, protect=False))
    for done in found.tables:
        assert (done["referred"] <= done["admitted"]).all()
        assert (done["admitted"] < done["discharged"]).all()
        assert (done["low"] <= done["high"]).all()
        kept = [name for name in table if name not in lost]
        pd.testing.assert_frame_equal(done[kept], table[kept], check_dtype=False)
