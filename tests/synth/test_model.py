"""From a table to a model to synthetic records, and to disk and back."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open
from scipy import stats

from synth.artifact import load, save
from synth.curve import Ending
from synth.errors import ArtifactError, ConditionError, SynthError, TableError, TrainingError
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.sampling.sample import sample
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema
from synth.training.checkpoint import Checkpoint
from synth.training.fit import fit
from synth.training.progress import Phase, TrainProgress, Watch
from synth.training.schedule import rate_at
from tests.synth.tables_about_people import FAST, people, schema


@pytest.fixture(scope="module")
def model() -> TrainedModel:
    return fit(people(), schema(), FAST, Rng(0))


def contents(folder: Path) -> tuple[bytes, dict[str, object]]:
    """The weights and the state, but for the wall time."""
    state = json.loads((folder / "model.json").read_text())
    assert state.pop("seconds") > 0
    return (folder / "model.safetensors").read_bytes(), state


def watch_at(now: float) -> Watch:
    return Watch(checkpoint=None, progress=None, clock=lambda: now, start=0.0, deadline=100.0)


def one_column(column: pd.Series, kind: ColumnKind) -> TrainedModel:
    spec = TableSchema(columns=(ColumnSpec(name="x", kind=kind),))
    return fit(pd.DataFrame({"x": column}), spec, FAST, Rng(0))


def test_samples_have_the_tables_columns_and_types(model: TrainedModel) -> None:
    drawn = sample(model, 1000, Rng(1))
    assert list(drawn.columns) == list(people().columns)
    assert len(drawn) == 1000
    real = people()
    expected = {name: real[name].dtype for name in real}
    assert {name: drawn[name].dtype for name in drawn} == expected
    assert drawn["income"].isna().any()
    assert drawn["city"].isna().any()
    assert set(drawn["flag"]) == {0, 1}
    assert (drawn["joined"] == drawn["joined"].dt.normalize()).all()
    assert len(sample(model, 0, Rng(1))) == 0


def test_identifiers_are_new_and_distinct(model: TrainedModel) -> None:
    drawn = sample(model, 1000, Rng(1))
    assert drawn["person"].is_unique
    assert not set(drawn["person"]) & set(people()["person"])


def test_rare_categories_and_extremes_are_never_emitted() -> None:
    table = people()
    table.loc[:3, "city"] = "Kleinstdorf"
    table.loc[0, "age"] = 117
    drawn = sample(fit(table, schema(), FAST.with_(steps=10), Rng(0)), 5000, Rng(1))
    assert "Kleinstdorf" not in set(drawn["city"])
    assert drawn["age"].max() <= 80
    open_model = fit(table, schema(), FAST.with_(protect=False, steps=10), Rng(0))
    assert "Kleinstdorf" in set(sample(open_model, 20_000, Rng(1))["city"])


def test_the_true_frequencies_come_out() -> None:
    """A column that is 99 % one category comes out so; with log-frequencies it would be about 67 %."""
    r = np.random.default_rng(0)
    table = pd.DataFrame({"x": np.where(np.arange(2000) % 100 == 0, "rare", "common"), "y": r.choice(["u", "v"], 2000)})
    spec = TableSchema(columns=tuple(ColumnSpec(name=n, kind=ColumnKind.CATEGORICAL) for n in "xy"))
    config = FAST.with_(steps=80, validation=0.0)
    drawn = sample(fit(table, spec, config, Rng(0)), 20_000, Rng(1))
    low, high = stats.binom.interval(1 - 1e-6, 20_000, 0.01)
    assert 0.5 * low <= (drawn["x"] == "rare").sum() <= 1.5 * high


@pytest.mark.parametrize(
    "conditions", [{"city": "Jena"}, {"city": "Jena", "sex": "f"}, {"city": "Trier", "sex": "m", "flag": "1"}]
)
def test_conditions_are_met_by_every_record(model: TrainedModel, conditions: dict[str, str]) -> None:
    drawn = sample(model, 500, Rng(1), conditions=conditions)
    assert len(drawn) == 500
    for name, category in conditions.items():
        assert (drawn[name].astype(str) == category).all()


def test_conditions_change_what_depends_on_them() -> None:
    r = np.random.default_rng(0)
    a, b = r.choice(["a0", "a1"], 3000, p=[0.7, 0.3]), r.choice(["b0", "b1"], 3000)
    both = (a == "a1") & (b == "b1")
    c = np.where(r.random(3000) < np.where(both, 0.9, 0.1), "c1", "c0")
    table = pd.DataFrame({"a": a, "b": b, "c": c})
    spec = TableSchema(columns=tuple(ColumnSpec(name=n, kind=ColumnKind.CATEGORICAL) for n in "abc"))
    trained = fit(table, spec, FAST.with_(steps=400, batch=500, width=64), Rng(0))
    share = {
        (i, j): (sample(trained, 4000, Rng(2), conditions={"a": i, "b": j})["c"] == "c1").mean()
        for i, j in itertools.product(["a0", "a1"], ["b0", "b1"])
    }
    assert share["a1", "b1"] > 0.75
    assert max(v for k, v in share.items() if k != ("a1", "b1")) < 0.25


@pytest.mark.parametrize(
    "conditions", [{"nobody": "x"}, {"age": "no"}, {"person": "P00001"}, {"city": "Atlantis"}, {"joined": "2020-01-01"}]
)
def test_conditions_that_cannot_be_met_are_refused_without_naming_categories(
    model: TrainedModel, conditions: dict[str, str]
) -> None:
    with pytest.raises(ConditionError) as error:
        sample(model, 5, Rng(1), conditions=conditions)
    assert next(iter(conditions)) in str(error.value)
    assert not any(city in str(error.value) for city in ("Ulm", "Bonn", "Trier"))


def test_the_same_seed_gives_the_same_bytes(model: TrainedModel, tmp_path: Path) -> None:
    save(model, tmp_path / "a")
    save(fit(people(), schema(), FAST, Rng(0)), tmp_path / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert sample(model, 300, Rng(3)).equals(sample(model, 300, Rng(3)))
    assert not sample(model, 300, Rng(3)).equals(sample(model, 300, Rng(4)))


def test_the_global_generators_are_left_alone(model: TrainedModel) -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    fit(people(100), schema(), FAST.with_(steps=2), Rng(0))
    sample(model, 10, Rng(0))
    assert torch.equal(before, torch.get_rng_state())


class Killed(Exception):  # noqa: N818 - it stands for a signal
    """Stands for the process being killed."""


def of_many_cities() -> pd.DataFrame:
    """People of 1,300 cities, two each."""
    return people(2600).assign(city=np.tile([f"c{i}" for i in range(1300)], 2).astype(object))


def test_a_resumed_training_with_a_wide_column_ends_where_an_undisturbed_one_does(tmp_path: Path) -> None:
    checkpoint, config = Checkpoint(folder=tmp_path / "work", interval=0.0), FAST.with_(protect=False, steps=8)

    def kill(progress: TrainProgress) -> None:
        if progress.step == 4:
            raise Killed

    with pytest.raises(Killed):
        fit(of_many_cities(), schema(), config, Rng(0), checkpoint=checkpoint, progress=kill)
    with safe_open(checkpoint.path, framework="pt") as file:
        held = file.get_tensor("running")
    assert 1 < len(held) < 1300, "tables are held of the other columns"
    for name, work in (("undisturbed", None), ("resumed", checkpoint)):
        save(fit(of_many_cities(), schema(), config, Rng(0), checkpoint=work), tmp_path / name)
    assert contents(tmp_path / "undisturbed") == contents(tmp_path / "resumed")


def test_a_resumed_training_ends_where_an_undisturbed_one_does(model: TrainedModel, tmp_path: Path) -> None:
    checkpoint = Checkpoint(folder=tmp_path / "work", interval=0.0)

    def kill(progress: TrainProgress) -> None:
        if progress.step == 25:
            raise Killed

    with pytest.raises(Killed):
        fit(people(), schema(), FAST, Rng(0), checkpoint=checkpoint, progress=kill)
    assert checkpoint.path.exists()
    seen: list[int] = []

    def follow(progress: TrainProgress) -> None:
        if progress.phase is Phase.STEPPING:
            seen.append(progress.step)

    resumed = fit(people(), schema(), FAST, Rng(0), checkpoint=checkpoint, progress=follow)
    assert seen[0] == 25
    assert resumed.curve == model.curve
    save(model, tmp_path / "undisturbed")
    save(resumed, tmp_path / "resumed")
    assert contents(tmp_path / "undisturbed") == contents(tmp_path / "resumed")


def test_a_resumed_training_goes_on_with_what_is_left_of_its_budget(tmp_path: Path) -> None:
    checkpoint = Checkpoint(folder=tmp_path, interval=0.0)
    config = FAST.with_(steps=1000, max_minutes=100.0 / 60)

    def kill(progress: TrainProgress) -> None:
        if progress.step == 10:
            raise Killed

    one, two = (iter(range(begin, begin + 10_000)) for begin in (0, 5_000))
    with pytest.raises(Killed):
        fit(people(), schema(), config, Rng(0), checkpoint=checkpoint, progress=kill, clock=lambda: float(next(one)))
    with safe_open(checkpoint.path, framework="pt") as file:
        before = json.loads(file.metadata()["state"])["seconds"]
    assert before > 4
    ticks: list[float] = []

    def clock() -> float:
        ticks.append(float(next(two)))
        return ticks[-1]

    resumed = fit(people(), schema(), config, Rng(0), checkpoint=checkpoint, clock=clock)
    assert resumed.ending is Ending.TIME
    assert resumed.seconds == pytest.approx(before + ticks[-1] - ticks[0])
    assert 90 <= resumed.seconds <= 100, "what follows the steps is within the budget"
    rates = [w.fraction(step=5, steps=1000) for w in (watch_at(50.0), watch_at(50.0).resumed(40.0))]
    assert rates == pytest.approx([0.5, 0.9]), "the learning rate does not jump back"


def test_a_checkpoint_of_another_training_is_not_taken_up(tmp_path: Path) -> None:
    checkpoint = Checkpoint(folder=tmp_path, interval=0.0)
    fit(people(200), schema(), FAST.with_(steps=3), Rng(0), checkpoint=checkpoint)
    seen: list[TrainProgress] = []
    fit(people(200, seed=1), schema(), FAST.with_(steps=3), Rng(0), checkpoint=checkpoint, progress=seen.append)
    assert next(p.step for p in seen if p.phase is Phase.STEPPING) == 1


def test_a_broken_checkpoint_is_refused(tmp_path: Path) -> None:
    checkpoint = Checkpoint(folder=tmp_path)
    checkpoint.path.write_bytes(b"\x00" * 100)
    with pytest.raises(ArtifactError):
        fit(people(), schema(), FAST, Rng(0), checkpoint=checkpoint)


def test_progress_tells_steps_losses_and_the_curve(model: TrainedModel) -> None:
    seen: list[TrainProgress] = []
    fit(people(), schema(), FAST, Rng(0), progress=seen.append)
    assert [p.fraction for p in seen] == sorted(p.fraction for p in seen)
    assert seen[-1].fraction == 1.0
    assert set(seen[-1].losses) == {"tables", "condition"}
    points = [p.point for p in seen if p.point]
    assert tuple(points) == model.curve
    assert all(0 <= p.one_way <= 1 and 0 <= p.two_way <= 1 for p in points)


def test_time_runs_out_with_the_weights_so_far() -> None:
    seconds: Iterator[float] = itertools.count(step=1.0)
    config = FAST.with_(max_minutes=0.5)
    stopped = fit(people(), schema(), config, Rng(0), clock=lambda: next(seconds))
    assert stopped.ending is Ending.TIME
    assert 0 < stopped.steps < 40
    assert len(sample(stopped, 100, Rng(0))) == 100


def test_the_budget_brings_the_learning_rate_down_where_it_runs_out_before_the_steps() -> None:
    watch = watch_at(90.0)
    assert watch.fraction(step=200, steps=1000) == pytest.approx(0.9)
    assert watch.fraction(step=950, steps=1000) == pytest.approx(0.95), "enough time: the steps alone decide"
    assert rate_at(200, 0.9) < rate_at(200, 0.2)


def test_a_loaded_model_samples_the_same(model: TrainedModel, tmp_path: Path) -> None:
    save(model, tmp_path)
    loaded = load(tmp_path)
    assert sample(loaded, 500, Rng(1)).equals(sample(model, 500, Rng(1)))
    assert loaded.curve == model.curve
    assert (loaded.records, loaded.steps, loaded.seconds) == (600, 40, model.seconds)


def test_every_record_is_trained_on_unless_some_are_kept_for_validation() -> None:
    table, config = people(2500), FAST.with_(steps=2)
    for kept, records in ((0.0, 2500), (0.2, 2000)):
        trained = fit(table, schema(), config.with_(validation=kept), Rng(0))
        assert trained.records == records
        widths = trained.encoder.widths
        assert [int(c.sum()) for c in trained.counts.split(list(widths))] == [records] * len(widths)


def test_a_value_that_one_person_repeats_is_never_emitted() -> None:
    visits = pd.concat([people(900), people(100, seed=1)], ignore_index=True)
    visits["person"] = [f"P{i % 300:03d}" for i in range(1000)]
    visits.loc[visits["person"] == "P007", ["city", "income"]] = ["Kleinstdorf", 123456.0]
    visits = pd.concat([visits, *[visits[visits["person"] == "P007"]] * 9], ignore_index=True)
    spec = schema()
    person = ColumnSpec(name="person", kind=ColumnKind.IDENTIFIER, role=ColumnRole.PERSON)
    with_person = TableSchema(columns=(person, *spec.columns[1:]))
    assert (visits["city"] == "Kleinstdorf").sum() > 30
    for schema_of, emitted in ((spec, True), (with_person, False)):
        drawn = sample(fit(visits, schema_of, FAST, Rng(0)), 5000, Rng(1))
        assert ("Kleinstdorf" in set(drawn["city"])) is emitted
        assert (123456.0 in set(drawn["income"])) is emitted


def test_the_files_hold_no_training_record(tmp_path: Path) -> None:
    table = people(300)
    table["income"] = np.random.default_rng(0).lognormal(8, 0.6, 300)
    save(fit(table, schema(), FAST.with_(steps=2), Rng(0)), tmp_path)
    text = (tmp_path / "model.json").read_text()
    assert not any(person in text for person in table["person"])
    numbers = {float(n) for n in re.findall(r"-?\d+\.\d*(?:e[-+]?\d+)?", text)}
    assert not numbers & set(table["income"])


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        (ColumnKind.CATEGORICAL, pd.Series(["only"] * 30, dtype=object)),
        (ColumnKind.CATEGORICAL, pd.Series([None] * 30, dtype=object)),
        (ColumnKind.NUMERICAL, pd.Series([7] * 30)),
        (ColumnKind.NUMERICAL, pd.Series([np.nan] * 30)),
        (ColumnKind.NUMERICAL, pd.Series(np.arange(30.0))),
        (ColumnKind.NUMERICAL, pd.Series([1e99, -1e99] * 15)),
        (ColumnKind.DATETIME, pd.Series(np.array(["9999-12-31"] * 30, "datetime64[us]"))),
        (ColumnKind.DATETIME, pd.Series([pd.NaT] * 30)),
    ],
    ids=["constant", "missing", "constant number", "missing number", "few", "huge", "far", "missing time"],
)
def test_a_single_odd_column_can_be_learnt(kind: ColumnKind, column: pd.Series, tmp_path: Path) -> None:
    trained = one_column(column, kind)
    save(trained, tmp_path)
    drawn = sample(load(tmp_path), 40, Rng(0))["x"]
    assert len(drawn) == 40
    assert drawn.isna().all() == column.isna().all()
    if column.nunique() == 1:
        assert (drawn == column.iloc[0]).all()


def test_a_category_column_without_a_frequent_value_gets_surrogates() -> None:
    table = people(100).assign(city=[f"town {i}" for i in range(100)])
    drawn = sample(fit(table, schema(), FAST, Rng(0)), 50, Rng(0))
    assert not set(drawn["city"]) & set(table["city"])


def test_columns_with_thousands_of_categories_can_be_learnt() -> None:
    config = FAST.with_(protect=False, steps=10)
    drawn = sample(fit(of_many_cities(), schema(), config, Rng(0)), 200, Rng(0), conditions={"city": "c7"})
    assert set(drawn["city"]) == {"c7"}


@pytest.mark.parametrize("rows", [0, 1, 19])
def test_too_few_records_are_refused(rows: int) -> None:
    with pytest.raises(TableError, match="20 records or more"):
        fit(people().head(rows), schema(), FAST, Rng(0))


def test_tables_that_do_not_fit_the_schema_are_refused() -> None:
    table = people()
    only_identifier = TableSchema(columns=(ColumnSpec(name="person", kind=ColumnKind.IDENTIFIER),))
    wrong = [
        (table.drop(columns="age"), schema()),
        (table.assign(extra=1), schema()),
        (table.assign(age="old"), schema()),
        (table.assign(joined="yesterday"), schema()),
        (table.assign(income=np.inf), schema()),
        (table.assign(income=1e300), schema()),
        (table.assign(age=2**62 + 2**60), schema()),
        (table[["person"]], only_identifier),
    ]
    for frame, spec in wrong:
        with pytest.raises(TableError):
            fit(frame, spec, FAST, Rng(0))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_is_refused_where_there_is_none() -> None:
    with pytest.raises(TrainingError):
        fit(people(), schema(), FAST.with_(device="cuda"), Rng(0))


def test_a_negative_number_of_records_is_refused(model: TrainedModel) -> None:
    with pytest.raises(SynthError):
        sample(model, -1, Rng(0))
