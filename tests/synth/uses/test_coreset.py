"""A coreset: classes alike in number, and first the records whose class the chain finds likeliest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from synth.chain.chain import Chain
from synth.errors import SynthError
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.sampling.sample import sample
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema
from synth.training.fit import fit
from synth.uses.change import change
from synth.uses.coreset import _chosen, coreset, coreset_of
from tests.synth.tables_about_people import FAST


def law(n: int) -> pd.DataFrame:
    """A sixth is ill, most of whom are old: three in ten records are not what their age says."""
    r = np.random.default_rng(0)
    age = r.choice(["old", "young"], n)
    ill = r.random(n) < np.where(age == "old", 0.3, 0.03)
    return pd.DataFrame({"age": age, "ward": r.choice(list("abc"), n), "ill": np.where(ill, "yes", "no")})


@pytest.fixture(scope="module")
def model() -> TrainedModel:
    roles = {"ill": ColumnRole.TARGET}
    columns = tuple(
        ColumnSpec(name=n, kind=ColumnKind.CATEGORICAL, role=roles.get(n, ColumnRole.FEATURE)) for n in law(1)
    )
    return fit(law(1200), TableSchema(columns=columns), FAST, Rng(0))


def test_classes_are_alike_and_records_the_models_own(model: TrainedModel) -> None:
    found = coreset(model, 60, Rng(1))
    assert found["ill"].value_counts().to_dict() == {"yes": 30, "no": 30}
    assert list(found.columns) == list(model.schema.names)
    free = sample(model, 2000, Rng(2))
    assert (found["age"][found["ill"] == "yes"] == "old").mean() >= (free["age"][free["ill"] == "yes"] == "old").mean()
    assert found.equals(coreset(model, 60, Rng(1)))


def test_sure_records_come_first_and_classes_that_run_out_leave_room() -> None:
    likely = np.log(np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.8, 0.2], [0.4, 0.6], [0.45, 0.55]]))
    own = np.array([0, 1, 1, 0, 0, 0])
    chosen = _chosen(likely, own, 3, np.random.default_rng(0))
    assert {2} < set(chosen.tolist()) <= {0, 1, 2, 3}
    assert set(_chosen(likely, own, 5, np.random.default_rng(0)).tolist()) == {0, 1, 2, 3, 5}


def test_records_of_a_given_table_are_chosen_and_none_is_made_up(model: TrainedModel) -> None:
    given = law(300).assign(
        ward=[f"{'abc'[i % 3]}" for i in range(300)], age=np.where(np.arange(300) % 2, "old", "young")
    )
    found = coreset_of(model, given, 20, Rng(1))
    assert found["ill"].value_counts().to_dict() == {"yes": 10, "no": 10}
    assert len(found.merge(given.drop_duplicates(), how="inner")) == 20
    with pytest.raises(SynthError, match="at most as many records as the table has, 300"):
        coreset_of(model, given, 301, Rng(1))


def test_what_cannot_be_is_refused(model: TrainedModel) -> None:
    for k in (0, 1_000_000):
        with pytest.raises(SynthError, match="coreset"):
            coreset(model, k, Rng(0))
    columns = tuple(replace(spec, role=ColumnRole.FEATURE) for spec in model.schema)
    with pytest.raises(SynthError, match="target of few categories"):
        coreset(replace(model, encoder=replace(model.encoder, schema=TableSchema(columns=columns))), 10, Rng(0))


def test_a_model_by_which_nothing_follows_changes_nothing_without_saying_so(model: TrainedModel) -> None:
    with pytest.raises(SynthError, match="redraws none"):
        change(replace(model, chain=Chain()), law(20), {"age": "old"}, Rng(0))
