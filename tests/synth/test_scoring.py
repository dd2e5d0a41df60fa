"""The library's own face: score, and the snippet of the README."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from synth.errors import TableError
from synth.fidelity.assess import Fidelity
from synth.randomness import Rng
from synth.scoring import score
from synth.training.fit import fit
from tests.synth.tables_about_people import FAST, people, schema

ROOT = Path(__file__).parents[2]


def test_a_model_is_scored_on_as_many_records_as_it_learnt() -> None:
    table = people(300)
    model = fit(table, schema(), FAST, Rng(0))
    found = score(model, table, Rng(1), holdout=people(120, seed=1))
    assert found.records == {"train": 300, "holdout": 120, "synthetic": 300}
    assert set(found.marginals) == set(table.columns) - {"person"}
    alone = score(model, table, Rng(1))
    assert alone.records == {"train": 225, "holdout": 75, "synthetic": 225}
    with pytest.raises(TableError):
        score(model, table.head(3), Rng(1))
    with pytest.raises(TableError):
        score(model, table.drop(columns="age"), Rng(1))


def test_the_snippet_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## In a notebook", 1)[1].split("\n## ", 1)[0]
    (snippet,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    assert snippet.count("TrainConfig()") == 1
    quick = snippet.replace("TrainConfig()", f"TrainConfig(**{FAST.to_json()!r})")
    (tmp_path / "examples").mkdir()
    rows = pd.read_csv(ROOT / "examples" / "adult.csv.gz", nrows=400)
    rows.to_csv(tmp_path / "examples" / "adult.csv.gz", index=False)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(quick, names)  # noqa: S102 - it is this project's own text
    women, fidelity = names["women"], names["fidelity"]
    assert isinstance(women, pd.DataFrame)
    assert len(women) == 1000
    assert set(women["sex"]) == {"Female"}
    assert women["age"].between(30, 40).all()
    assert isinstance(names["synthetic"], pd.DataFrame)
    assert isinstance(fidelity, Fidelity)
    assert fidelity.records["synthetic"] == 300
