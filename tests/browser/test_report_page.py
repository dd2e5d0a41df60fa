"""The report page in a real browser: it shows without a network, without a script, and nothing in it is cut off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.report.audit_page import render_audit
from app.report.document import build
from app.report.page import render
from tests.app.report.samples import asked, measured, put_in
from tests.app.report.test_page import hostile_parts
from tests.browser.looking import WIDTHS, axe, cut_off, nameless, pale
from tests.support.chromium import Browser

LONG = "WWWWWWWWWWWWWWWWWWWWWWWW a very long name of a column, over and over and over again"
EASTERN = "非常に長い列の名前がここにありますので切れないように"


def long_parts() -> dict[str, Any]:
    """The parts of a table whose names and categories are as wide as names come."""
    parts = measured(leak=True)
    marginals = parts["fidelity"]["marginals"]
    labels = {label for each in marginals.values() if each["kind"] == "categories" for label in each["labels"]}
    renamed = {name: f"{EASTERN if i % 2 else LONG}{i}" for i, name in enumerate(marginals)}
    renamed |= {label: f"{LONG if i % 2 else EASTERN}{i}" for i, label in enumerate(sorted(labels))}
    parts["fidelity"] = put_in(parts["fidelity"], renamed)
    gap = {"synthetic": 0.1, "holdout": 0.1}
    names = list(renamed.values())
    parts["fidelity"]["closeness"] |= {
        "missing": {
            "patterns": [{"columns": some, "real": 0.5, "synthetic": 0.5} for some in (names[:3], [])],
            "gap": gap,
        },
        "subgroups": {
            "column": names[0],
            "levels": {"labels": names[1:4]},
            "groups": [{"level": i, "gap": gap, "worst_gap": gap, "worst": names[2]} for i in range(3)],
            "left_out": 0,
        },
    }
    parts["fidelity"]["asked"] = [*asked(LONG), *asked(EASTERN), *asked(LONG.replace(" ", "_"))]
    parts["facts"]["dataset_name"] = LONG.replace(" ", "_") + ".csv"
    return parts


def audit_document() -> dict[str, Any]:
    """What `lookalike audit` writes of tables with names that are as wide as names come."""
    parts = measured(leak=True)
    inputs = [{"table": "train", "file": LONG, "rows": 600, "sha256": "a" * 64}]
    schema = [{"name": f"{EASTERN}{LONG}", "kind": "categorical", "role": "feature"}]
    audit = {"audit": parts["audit"], "decision": parts["decision"]}
    return {
        **audit,
        "inputs": inputs,
        "notes": [LONG],
        "schema": schema,
        "seed": 7,
        "versions": {"attack battery": "6"},
    }


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reports")
    leak = measured(leak=True)
    leak["fidelity"]["asked"] = asked("age")
    made = {"leak": leak, "long": long_parts(), "hostile": hostile_parts()}
    paths = {name: folder / f"{name}.html" for name in made}
    for name, parts in made.items():
        paths[name].write_text(render(build(**parts)), encoding="utf-8")
    paths["audit"] = folder / "audit.html"
    paths["audit"].write_text(render_audit(audit_document()), encoding="utf-8")
    return paths


def test_the_browser_shows_the_page_and_asks_for_nothing(browser: Browser, pages: dict[str, Path]) -> None:
    browser.requested()
    browser.goto(pages["leak"].as_uri())
    asked = [url for url in browser.requested() if not url.startswith("data:")]
    assert asked == [pages["leak"].as_uri()]
    assert "BLOCK" in browser.evaluate("document.body.innerText")
    source = pages["leak"].read_text(encoding="utf-8")
    assert browser.evaluate("document.querySelectorAll('svg.chart').length") == source.count('<svg class="chart"')


def test_a_page_that_asks_for_something_would_be_seen(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "asks.html"
    page.write_text('<img src="http://127.0.0.1:9/picture.png">', encoding="utf-8")
    browser.requested()
    browser.goto(page.as_uri())
    assert "http://127.0.0.1:9/picture.png" in browser.requested()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["leak", "long", "hostile", "audit"])
def test_no_text_of_any_chart_or_table_is_cut_off(
    browser: Browser, pages: dict[str, Path], name: str, width: int
) -> None:
    browser.size(width, mobile=width < 500)
    browser.goto(pages[name].as_uri())
    assert cut_off(browser) == []


def test_a_text_that_is_cut_off_would_be_seen(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "cut.html"
    page.write_text(
        '<svg viewBox="0 0 50 20" width="50" height="20"><text x="40" y="15">beyond the edge</text></svg>'
        '<table><tr><td style="display:block;width:20px;overflow:hidden;white-space:nowrap">far too long</td></tr>'
        "</table>",
        encoding="utf-8",
    )
    browser.size(390)
    browser.goto(page.as_uri())
    found = cut_off(browser)
    assert any("beyond the edge" in each for each in found)
    assert any("far too long" in each for each in found)


def test_verdict_and_questions_are_on_the_first_screen(browser: Browser, pages: dict[str, Path]) -> None:
    browser.size(1280, 900)
    browser.goto(pages["leak"].as_uri())
    bottom = browser.evaluate("document.querySelector('#q-coverage').getBoundingClientRect().bottom")
    assert bottom <= 900


@pytest.mark.parametrize("dark", [False, True])
def test_text_can_be_read_and_everything_has_a_name(browser: Browser, pages: dict[str, Path], dark: bool) -> None:
    browser.dark(on=dark)
    browser.size(1280)
    browser.goto(pages["leak"].as_uri())
    browser.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert pale(browser) == []
    assert nameless(browser) == []
    assert axe(browser) == []
    browser.dark(on=False)


def test_a_question_opens_by_keyboard_alone(browser: Browser, pages: dict[str, Path]) -> None:
    browser.size(1280)
    browser.goto(pages["leak"].as_uri())
    browser.press("Tab")
    assert browser.evaluate("document.activeElement.className") == "skip"
    browser.press("Tab")
    assert browser.evaluate("document.activeElement.parentElement.id") == "q-copies"
    browser.press("Enter")
    assert browser.evaluate("document.querySelector('#q-copies').open") is True


def test_nothing_that_a_user_named_runs_or_becomes_an_element(browser: Browser, pages: dict[str, Path]) -> None:
    browser.goto(pages["hostile"].as_uri())
    assert browser.evaluate("document.scripts.length") == 0
    assert '<script>alert("x")</script>' in browser.evaluate("document.body.textContent")
