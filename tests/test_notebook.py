"""The notebooks in examples/ run from their first cells to their last, on fewer records and with fewer steps."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from tests.synth.tables_about_people import FAST

EXAMPLES = Path(__file__).parents[1] / "examples"
UNTRAINED = FAST.with_(protect=False)


def run(notebook: str, folder: Path, quick: dict[str, str]) -> dict[str, object]:
    """The names that a notebook leaves; `quick` says what stands in place of what would take long."""
    cells = json.loads((EXAMPLES / notebook).read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    for full, less in quick.items():
        assert full in code
        code = code.replace(full, less)
    names: dict[str, object] = {}
    with mpl.rc_context({"backend": "agg"}), pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        exec(code, names)  # noqa: S102 - it is this project's own text
        plt.close("all")
    return names


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all notebooks run: the first one writes the model that the others read."""
    found = tmp_path_factory.mktemp("examples")
    shutil.copy(EXAMPLES / "adult.csv.gz", found)
    return found


@pytest.fixture(scope="module")
def first(folder: Path) -> dict[str, object]:
    training = f"TrainConfig(**{FAST.to_json()!r})"
    return run("notebook.ipynb", folder, {"20_000": "1_400", "10_000": "700", "TrainConfig(max_minutes=3)": training})


def test_the_notebook_runs(first: dict[str, object]) -> None:
    synthetic, women = first["synthetic"], first["women"]
    assert isinstance(synthetic, pd.DataFrame)
    assert isinstance(women, pd.DataFrame)
    assert len(synthetic) == 700
    assert set(women["sex"]) == {"Female"}


@pytest.mark.parametrize("notebook", ["mix", "lost_data", "odd_records", "what_if"])
def test_the_notebooks_of_other_uses_run(notebook: str, folder: Path, first: dict[str, object]) -> None:
    assert first
    names = run(f"{notebook}.ipynb", folder, {})
    assert "model" in names


def test_the_notebook_of_two_domains_runs(folder: Path) -> None:
    training = f"TrainConfig(**{UNTRAINED.to_json()!r})"
    quick = {"40_000": "4_000", "3_000": "500", "2_000": "300", "TrainConfig(max_minutes=3, protect=False)": training}
    found = run("another_domain.ipynb", folder, quick)["found"]
    assert len(found.table) == 500
