"""A missing delay or plan follows from the two other cells of a rule between times of day, and is not drawn."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from synth.detect.propose import propose_schema
from synth.errors import RuleWarning
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.training.fit import fit
from synth.uses.change import change
from synth.uses.complete import complete
from synth.uses.impute import impute_with
from tests.synth.rules.tables import flights
from tests.synth.tables_about_people import FAST


@pytest.fixture(scope="module")
def model() -> TrainedModel:
    table = flights(1500)
    return fit(table, propose_schema(table), FAST.with_(steps=30), Rng(0))


@pytest.mark.parametrize("missing", ["dep_delay", "dep_time", "arr_delay", "arr_time", "sched_arr_time"])
@pytest.mark.parametrize("share", [0.3, 1.0])
def test_one_missing_cell_of_a_rule_is_filled_as_it_was(model: TrainedModel, missing: str, share: float) -> None:
    table = flights(300, seed=1)
    gaps = np.random.default_rng(0).random(300) < share
    holed = table.assign(**{missing: table[missing].mask(gaps)})
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuleWarning)
        (done,) = complete(model, holed, Rng(1))
    pd.testing.assert_series_equal(done[missing], table[missing], check_dtype=False)


def test_imputed_tables_agree_on_it_and_tell_that_it_was_filled(model: TrainedModel) -> None:
    holed = flights(300, seed=1).astype({"dep_delay": float})
    holed.loc[::5, "dep_delay"] = np.nan
    found = impute_with(model, holed, Rng(1), times=3)
    cells = found.cells[found.cells["column"] == "dep_delay"]
    assert cells["record"].tolist() == list(range(0, 300, 5))
    assert (cells["uncertainty"] == 0).all()
    assert next(each for each in found.means if each.column == "dep_delay").missing == pytest.approx(0.2)


def test_a_change_fills_nothing(model: TrainedModel) -> None:
    holed = flights(100, seed=1).astype({"dep_delay": float})
    holed.loc[::5, "dep_delay"] = np.nan
    changed = change(model, holed, {"carrier": "UA"}, Rng(2))
    same = changed["dep_time"].eq(holed["dep_time"])
    assert changed.loc[same, "dep_delay"].isna().any()
