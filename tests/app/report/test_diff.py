"""Two reports side by side: nothing that differs is left out, and chance is told from change."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from app.report.diff import differences
from app.report.document import SCHEMA_FILE
from tests.app.cli.commands import lookalike
from tests.privacy.test_policy import result
from tests.support.reports import LEAK, document


def by_name(first: dict[str, Any], second: dict[str, Any]) -> dict[tuple[str, str], Any]:
    return {(line.part, line.name): line for line in differences(first, second)}


def test_a_report_does_not_differ_from_itself() -> None:
    report = document()
    assert {line.verdict for line in differences(report, report)} == {"equal"}
    names = {line.name for line in differences(report, report) if line.part == "finding"}
    assert names == {finding["title"] for finding in report["findings"]}


def test_a_leak_is_beyond_noise_and_a_draw_of_chance_is_within() -> None:
    before = document(options={"seed": 1, "generator": {"max_steps": 20}})
    after = document(
        result(**{"linkability.k1": LEAK, "membership.plain_k1_auc": (0.505, 0.495, 0.515)}),
        options={"seed": 2, "generator": {"max_steps": 20}},
    )
    lines = by_name(before, after)
    assert lines["option", "seed"].verdict == "changed"
    assert lines["option", "generator.max_steps"].verdict == "equal"
    assert (lines["verdict", "verdict"].first, lines["verdict", "verdict"].second) == ("PASS", "BLOCK")
    assert lines["question", "Could records about one person be linked?"].second == "BLOCK"
    linked = lines["finding", "Linkability: k = 1"]
    assert linked.verdict == "beyond noise"
    assert linked.noise.startswith("±")
    assert lines["finding", "Membership inference: nearest record, k = 1, AUC"].verdict == "within noise"


def test_what_is_in_one_report_alone_is_shown() -> None:
    before, after = document(), document()
    gone = after["findings"].pop()
    line = by_name(before, after)["finding", gone["title"]]
    assert (line.second, line.verdict) == ("not there", "changed")


@pytest.mark.parametrize("broken", [{}, {"format": "lookalike.report/2"}, {"format": "lookalike.report/1"}])
def test_what_is_no_report_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        differences(document(), broken)


def test_the_command_compares_two_files_and_prints_names_as_they_are(tmp_path: Path) -> None:
    before = document(options={"conditions": {"[bold]sex\x1b[31m": "a"}})
    after = copy.deepcopy(before)
    after["protocol"]["options"]["conditions"]["[bold]sex\x1b[31m"] = "b"
    for name, report in (("a.json", before), ("b.json", after)):
        (tmp_path / name).write_text(json.dumps(report), encoding="utf-8")
    found = lookalike("report", "diff", tmp_path / "a.json", tmp_path / "b.json")
    assert found.returncode == 0, found.stderr
    assert "[bold]sex" in found.stdout
    assert "\x1b" not in found.stdout
    assert "1 of " in found.stdout
    as_json = lookalike("report", "diff", tmp_path / "a.json", tmp_path / "b.json", "--json", "--all")
    assert len(json.loads(as_json.stdout)) == len(differences(before, after))
    (tmp_path / "c.json").write_text("[]", encoding="utf-8")
    assert lookalike("report", "diff", tmp_path / "a.json", tmp_path / "c.json").returncode == 2


def test_the_command_prints_the_schema_that_is_published() -> None:
    assert lookalike("report", "schema").stdout == SCHEMA_FILE.read_text(encoding="utf-8")


def test_every_figure_of_the_fidelity_is_compared_wherever_it_stands() -> None:
    before, after = document(), document()
    for report, value in ((before, 0.7), (after, 0.9)):
        figure = {"value": value, "lower": value - 0.01, "upper": value + 0.01, "reason": ""}
        report["fidelity"]["utility"] = [{"model": "Trees", "metric": "AUC", "tstr": figure, "trtr": figure}]
        report["fidelity"]["novel"] = [{"column": "age", "gap": figure}]
    lines = by_name(before, after)
    for name in ("Trees, AUC, tstr", "Trees, AUC, trtr", "age, gap"):
        line = lines["fidelity", name]
        assert (line.verdict, line.noise) == ("beyond noise", "± 0.01")
