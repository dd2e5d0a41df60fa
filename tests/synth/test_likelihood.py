"""The likelihoods of records under a trained model are probabilities, and agree with what the model draws."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from synth.errors import TableError
from synth.likelihood import record_scores
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.table.schema import ColumnKind, ColumnSpec, TableSchema
from synth.training.fit import fit
from tests.synth.tables_about_people import FAST

LEVELS = {"size": ["S", "M", "L"], "colour": ["red", "blue"], "shape": ["round", "square", "flat", "long"]}
SCHEMA = TableSchema(columns=tuple(ColumnSpec(name=name, kind=ColumnKind.CATEGORICAL) for name in LEVELS))


@pytest.fixture(scope="module")
def model() -> TrainedModel:
    """Of a table in which shape nearly follows from size."""
    rng = np.random.default_rng(0)
    size = rng.choice(3, 3000, p=[0.5, 0.3, 0.2])
    shape = np.where(rng.random(3000) < 0.9, size, rng.integers(0, 4, 3000))
    columns = {"size": size, "colour": rng.integers(0, 2, 3000), "shape": shape}
    table = pd.DataFrame({name: np.array(LEVELS[name], dtype=object)[codes] for name, codes in columns.items()})
    return fit(table, SCHEMA, FAST.with_(steps=60), Rng(0))


@pytest.fixture(scope="module")
def everything() -> pd.DataFrame:
    return pd.DataFrame(list(product(*LEVELS.values())), columns=list(LEVELS), dtype=object)


def test_the_generators_likelihoods_of_all_records_add_up_to_one(model, everything):
    scores = record_scores(model, everything, Rng(1))["generator"]
    assert scores.shape == (24,)
    assert np.exp(scores).sum() == pytest.approx(1, abs=0.02)


def test_the_conditionals_know_which_values_go_together(model, everything):
    assert len(model.chain.forest) > 0
    scores = record_scores(model, everything, Rng(1))["conditionals"]
    fits = everything["size"].map({"S": "round", "M": "square", "L": "flat"}) == everything["shape"]
    assert scores[fits].min() > scores[~fits].max()
    assert (scores <= 1e-9).all()


def test_the_same_numbers_give_the_same_scores_and_a_records_score_is_its_own(model, everything):
    one, other = (record_scores(model, everything, Rng(1)) for _ in range(2))
    part = record_scores(model, everything.iloc[5:9].reset_index(drop=True), Rng(1))
    assert (one["generator"] == other["generator"]).all()
    assert (one["conditionals"] == other["conditionals"]).all()
    assert part["generator"] == pytest.approx(one["generator"][5:9], abs=1e-5)


def test_no_records_have_no_scores_and_another_table_is_refused(model, everything):
    assert len(record_scores(model, everything.iloc[:0], Rng(1))["generator"]) == 0
    with pytest.raises(TableError):
        record_scores(model, everything.drop(columns="size"), Rng(1))
