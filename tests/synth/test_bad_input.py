"""Odd tables are learnt, impossible ones refused, and what fails on the way is a typed error without a cell in it."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from synth.artifact import load, save
from synth.config import TrainConfig
from synth.curve import Ending
from synth.detect.propose import propose_schema
from synth.errors import ConditionError, StorageError, TableError, TrainingError
from synth.gan.objective import OBJECTIVES
from synth.model import TrainedModel
from synth.randomness import Rng
from synth.sampling.sample import sample
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema
from synth.training import loop
from synth.training.checkpoint import Checkpoint
from synth.training.evaluate import Judgement
from synth.training.fit import fit
from tests.synth.tables_about_people import FAST, people, schema

QUICK = FAST.with_(steps=6)


@pytest.fixture(scope="module")
def model() -> TrainedModel:
    return fit(people(100), schema(), QUICK, Rng(0))


@pytest.mark.parametrize("value", [np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float64", "float32", "Float64"])
def test_infinity_is_refused_with_the_columns_name(value: float, dtype: str) -> None:
    table = people(50)
    table["income"] = table["income"].fillna(4711.25).astype(dtype)
    table.loc[3, "income"] = value
    with pytest.raises(TableError, match="'income': expected finite numbers") as error:
        fit(table, schema(), QUICK, Rng(0))
    assert "4711" not in str(error.value)


def test_not_a_number_is_missing() -> None:
    table = people(400)
    table["age"] = table["age"].where(np.arange(400) % 2 == 0, np.nan)
    drawn = sample(fit(table, schema(), QUICK, Rng(0)), 2000, Rng(1))["age"]
    assert 0.2 < drawn.isna().mean() < 0.8
    assert np.isfinite(drawn.dropna()).all()


def test_a_table_of_equal_records_gives_records_equal_to_them(tmp_path: Path) -> None:
    table = pd.concat([people(1)] * 30, ignore_index=True)
    save(fit(table, schema(), QUICK, Rng(0)), tmp_path)
    drawn = sample(load(tmp_path), 50, Rng(1)).drop(columns="person")
    assert len(drawn.drop_duplicates()) == 1
    assert drawn.iloc[:30].equals(table.drop(columns="person"))


def test_twenty_records_can_be_learnt_and_one_column_too() -> None:
    for columns in (list(people(1)), ["sex", "age"], ["age"], ["sex"]):
        table = people(20)[columns]
        spec = TableSchema(columns=tuple(c for c in schema(None) if c.name in columns))
        drawn = sample(fit(table, spec, QUICK, Rng(0)), 45, Rng(1))
        assert list(drawn.columns) == columns
        assert len(drawn) == 45


def test_fewer_records_than_a_batch_can_be_learnt() -> None:
    trained = fit(people(60), schema(), QUICK.with_(batch=1000), Rng(0))
    assert trained.records == 60
    assert len(sample(trained, 5, Rng(1))) == 5


@pytest.mark.parametrize("protect", [True, False])
def test_a_class_of_one_record(protect: bool) -> None:
    table = people(300)
    table["flag"] = np.where(np.arange(300) == 7, "alone", np.where(np.arange(300) % 3 == 0, "yes", "no"))
    trained = fit(table, schema(), QUICK.with_(protect=protect), Rng(0))
    if protect:
        assert set(sample(trained, 2000, Rng(1))["flag"]) == {"yes", "no"}
        with pytest.raises(ConditionError, match="flag") as error:
            sample(trained, 5, Rng(1), conditions={"flag": "alone"})
        assert "alone" not in str(error.value)
    else:
        assert set(sample(trained, 20, Rng(1), conditions={"flag": "alone"})["flag"]) == {"alone"}


def test_a_target_of_one_class_can_be_learnt() -> None:
    table = people(300).assign(flag="same")
    assert set(sample(fit(table, schema(), QUICK, Rng(0)), 100, Rng(1))["flag"]) == {"same"}


def test_records_of_nothing_but_missing_values() -> None:
    table = pd.DataFrame({"a": [None] * 25, "b": [np.nan] * 25})
    spec = TableSchema(
        columns=(ColumnSpec(name="a", kind=ColumnKind.CATEGORICAL), ColumnSpec(name="b", kind=ColumnKind.NUMERICAL))
    )
    assert sample(fit(table, spec, QUICK, Rng(0)), 10, Rng(1)).isna().all(axis=None)


def test_an_empty_table_is_refused_from_the_proposal_on() -> None:
    with pytest.raises(TableError):
        propose_schema(pd.DataFrame())
    with pytest.raises(TableError, match="20 records or more, got 0"):
        fit(people(0), schema(), QUICK, Rng(0))


def failing_step(limit: int, seen: list[int]) -> Any:
    """Takes the place of a step on an accelerator with memory for batches of at most `limit` records.

    No such device is at hand here: torch raises this very error where the memory of a real one is used up.
    """
    step = OBJECTIVES["tables"].step

    def tried(networks: Any, material: Any, config: TrainConfig, rate: float) -> Any:
        seen.append(material.batch)
        if material.batch > limit:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return step(networks, material, config, rate)

    return tried


def test_too_little_memory_makes_batches_smaller_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    monkeypatch.setitem(OBJECTIVES, "tables", replace(OBJECTIVES["tables"], step=failing_step(150, seen)))
    trained = fit(people(), schema(), QUICK.with_(batch=512), Rng(0))
    assert seen == [512, 256, *[128] * 6]
    assert trained.steps == 6
    assert trained.ending is Ending.STEPS
    assert [w for w in trained.warnings if "Memory" in w and "128 records" in w]


def test_far_too_little_memory_is_a_training_error(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    monkeypatch.setitem(OBJECTIVES, "tables", replace(OBJECTIVES["tables"], step=failing_step(10, seen)))
    with pytest.raises(TrainingError, match="memory"):
        fit(people(), schema(), QUICK.with_(batch=512), Rng(0))
    assert min(seen) == loop.LEAST_BATCH


def test_memory_that_ends_outside_a_step_is_a_training_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def tried(*_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr("synth.training.prepare.make_material", tried)
    with pytest.raises(TrainingError, match="memory"):
        fit(people(), schema(), QUICK, Rng(0))


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file of this process may grow beyond so many bytes: the system refuses the write, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_checkpoint_on_a_full_disk_is_a_storage_error_and_the_one_before_stays(tmp_path: Path) -> None:
    checkpoint = Checkpoint(folder=tmp_path, interval=0.0)
    fit(people(100), schema(), QUICK, Rng(0), checkpoint=checkpoint)
    before = checkpoint.path.read_bytes()
    with full_disk(len(before) // 2), pytest.raises(StorageError, match="checkpoint"):
        fit(people(100), schema(), QUICK.with_(steps=12), Rng(1), checkpoint=checkpoint)
    assert checkpoint.path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [checkpoint.path.name], "nothing unfinished is left"


def test_a_model_on_a_full_disk_is_a_storage_error_and_the_one_before_stays(
    model: TrainedModel, tmp_path: Path
) -> None:
    save(model, tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with full_disk(4000), pytest.raises(StorageError, match="model"):
        save(model, tmp_path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_folder_that_cannot_be_made_is_a_storage_error(model: TrainedModel, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    folder = tmp_path / "taken" / "model"
    with pytest.raises(StorageError):
        save(model, folder)
    with pytest.raises(StorageError):
        fit(people(100), schema(), QUICK, Rng(0), checkpoint=Checkpoint(folder=folder, interval=0.0))


def test_learning_by_heart_ends_the_training_with_the_weights_before(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[dict[str, torch.Tensor]] = []
    judge = loop.judge

    def strict(generator: Any, *others: Any) -> Judgement:
        judged.append({k: v.clone() for k, v in generator.named_parameters()})
        found = judge(generator, *others)
        return replace(found, memorised=len(judged) > 2, nearer_train=0.9, two_way=1.0 / len(judged))

    monkeypatch.setattr(loop, "judge", strict)
    trained = fit(people(), schema(), FAST.with_(steps=100), Rng(0))
    assert trained.ending is Ending.MEMORISED
    assert trained.steps == 40, "the second look in a row that finds it is the last"
    assert [point.memorised for point in trained.curve] == [False, False, True, True]
    kept = {name: weight for name, weight in trained.generator.named_parameters() if name != "exit.bias"}
    assert all(torch.equal(kept[name], judged[1][name]) for name in kept)
    assert not all(torch.equal(kept[name], judged[3][name]) for name in kept)
    assert any("by heart" in warning for warning in trained.warnings)


def test_one_look_that_finds_learning_by_heart_does_not_end_a_training(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    judge = loop.judge

    def strict(*parts: Any) -> Judgement:
        looks.append(1)
        return replace(judge(*parts), memorised=len(looks) == 2, nearer_train=0.9)

    monkeypatch.setattr(loop, "judge", strict)
    trained = fit(people(), schema(), FAST, Rng(0))
    assert trained.ending is Ending.STEPS
    assert trained.steps == 40


def test_a_role_does_not_stand_in_the_way_of_small_tables() -> None:
    spec = TableSchema(
        columns=(
            ColumnSpec(name="sex", kind=ColumnKind.CATEGORICAL),
            ColumnSpec(name="age", kind=ColumnKind.NUMERICAL, role=ColumnRole.TARGET),
        )
    )
    assert len(sample(fit(people(25)[["sex", "age"]], spec, QUICK, Rng(0)), 9, Rng(1))) == 9
