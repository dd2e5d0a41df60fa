"""What a use gives: tables that hold real cells have their mark, and few records of a release are its own."""

from __future__ import annotations

import io
import json
import re
import shutil
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest

from app.blobs import open_blobs
from app.config import Settings
from app.marks import CHANGED, CONTENTS, REAL, SCORES
from app.pages import uses as pages
from app.pipeline import TRAINING_USES
from app.services.use_checks import USES
from app.stage_context import StageContext
from app.stages import use
from app.states import JobKind
from app.task import Note, Output, Progress, Task, hear
from app.wire_jobs import UseOptions, UseRequest
from synth.artifact import load, save
from synth.chain.forest import no_forest
from synth.config import TrainConfig
from synth.errors import ColumnsWarning, RuleWarning, SynthError
from synth.randomness import Rng
from synth.sampling.sample import sample
from synth.table.frame import write_parquet
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema
from synth.training.fit import fit
from tests.synth.tables_about_people import FAST

Made = dict[str, bytes]
SAYS = {
    "complete": "completing records",
    "impute": "filling missing cells",
    "odd": "scoring records",
    "change": "changing records",
    "adapt": "carrying records over",
    "coreset": "choosing records",
}
SCHEMA = TableSchema(
    columns=(
        ColumnSpec(name="age", kind=ColumnKind.NUMERICAL),
        ColumnSpec(name="ward", kind=ColumnKind.CATEGORICAL),
        ColumnSpec(name="ill", kind=ColumnKind.CATEGORICAL, role=ColumnRole.TARGET),
    )
)


