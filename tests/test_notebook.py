"""The notebook in examples/ runs from its first cell to its last, on fewer records and with fewer steps."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import matplotlib as mpl
import pandas as pd
import pytest

from tests.synth.tables_about_people import FAST

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = json.loads((EXAMPLES / "notebook.ipynb").read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    for full, quick in (
        ("20_000", "800"),
        ("10_000", "400"),
        ("TrainConfig(max_minutes=3)", f"TrainConfig(**{FAST.to_json()!r})"),
    ):
        assert full in code
        code = code.replace(full, quick)
    shutil.copy(EXAMPLES / "adult.csv.gz", tmp_path)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    with mpl.rc_context({"backend": "agg"}):
        exec(code, names)  # noqa: S102 - it is this project's own text
    synthetic, women = names["synthetic"], names["women"]
    assert isinstance(synthetic, pd.DataFrame)
    assert isinstance(women, pd.DataFrame)
    assert len(synthetic) == 400
    assert set(women["sex"]) == {"Female"}
