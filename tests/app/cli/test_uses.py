"""Files that hold a user's own cells have them as the user wrote them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from app.cli.audit import Audit, audit_files
from app.cli.exits import CommandError
from app.cli.marks import mark_of
from app.cli.offline import Sampling, Training, fit_file, sample_model
from app.cli.screen import Screen
from app.cli.tables import Wanted
from app.cli.uses import adapt_file, change_file


def test_a_change_leaves_dates_and_decimals_as_the_file_has_them(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 90, 300), unit="D")
    costs = [f"{each:.2f}" for each in random.integers(100, 900, 300) / 10]
    held = pd.DataFrame({"seen": days.strftime("%Y-%m-%d"), "cost": costs, "sex": random.choice(["F", "M"], 300)})
    held.to_csv(tmp_path / "visits.csv", index=False)
    screen = Screen.of_process()
    fit_file(screen, tmp_path / "visits.csv", tmp_path / "model", Training(max_minutes=0.005, device="cpu"))
    model, drawn, changed = (tmp_path / name for name in ("model", "drawn.csv", "changed.csv"))
    assert mark_of(tmp_path / "visits.csv") is None
    sample_model(screen, model, drawn, Sampling(rows=100, seed=1))
    change_file(screen, model, drawn, changed, to={"sex": "F"}, seed=0)
    before, after = (list(csv.DictReader(each.read_text(encoding="utf-8").splitlines())) for each in (drawn, changed))
    mark = json.loads((tmp_path / "changed.csv.contents.json").read_text(encoding="utf-8"))
    assert "real data" in mark["lookalike.contents"]
    with pytest.raises(CommandError, match=r"--synthetic: .* real data"):
        audit_files(
            screen,
            Audit(
                train=tmp_path / "visits.csv",
                holdout=tmp_path / "visits.csv",
                synthetic=changed,
                out=tmp_path / "audit.json",
                wanted=Wanted(),
                policy="internal",
            ),
        )
    stayed = [i for i, record in enumerate(before) if record["sex"] == "F"]
    assert stayed
    assert [after[i] for i in stayed] == [before[i] for i in stayed]


@pytest.mark.parametrize(
    ("other", "says"),
    [({"age": [1, 2]}, "'sex'"), ({"age": ["x1", "y1"], "sex": ["F", "M"]}, "'age': .*numbers and text")],
)
def test_files_of_other_columns_or_types_are_no_two_domains(tmp_path: Path, other: dict, says: str) -> None:
    pd.DataFrame({"age": [31, 47], "sex": ["F", "M"]}).to_csv(tmp_path / "one.csv", index=False)
    pd.DataFrame(other).to_csv(tmp_path / "other.csv", index=False)
    files = [tmp_path / name for name in ("one.csv", "other.csv", "out.csv")]
    with pytest.raises(CommandError, match=says) as caught:
        adapt_file(Screen.of_process(), *files, seed=0, max_minutes=1)
    assert "x1" not in str(caught.value)
    assert not files[2].exists()
