"""What the page says of trainings of equal processor time."""

import json
from pathlib import Path

from equal_cpu_page import NOT_YET, equal_cpu

from tests.benchmarks.runs import document, made

PAGE = Path(__file__).parents[2] / "docs" / "fidelity.md"


def test_the_page_has_the_place_for_it() -> None:
    assert PAGE.read_text().count("<!-- figures: equal cpu -->\n") == 1


def test_rows_have_means_and_spreads_of_what_was_measured(tmp_path: Path) -> None:
    assert equal_cpu(tmp_path) == NOT_YET
    runs = [made("no-critic"), made("default", 0, shapes=0.99), made("default", 1, shapes=0.98)]
    for run in runs:
        run["score"]["trends_same_bins"] = 0.99
    runs[0]["score"]["tstr_r2"] = runs[0]["score"].pop("tstr_auc")
    (tmp_path / "equal_cpu.adult.json").write_text(json.dumps(document(*runs, made("unprotected", fit_steps=60))))
    page = equal_cpu(tmp_path)
    rows = {line.split("|")[1].strip(): line.split("|")[2:-1] for line in page.splitlines() if line.startswith("| `")}
    assert list(rows) == ["`default`", "`no-critic`: what no-critic is"]
    cells = [cell.strip() for cell in rows["`default`"]]
    assert cells[1:4] == ["2", "1.50 ± 0.50", "3.00 ± 0.00"]
    assert cells[-2:] == ["1,300", "120"]
    assert [cell.strip() for cell in rows["`no-critic`: what no-critic is"]][6] == "0.910"


def test_runs_of_another_commit_have_a_row_of_their_own(tmp_path: Path) -> None:
    runs = [made("default", 0), made("default", 1)]
    for run, commit in zip(runs, ("aaaaaaaaaaaa", "bbbbbbbbbbbb"), strict=True):
        run["score"]["trends_same_bins"] = 0.99
        run["commit"] = commit
    (tmp_path / "equal_cpu.adult.json").write_text(json.dumps(document(*runs)))
    rows = [line.split("|")[1:4] for line in equal_cpu(tmp_path).splitlines() if line.startswith("| `")]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["`default`", "`aaaaaaa`", "1"],
        ["`default`", "`bbbbbbb`", "1"],
    ]
