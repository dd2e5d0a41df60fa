"""The page: everything a reviewer needs, nothing that a hostile column name can bend, nothing to load."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from app.report.document import build
from app.report.page import render
from app.report.units import in_unit, number
from app.report.wording import FIRST_SENTENCES
from privacy.wording import FORBIDDEN, NO_PROMISE, NOT_COVERED
from synth.table.schema import ColumnKind, ColumnSpec, TableSchema
from tests.app.report.reader import Reader
from tests.app.report.samples import asked, measured, put_in, run, wide

MEGABYTE = 2**20
VERDICTS = ("PASS", "REVIEW", "BLOCK", "INSUFFICIENT", "VOID")
HOSTILE = '<script>alert("x")</script>&quot;\'$\\frac{'


def hostile_parts() -> dict[str, Any]:
    """Parts in which every name and category that a user controls is an attack."""
    parts = measured()
    parts["facts"]["dataset_name"] = HOSTILE + "\u202e\x00.csv"
    fidelity = parts["fidelity"]
    marginals = list(fidelity["marginals"].values())
    names = [f"font-family: {HOSTILE}{i}" for i in range(len(marginals))]
    renamed = dict(zip(fidelity["marginals"], names, strict=True))
    labels = {label for m in marginals if m["kind"] == "categories" for label in m["labels"]}
    renamed |= {label: f"{HOSTILE}{i}]]>-->" for i, label in enumerate(sorted(labels))}
    parts["fidelity"] = fidelity = put_in(fidelity, renamed)
    fidelity["closeness"]["missing"] = {
        "patterns": [{"columns": some, "real": 0.5, "synthetic": 0.5} for some in (names[:2], [])],
        "gap": {"synthetic": 0.1, "holdout": 0.1},
    }
    fidelity["closeness"]["subgroups"] = {
        "column": names[0],
        "levels": {"labels": [HOSTILE]},
        "groups": [
            {"level": 0, "gap": gap, "worst_gap": gap, "worst": HOSTILE} for gap in [{"synthetic": 0.1, "holdout": 0.1}]
        ],
        "left_out": 0,
    }
    fidelity["asked"] = asked(HOSTILE + "\u202e")
    parts["facts"]["schema"] = [{"name": name, "kind": "numerical", "role": "feature"} for name in names]
    parts["facts"]["options"] = {"conditions": {HOSTILE: HOSTILE}, "target": HOSTILE}
    parts["decision"]["reasons"] = [f"Column {HOSTILE} did it."]
    parts["training"]["warnings"] = [HOSTILE]
    parts["audit"]["findings"][1]["note"] = HOSTILE
    return parts


def test_the_page_is_well_formed(page: str) -> None:
    reader = Reader(page)
    assert reader.unbalanced == []
    assert reader.open == []
    ids = re.findall(r'\sid="([^"]+)"', page)
    references = re.findall(r'(?:href="#|url\(#)([^")]+)', page)
    assert set(references) <= set(ids)


def test_the_page_has_every_finding_with_all_its_numbers(page: str, document: dict[str, Any]) -> None:
    text = Reader(page).text
    for finding in document["findings"]:
        unit = finding["unit"]
        wanted = [finding["figure"][end] for end in ("value", "lower", "upper")]
        wanted += [finding["baseline"], finding["limit"], finding["minimum_detectable"]["value"]]
        for value in wanted:
            assert value is None or in_unit(value, unit) in text, finding["key"]
        if finding["status"] != "measured":
            assert " ".join(finding["figure"]["reason"].split()) in text
        assert finding["threat"] in text


def test_the_page_has_every_score_and_its_floor(page: str, document: dict[str, Any]) -> None:
    text = Reader(page).text
    for score in document["fidelity"]["scores"]:
        for figure in (score["synthetic"], score["floor"]):
            shown = number(figure["value"]) if figure["value"] is not None else f"not measured: {figure['reason']}"
            assert shown in text, score["key"]
    for row in document["fidelity"]["utility"]:
        assert number(row["tstr"]["value"]) in text
        assert number(row["trtr"]["value"]) in text
    assert f"version {document['fidelity']['sdmetrics_version']}" in text


def test_a_reviewer_reads_verdict_and_questions_first_and_protocol_and_words_last(page: str) -> None:
    sections = re.findall(r'<section[^>]* (?:id|aria-labelledby)="(?:h-)?([a-z-]+)"', page)
    first = ["verdict", "questions", "reasons", "reading", "findings", "not-covered", "criteria"]
    close = ["fidelity", "scores", "detection", "marginals", "missing", "trends", "subgroups"]
    assert sections == [*first, *close, "training", "protocol", "glossary"]


def test_the_protocol_is_on_the_page(page: str, document: dict[str, Any]) -> None:
    text = Reader(page).text
    for part in ("sizes", "split", "hashes", "versions"):
        for fact in document["protocol"][part]:
            assert fact["value"] in text
    assert document["run"]["created_at"] in text


@pytest.mark.parametrize("verdict", VERDICTS)
def test_each_verdict_says_what_it_does_not_prove(verdict: str) -> None:
    parts = measured()
    parts["decision"] |= {"verdict": verdict, "reasons": ["One reason."]}
    parts["fidelity"]["marginals"] = {}
    text = Reader(render(build(**parts))).text
    for sentence in (FIRST_SENTENCES[verdict], NOT_COVERED, NO_PROMISE, "No differential privacy", "One reason."):
        assert sentence in text
    for word in FORBIDDEN:
        assert not re.search(rf"\b{word}", text, re.IGNORECASE), word


def test_the_page_says_records_and_the_smallest_leak_stopped(page: str) -> None:
    text = Reader(page).text
    assert "Smallest leak stopped: " in text
    assert "Synthetic records that are copies, beyond chance" in text
    assert "people held back" not in text
    assert "people whose records" not in text


def test_no_column_name_or_category_becomes_markup() -> None:
    page = render(build(**hostile_parts()))
    reader = Reader(page)
    assert reader.named("script") == []
    assert reader.unbalanced == []
    assert all(not name.startswith("on") for _, attributes in reader.tags for name in attributes)
    assert '<script>alert("x")</script>' in reader.text
    assert not re.search("[\x00\u202e]", page)


def test_nothing_is_loaded_and_nothing_runs(page: str) -> None:
    reader = Reader(page)
    assert "default-src 'none'" in page
    names = {tag for tag, _ in reader.tags}
    assert names.isdisjoint({"script", "link", "img", "image", "iframe", "object", "form", "base", "foreignobject"})
    for tag, attributes in reader.tags:
        for name in ("src", "href", "xlink:href", "data", "action", "srcset"):
            target = attributes.get(name)
            assert target is None or target.startswith("#"), (tag, name)
    assert not re.search(r"url\((?!#)|@import|https?://", page)


def test_every_chart_has_a_title_a_description_and_a_table(page: str, document: dict[str, Any]) -> None:
    reader = Reader(page)
    charts = [svg for svg in reader.named("svg") if svg.get("class") == "chart"]
    fidelity = document["fidelity"]
    # Columns, pairs, four heat maps; ROC curve, projection, groups of the target and of the audit; the training curve.
    assert len(charts) == len(fidelity["marginals"]) + len(fidelity["pairs"]["worst"]) + 4 + 4 + 1
    for chart in charts:
        assert chart["role"] == "img"
        for name in str(chart["aria-labelledby"]).split():
            found = re.search(rf'id="{name}">([^<]+)<', page)
            assert found
            assert len(found.group(1)) > 10
    figures = re.findall(r"<figure.*?</figure>", page, re.DOTALL)
    alone = [figure for figure in figures if '<details class="data">' not in figure]
    # Heat maps share one table, which stands below them, as that of the training does.
    assert len(alone) == 4 + 1
    assert page.count('<details class="data">') == len(figures) - len(alone) + 2 + 1


def test_a_figure_drawn_small_says_in_words_what_it_shows(page: str) -> None:
    gauges = [svg for svg in Reader(page).named("svg") if svg.get("class") == "gauge" and svg.get("role") == "img"]
    assert len(gauges) > 20
    for gauge in gauges:
        assert re.search(r": .+ \(95 % interval .+ to .+\), limit .+", str(gauge["aria-label"]).replace("\u00a0", " "))


@pytest.mark.parametrize("leak", [False, True])
def test_no_internal_key_stands_in_prose(leak: bool) -> None:
    document = build(**measured(leak=leak))
    text = Reader(render(document)).text
    for finding in document["findings"]:
        assert finding["key"] not in text
        if "_" in finding["statistic"]:
            assert finding["statistic"] not in text


def test_every_question_is_answered_and_opens_to_its_findings(page: str, document: dict[str, Any]) -> None:
    reader = Reader(page)
    rows = [each for each in reader.named("details") if each.get("class") == "question"]
    assert [row["id"] for row in rows] == [f"q-{question['key']}" for question in document["questions"]]
    assert len(rows) == 8
    for question in document["questions"]:
        assert question["question"] in reader.text
        assert question["sentence"] in reader.text


def test_the_contents_lead_to_every_part(page: str) -> None:
    contents = re.search(r'<nav class="contents".*?</nav>', page, re.DOTALL)
    assert contents
    targets = re.findall(r'href="#([a-z-]+)"', contents.group())
    sections = re.findall(r'<section id="([a-z-]+)"', page)
    assert targets == sections


def test_a_document_from_before_there_were_questions_shows_its_verdict_and_gives_no_marks(
    document: dict[str, Any],
) -> None:
    older = {name: part for name, part in document.items() if name != "questions"}
    text = Reader(render(older)).text
    assert text.count("Not recorded") == 6
    assert document["verdict"]["verdict"] in text


def test_all_marginal_figures_are_in_the_tables(page: str, document: dict[str, Any]) -> None:
    text = Reader(page).text
    for marginal in document["fidelity"]["marginals"]:
        for share in (*marginal["real"], *marginal["synthetic"]):
            assert f"{100 * share:.2f} %" in text.replace("\u00a0", " ")


def test_the_same_document_gives_the_same_page(page: str, document: dict[str, Any]) -> None:
    assert render(document) == page


def test_a_wide_table_shows_every_column_the_worst_first_and_the_rest_folded() -> None:
    parts = wide(100)
    last = parts["fidelity"]["marginals"]["measurement of the 99th kind"]
    last["synthetic"] = [1.0] + [0.0] * (len(last["synthetic"]) - 1)
    page = render(build(**parts))
    text = Reader(page).text
    assert len(page) < 3 * MEGABYTE
    shown = re.findall(r"<title id=.marginal-\d+-title.>Marginal of (measurement of the \d+th kind)", page)
    assert len(set(shown)) == 100
    assert shown[0] == "measurement of the 99th kind"
    assert "70 further columns, less far off" in text
    assert "10 columns are not in these heat maps" in text
    assert "60 columns of this wide table" in text


def test_a_table_of_one_numeric_column_has_a_page() -> None:
    rng = np.random.default_rng(0)
    tables = [pd.DataFrame({"height": rng.normal(170, 10, 300)}) for _ in range(4)]
    schema = TableSchema(columns=(ColumnSpec(name="height", kind=ColumnKind.NUMERICAL),))
    text = Reader(render(build(**run(tables, schema)))).text
    assert "INSUFFICIENT" in text
    assert "Pair trends: not measured: There is only one column" in text
    assert "TSTR and TRTR: not measured: The schema names no target." in text


def test_a_run_of_which_little_is_known_has_a_page_that_says_so() -> None:
    parts = measured()
    empty = {"facts": {}, "split": {}, "training": {}, "fidelity": {}}
    document = build(**(parts | empty))
    text = Reader(render(document)).text
    for gap in ("Training curve: not measured", "Marginals: not measured", "Pair trends: not measured", "not given"):
        assert gap in text
    assert "None" not in text


def test_a_crashed_attack_is_shown_as_failed() -> None:
    parts = measured()
    crash = {
        "attack": "replay",
        "statistic": "crashed",
        "status": "failed",
        "note": "The attack crashed with KeyError.",
    }
    parts["audit"]["findings"].append(crash)
    parts["fidelity"]["marginals"] = {}
    text = Reader(render(build(**parts))).text
    assert "The attack crashed with KeyError." in text
    assert "failed" in text


def test_a_document_from_before_distances_were_measured_is_shown_and_says_so(document: dict[str, Any]) -> None:
    later = {"records", "pairs", "missing", "projection", "roc", "subgroups", "not_measured"}
    fidelity = {name: part for name, part in document["fidelity"].items() if name not in later}
    fidelity["marginals"] = [
        {name: part for name, part in each.items() if name not in {"gap", "spikes"}} for each in fidelity["marginals"]
    ]
    fidelity["utility"] = [{name: part for name, part in row.items() if name != "trts"} for row in fidelity["utility"]]
    fidelity["trends"] = {name: part for name, part in fidelity["trends"].items() if name != "holdout"}
    text = Reader(render(document | {"fidelity": fidelity})).text
    assert text.count("not measured: this document is from before it was measured") == 5
    assert "off, a real sample: not measured" in text
    assert "TRTS" not in text


def test_distances_and_both_ways_of_testing_stand_beside_a_real_sample(page: str, document: dict[str, Any]) -> None:
    text = Reader(page).text.replace("\u00a0", " ")
    fidelity = document["fidelity"]
    for gap in [
        *(each["gap"] for each in fidelity["marginals"]),
        *(each["gap"] for each in fidelity["pairs"]["worst"]),
    ]:
        assert f"{100 * gap['synthetic']:.2f} % off, a real sample {100 * gap['floor']:.2f} %" in text
    assert {row["model"] for row in fidelity["utility"]} == {"Gradient boosting", "Logistic regression"}
    for row in fidelity["utility"]:
        for way in ("tstr", "trts", "trtr"):
            assert number(row[way]["value"]) in text
            assert row[way]["lower"] <= row[way]["value"] <= row[way]["upper"]
    roc = fidelity["roc"]
    assert number(roc["auc"]["value"]) in text
    assert number(roc["floor_auc"]["value"]) in text


def test_a_cell_that_is_withheld_is_said_to_be(document: dict[str, Any]) -> None:
    worst = document["fidelity"]["pairs"]["worst"]
    assert any(cell is None for pair in worst for row in pair["real"] for cell in row)
    assert "withheld" in Reader(render(document)).text


def test_bounds_that_floating_point_cannot_tell_apart_are_drawn() -> None:
    parts = measured()
    name, entry = next((n, m) for n, m in parts["fidelity"]["marginals"].items() if m["kind"] == "histogram")
    entry["edges"] = [1e300] * len(entry["edges"])
    assert f"Marginal of {name}" in render(build(**parts))


def test_another_document_is_refused() -> None:
    with pytest.raises(ValidationError):
        render({"format": "lookalike.report/2"})


def test_conditions_stand_among_the_options_of_document_and_page() -> None:
    parts = measured()
    conditions = {"sex": "Female", "age": {"from": 30, "to": 40}, "seen": {"from": "2024-01-01"}}
    parts["facts"]["options"] = {"conditions": conditions}
    document = build(**parts)
    assert document["protocol"]["options"] == {"conditions": conditions}
    assert "sex Female, age from 30, to 40, seen from 2024-01-01" in Reader(render(document)).text