def visits(n: int, old: float = 0.5, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    is_old = random.random(n) < old
    ill = np.where(random.random(n) < np.where(is_old, 0.8, 0.1), "yes", "no")
    age = np.where(is_old, random.integers(60, 90, n), random.integers(20, 50, n)).astype(float)
    return pd.DataFrame({"age": age, "ward": random.choice(["north", "south"], n), "ill": ill})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, a table with gaps, another domain, and a released table."""
    found = tmp_path_factory.mktemp("use")
    model = fit(visits(900), SCHEMA, FAST, Rng(0))
    save(model, found / "model")
    holed = visits(300, seed=1)
    holed.loc[::4, "ward"] = None
    write_parquet(holed, found / "table.parquet")
    write_parquet(visits(300, old=0.9, seed=2), found / "like.parquet")
    write_parquet(sample(model, 200, Rng(1)), found / "synthetic.parquet")
    return found


def task_of(options: Mapping[str, Any], inputs: Mapping[str, Mapping[str, str]] | None = None) -> Task:
    """The task of a use."""
    return Task(
        job_id="job_1",
        tenant_id="t",
        dataset_id="dataset_1",
        kind=JobKind.USE,
        stage="use",
        attempt=1,
        prefix="t/jobs/job_1/1-use",
        schema=SCHEMA.to_json(),
        options=options,
        inputs=inputs or {},
    )


def made(folder: Path, tmp_path: Path, *names: str, **asked: Any) -> Made:
    """The members of the archive that the stage publishes when it is given these inputs."""
    settings = Settings(home=tmp_path / "home", device="cpu")
    blobs, attempt = open_blobs(settings), tmp_path / "attempt"
    attempt.mkdir()
    files = {"weights": "model/model.safetensors", "model": "model/model.json"}
    inputs = {}
    for name in names:
        path = folder / files.get(name, f"{name}.parquet")
        stored = blobs.put(f"t/datasets/dataset_1/{name}", path)
        inputs[name] = {"key": stored.key, "sha256": stored.sha256}
    task = task_of(UseRequest.model_validate(asked).kept().model_dump(mode="json"), inputs)
    context = StageContext(task=task, settings=settings, blobs=blobs, folder=attempt, out=io.StringIO())
    use.run(context)
    words = [hear(line) for line in context.out.getvalue().splitlines()]  # type: ignore[attr-defined]
    told = [each for each in words if isinstance(each, Progress)]
    assert len(told) > 1, "who waits for more than two seconds sees that it goes on"
    fractions = [each.fraction for each in told]
    assert fractions == sorted(fractions)
    assert told[-1].message == SAYS[asked["use"]]
    (word,) = [each for each in words if isinstance(each, Output)]
    assert word.name == "result"
    assert {name for name, _ in blobs.data_keys()} >= {"t/job_1"}, "the result has a key of its own"
    with zipfile.ZipFile(io.BytesIO(blobs.read(word.key, word.sha256))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def table(found: Made, name: str) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(found[name]))


def mark(found: Made, name: str) -> str:
    return str(json.loads(found[f"{name}.contents.json"])[CONTENTS])


def test_gaps_are_completed_as_often_as_was_asked_and_the_tables_are_marked_as_real(
    folder: Path, tmp_path: Path
) -> None:
    found = made(folder, tmp_path, "table", "weights", "model", use="complete", times=2)
    given = pd.read_parquet(folder / "table.parquet")
    assert set(found) == {f"completed-{i}.csv{end}" for i in (1, 2) for end in ("", ".contents.json")}
    for name in ("completed-1.csv", "completed-2.csv"):
        done = table(found, name)
        assert (done["age"] == given["age"]).all()
        assert (done["ward"] == given["ward"])[given["ward"].notna()].all()
        assert mark(found, name) == REAL


def test_a_table_is_imputed_with_its_uncertainty(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(use, "TrainConfig", lambda **_: FAST)
    found = made(folder, tmp_path, "table", use="impute", times=2, max_minutes=1)
    assert table(found, "completed-1.csv")["ward"].notna().all()
    assert len(table(found, "cells.csv")) == 75
    assert json.loads(found["means.json"])["contents"] == REAL
    assert mark(found, "cells.csv") == REAL


def test_records_are_carried_over_to_the_other_table(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(use, "TrainConfig", lambda **_: FAST)
    found = made(folder, tmp_path, "table", "like", use="adapt")
    assert len(table(found, "adapted.csv")) == 300
    assert mark(found, "adapted.csv") == REAL
    about = json.loads(found["about.json"])
    assert about["contents"] == REAL
    assert 0 < about["changed"]["age"] <= 1
    assert set(about["changed"]) == {"age", "ward", "ill"}


def test_what_a_use_warns_of_is_told_beside_its_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def scored(*_: Any) -> use.About:
        warnings.warn("2 of 300 records break the rule 'a <= b'", RuleWarning, stacklevel=1)
        warnings.warn("this library is old", DeprecationWarning, stacklevel=1)
        warnings.warn("The model redraws 1 of 3 columns", ColumnsWarning, stacklevel=1)
        return {"contents": REAL}

    monkeypatch.setattr(use, "MAKERS", {"odd": scored})
    context = StageContext(
        task=task_of(UseRequest(use="odd").kept().model_dump(mode="json")),
        settings=(settings := Settings(home=tmp_path / "home", device="cpu")),
        blobs=(blobs := open_blobs(settings)),
        folder=tmp_path,
        out=(out := io.StringIO()),
    )
    use.run(context)
    words = [hear(line) for line in out.getvalue().splitlines()]
    assert [word for word in words if isinstance(word, Note)] == [Note(text="The model redraws 1 of 3 columns")], (
        "what counts records is not for everybody who sees the job"
    )
    (word,) = [word for word in words if isinstance(word, Output)]
    with zipfile.ZipFile(io.BytesIO(blobs.read(word.key, word.sha256))) as archive:
        about = json.loads(archive.read("about.json"))
    notes = ["2 of 300 records break the rule 'a <= b'", "The model redraws 1 of 3 columns"]
    assert about == {"contents": REAL, "notes": notes}


def test_scores_are_personal_data(folder: Path, tmp_path: Path) -> None:
    found = made(folder, tmp_path, "table", "weights", "model", use="odd")
    assert sorted(table(found, "odd.csv")["record"]) == list(range(300))
    assert mark(found, "odd.csv") == SCORES
    assert "about.json" not in found, "all columns are looked at"


def test_scores_by_few_columns_say_so(folder: Path, tmp_path: Path) -> None:
    short = tmp_path / "short"
    shutil.copytree(folder, short)
    model = load(folder / "model")
    save(replace(model, chain=replace(model.chain, forest=no_forest())), short / "model")
    found = made(short, tmp_path, "table", "weights", "model", use="odd")
    (note,) = json.loads(found["about.json"])["notes"]
    assert "redraws 1 of 3 columns" in note, "the target alone"


def test_records_of_a_release_that_were_changed_say_that_they_were_not_attacked(folder: Path, tmp_path: Path) -> None:
    asked = {"use": "change", "release_id": "release_1", "conditions": {"ward": "north"}}
    found = made(folder, tmp_path, "synthetic", "weights", "model", **asked)
    assert set(table(found, "changed.csv")["ward"]) == {"north"}
    assert mark(found, "changed.csv") == CHANGED


def test_few_real_records_are_real_and_few_of_a_release_are_a_part_of_it(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    real = made(folder, tmp_path / "a", "table", "weights", "model", use="coreset", rows=20)
    assert mark(real, "coreset.csv") == REAL
    (tmp_path / "b").mkdir()
    asked = {"use": "coreset", "rows": 20, "release_id": "release_1"}
    part = made(folder, tmp_path / "b", "synthetic", "weights", "model", **asked)
    assert set(part) == {"coreset.csv"}
    chosen, released = table(part, "coreset.csv"), pd.read_parquet(folder / "synthetic.parquet")
    assert len(chosen.merge(released.drop_duplicates(), how="inner")) == 20
    assert chosen["ill"].value_counts().to_dict() == {"yes": 10, "no": 10}


def test_a_category_that_the_model_does_not_know_is_named_by_its_column(folder: Path, tmp_path: Path) -> None:
    asked = {"use": "change", "release_id": "release_1", "conditions": {"ward": "Ward of Ada"}}
    with pytest.raises(SynthError, match="'ward'") as caught:
        made(folder, tmp_path, "synthetic", "weights", "model", **asked)
    assert "Ada" not in str(caught.value)


def test_a_training_of_a_use_is_as_long_and_where_the_installation_says(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, device="cpu", training_minutes=3.0)

    def config(**asked: Any) -> TrainConfig:
        options = UseRequest.model_validate({"use": "impute", **asked}).kept().model_dump(mode="json")
        return use._config(
            StageContext(task=task_of(options), settings=settings, blobs=open_blobs(settings), folder=tmp_path)
        )

    assert not config().protect, "real cells are in the result anyhow"
    assert [config(**asked).max_minutes for asked in ({}, {"max_minutes": 2}, {"max_minutes": 9})] == [3.0, 2.0, 3.0]
    assert config().device == "cpu"


def test_uses_are_the_same_wherever_they_are_listed() -> None:
    known = set(get_args(UseOptions.model_fields["use"].annotation))
    documented = set(re.findall(r"^\| `(\w+)` \| `", Path("docs/uses.md").read_text(encoding="utf-8"), re.MULTILINE))
    for listed in (USES, pages.USES, use.MAKERS, documented):
        assert set(listed) == known
    assert {name for name, takes in USES.items() if "max_minutes" in takes.may} == set(TRAINING_USES)
