"""What the page says of an ablation."""

import json
from pathlib import Path
from typing import Any

import pytest
from ablation_page import NOT_YET, ablation

from tests.benchmarks.runs import document, made

PAGE = Path(__file__).parents[2] / "docs" / "fidelity.md"


def page_of(folder: Path, *runs: dict[str, Any]) -> str:
    (folder / "ablation.adult.json").write_text(json.dumps(document(*runs)))
    return ablation(folder)


def row(page: str, name: str, place: int) -> list[str]:
    """The cells of the `place`-th row that begins with this name: 0 is quality, 1 is privacy."""
    found = [line for line in page.splitlines() if line.startswith(f"| {name} |")]
    return [text.strip() for text in found[place].strip("|").split("|")]


def test_the_page_has_the_place_for_it() -> None:
    assert PAGE.read_text().count("<!-- figures: ablation -->\n") == 1


@pytest.mark.parametrize("runs", [(), (made("default", fit_steps=60),)], ids=["no runs", "trainings cut short"])
def test_nothing_measured_is_said(runs: tuple[dict[str, Any], ...], tmp_path: Path) -> None:
    assert ablation(tmp_path) == NOT_YET
    assert page_of(tmp_path, *runs) == NOT_YET


def test_rows_follow_the_steps_and_say_what_they_are(tmp_path: Path) -> None:
    page = page_of(tmp_path, made("no-critic"), made("default", 0, shapes=0.99), made("default", 1, shapes=0.98))
    assert page.index("| `default` |") < page.index("| `no-critic` |")
    assert "unprotected" not in page
    assert row(page, "`default`", 0) == [
        "`default`", "what default is", "2", "1.50", "3.00", "0.600", "0.910", "1,300", "120",
    ]  # fmt: skip
    assert row(page, "a real holdout", 0)[3:7] == ["0.66", "2.63", "0.500", "0.930"]
    assert "The 2 seeds of the default lie apart by: shape error, % 1.00, trend error, % 0.00" in page


def test_privacy_has_intervals_and_their_noise(tmp_path: Path) -> None:
    page = page_of(tmp_path, made("default", findings={"vulnerable.auc": 0.55, "vulnerable.rare_auc": None}))
    cells = row(page, "`default`", 1)
    assert cells[4] == "0.550 (0.51 to 0.59)"
    assert cells[6] == "none"
    noise = row(page, "noise, if nothing is copied", 0)
    assert noise[1:5] == ["0.500 ± 0.014", "0.500 ± 0.016", "0.500 ± 0.040", "0.500 ± 0.040"]
    assert noise[6] == "none"
    assert "Of 7 intervals of single runs, 1 begin above 0.5; 0.2 would by chance" in page
    assert "They are: most isolated 2 % 1 of 1." in page


def test_the_cost_of_protection_is_written_from_the_figures(tmp_path: Path) -> None:
    off = made("unprotected", shapes=0.995, findings={"vulnerable.rare_auc": 0.7, "vulnerable.extreme_auc": 0.6})
    page = page_of(tmp_path, made("default"), off)
    assert "shape error 1.00 instead of 0.50" in page
    assert "Within the noise of one draw: C2ST AUC and TSTR AUC." in page
    assert "0.500 instead of 0.700 (rarest categories), 0.500 instead of 0.600 (extremes)" in page
    assert "What protection costs" not in page_of(tmp_path, made("default"))


def test_an_ingredient_that_moves_privacy_beyond_noise_is_named(tmp_path: Path) -> None:
    default = made("default", findings={"vulnerable.auc": 0.6, "vulnerable.extreme_auc": 0.55})
    page = page_of(tmp_path, default, made("no-critic", findings={"vulnerable.rare_auc": 0.6}))
    assert "8 comparisons" in page
    assert "higher in: most isolated 2 % 0.600 instead of 0.500 (`no-critic`). It is" in page
    assert "lower in: rarest categories 0.500 instead of 0.600 (`no-critic`)." in page


def test_only_seeds_that_both_rows_have_are_compared(tmp_path: Path) -> None:
    runs = [made("default", 0), made("default", 1, findings={"vulnerable.auc": 0.9}), made("no-critic", 0)]
    assert "higher in: nothing. It is lower in: nothing." in page_of(tmp_path, *runs)


def test_rows_of_several_commits_are_told_apart(tmp_path: Path) -> None:
    page = page_of(tmp_path, made("default"), made("no-critic", commit="def"))
    assert "Measured at commit `abc` (default), `def` (no-critic), threads: 1" in page


def test_each_table_has_a_part_of_its_own(tmp_path: Path) -> None:
    page_of(tmp_path, made("default"))
    (tmp_path / "ablation.magic.json").write_text(json.dumps(document(made("default")) | {"table": "magic"}))
    page = ablation(tmp_path)
    assert page.index("The table: adult") < page.index("The table: magic")
