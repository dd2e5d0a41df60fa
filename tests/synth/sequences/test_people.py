"""From a table of people with several records to synthetic people with several records."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.stats import wasserstein_distance

from synth.artifact import load, save
from synth.errors import ArtifactError, ConditionError, SchemaError, TableError
from synth.model import TrainedModel
from synth.protection import HOLDERS
from synth.randomness import Rng
from synth.sampling.sample import sample, sample_batches
from synth.sequences.outline import find_outline
from synth.table.ranges import Range
from synth.table.schema import TableSchema
from synth.table.source import FrameTable
from synth.training.fit import fit
from synth.training.warnings import UNNAMED
from tests.synth.sequences.visits import SCHEMA, visits
from tests.synth.tables_about_people import FAST


@pytest.fixture(scope="module")
def real() -> pd.DataFrame:
    """One person has far more records than anybody else."""
    table = visits(1500)
    table.loc[:20, "patient"] = None
    extreme = pd.concat([table[table["patient"] == "P0001"].iloc[:1]] * 60)
    later = pd.to_timedelta(7 * np.arange(1, 61), unit="D")
    return pd.concat(
        [table, extreme.assign(at=extreme["at"] + later, ward="lone ward", visit=[f"W{n}" for n in range(60)])],
        ignore_index=True,
    )


@pytest.fixture(scope="module")
def model(real: pd.DataFrame) -> TrainedModel:
    return fit(real, SCHEMA, FAST, Rng(0))


@pytest.fixture(scope="module")
def made(model: TrainedModel) -> pd.DataFrame:
    return sample(model, 1500, Rng(1))


def test_people_have_as_many_records_as_in_the_table(real: pd.DataFrame, made: pd.DataFrame) -> None:
    assert len(made) == 1500
    assert list(made.columns) == list(real.columns)
    assert {name: made[name].dtype for name in made} == {name: real[name].dtype for name in real}
    counts, others = (frame["patient"].value_counts().to_numpy() for frame in (real, made))
    assert wasserstein_distance(np.sort(counts)[:-1], others) < 0.6


def test_nobody_has_as_many_records_as_the_one_person_with_very_many(made: pd.DataFrame) -> None:
    assert made["patient"].value_counts().max() <= 12
    assert "lone ward" not in set(made["ward"])


def test_what_is_constant_for_a_person_stays_so(made: pd.DataFrame) -> None:
    assert (made.groupby("patient")[["sex", "born"]].nunique() == 1).all(axis=None)


def test_records_stand_in_order_and_follow_one_another_as_in_the_table(made: pd.DataFrame) -> None:
    same = made["patient"] == made["patient"].shift()
    gap = (made["at"].dt.normalize() - made["at"].dt.normalize().shift())[same].dt.days
    assert (made["at"] >= made["at"].shift())[same].all()
    assert gap.isin([7, 14, 28]).mean() > 0.97
    assert (gap == 7).mean() == pytest.approx(0.6, abs=0.1)
    assert made["at"].dt.hour[same].between(8, 17).all()
    assert (made["ward"] == made["ward"].shift())[same].mean() == pytest.approx(0.9, abs=0.05)
    weight = made["weight"]
    assert np.corrcoef(weight[same], weight.shift()[same])[0, 1] > 0.9


def test_records_have_identifiers_of_their_own_and_people_have_theirs(real: pd.DataFrame, made: pd.DataFrame) -> None:
    assert made["visit"].is_unique
    assert not set(made["visit"]) & set(real["visit"])
    assert not set(made["patient"]) & set(real["patient"])


def test_batches_hold_the_same_records(model: TrainedModel, made: pd.DataFrame) -> None:
    batches = pa.Table.from_batches(list(sample_batches(model, 1500, Rng(1)))).to_pandas()
    assert (batches.astype(str) == made.astype(str)).all(axis=None)


def test_records_that_name_nobody_are_left_out_and_the_owner_is_told(model: TrainedModel, made: pd.DataFrame) -> None:
    assert UNNAMED in model.warnings
    assert made["patient"].notna().all()


def test_few_records_or_none_can_be_drawn(model: TrainedModel, made: pd.DataFrame) -> None:
    for few in (0, 1, 7):
        drawn = sample(model, few, Rng(1))
        assert len(drawn) == few
        assert (drawn.dtypes == made.dtypes).all()


def test_conditions_on_what_is_constant_are_met_and_others_refused(model: TrainedModel) -> None:
    given = {"sex": "f", "born": Range("1960-01-01", "1969-12-31")}
    drawn = sample(model, 300, Rng(2), conditions=given)
    assert (drawn["sex"] == "f").all()
    assert drawn["born"].dt.year.between(1960, 1969).all()
    for name in ("ward", "at", "weight"):
        with pytest.raises(
            ConditionError, match=f"column '{name}': expected a column that is constant .*'sex', 'born'"
        ):
            sample_batches(model, 10, Rng(2), conditions={name: "north"})
    with pytest.raises(ConditionError, match="no such column"):
        sample(model, 10, Rng(2), conditions={"records": Range(1, 2)})


def test_a_saved_model_draws_the_same(model: TrainedModel, made: pd.DataFrame, tmp_path: Path) -> None:
    save(model, tmp_path)
    again = load(tmp_path)
    assert sample(again, 1500, Rng(1)).equals(made)
    text = (tmp_path / "model.json").read_text()
    assert "lone ward" not in text


@pytest.mark.parametrize(
    "broken",
    [
        lambda held: held["constant"].append("at"),
        lambda held: held.update(ascending=["ward"], varying=["visit", "weight", "at"]),
        lambda held: held.update(steps=[]),
        lambda held: held.update(count="at"),
        lambda held: held["steps"][0].update(range=[-5.0, 3.0]),
        lambda held: held.update(encoder=[]),
        lambda held: held.pop("schema"),
    ],
)
def test_a_damaged_model_is_refused(model: TrainedModel, tmp_path: Path, broken: object) -> None:
    save(model, tmp_path)
    state = json.loads((tmp_path / "model.json").read_text())
    broken(state["sequences"])  # type: ignore[operator]
    (tmp_path / "model.json").write_text(json.dumps(state))
    with pytest.raises(ArtifactError):
        load(tmp_path)


def test_one_record_each_is_learnt_as_before() -> None:
    table = FrameTable(visits().drop_duplicates("patient").reset_index(drop=True))
    assert find_outline(table, SCHEMA, 5) is None


def test_the_order_column_has_a_value_in_every_record() -> None:
    table = visits()
    table.loc[table.drop_duplicates("patient").index[:HOLDERS], "at"] = pd.NaT
    with pytest.raises(TableError, match="column 'at': expected a value in every record"):
        fit(table, SCHEMA.with_roles(order="at"), FAST, Rng(0))


def test_only_dates_and_numbers_order_records() -> None:
    with pytest.raises(SchemaError, match="column 'ward': a column that orders records holds numbers or dates"):
        SCHEMA.with_roles(order="ward")
    with pytest.raises(SchemaError, match="different columns"):
        SCHEMA.with_roles(target="at", order="at")
    schema = SCHEMA.with_roles(order="at")
    assert TableSchema.from_json(schema.to_json()) == schema
