"""The user's questions in the report: what the document keeps, what the page says, and older documents without them."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pandas as pd
import pytest

from app.report.asked import asked_part
from app.report.asked_view import asked_rows
from app.report.diff import differences
from app.report.document import schema
from app.report.model import Report
from app.report.page import render
from privacy.tokens import read_tokens
from synth.detect.propose import propose_schema
from synth.fidelity.asked.answer import answer
from synth.fidelity.asked.parse import parse_asked
from tests.app.report.reader import Reader
from tests.app.report.samples import EXAMPLE
from tests.support.reports import document

HOSTILE = '<script>alert("x")</script>&quot;\'{{ 7 * 7 }}\u202e'
ASK = [
    "mean(age) by sex within 0.5",
    'share(income=">50K") by education',
    "mean(capital_gain) within 1",
    "quantile(age, .5) by native_country",
    f'mean("{HOSTILE.replace(chr(34), chr(34) * 2)}") by town',
    "mean(seen) within 40",
    "share(sex=Female)",
]


@pytest.fixture(scope="module")
def fidelity() -> dict[str, Any]:
    columns = ["age", "sex", "income", "education", "native_country", "capital_gain"]
    table = pd.read_csv(EXAMPLE)[columns].sample(3000, random_state=1).reset_index(drop=True)
    table[HOSTILE] = table["age"] + 0.5
    table["town"] = table["sex"] + HOSTILE
    table["seen"] = pd.Timestamp("2024-03-01") + pd.to_timedelta(table.index % 300, unit="D")
    parts = [table[i : i + 1000].reset_index(drop=True) for i in range(0, 3000, 1000)]
    parts[2]["age"] += 8 * (parts[2]["sex"] == "Male")
    found = answer(*parts, propose_schema(table), parse_asked(ASK), tolerance=0.05)
    return json.loads(json.dumps({"asked": [each.to_json() for each in found]}, allow_nan=False))


@pytest.fixture(scope="module")
def asked(fidelity) -> dict[str, Any]:
    return {**document(), "asked": [part.model_dump(mode="json") for part in asked_part(fidelity)]}


@pytest.fixture(scope="module")
def text(asked) -> str:
    return Reader(render(asked)).text


def test_the_document_with_questions_is_valid_and_reads_back(asked: dict[str, Any]) -> None:
    jsonschema_rs.validate(schema(), json.loads(json.dumps(asked, allow_nan=False)))
    assert Report.model_validate(asked).model_dump(mode="json") == asked
    assert [each["question"] for each in asked["asked"]] == ASK


def test_the_page_has_every_question_every_answer_and_what_was_left_out(asked: dict[str, Any], text: str) -> None:
    assert "Your questions" in text
    for row in asked_rows([*Report.model_validate(asked).asked]):
        for each in row.rows:
            shown = (each.real, each.synthetic, each.difference, each.interval, each.mark, each.reason)
            assert all(" ".join(said.split()) in " ".join(text.split()) for said in shown)
    assert "groups are not answered: they have fewer than 20 real people" in text
    assert "The real table has fewer than" in text
    assert "± 40\u00a0days" in text
    assert "2024-" in text


def test_the_worst_answer_gives_a_question_its_mark(asked: dict[str, Any]) -> None:
    rows = {row.question: row for row in asked_rows(Report.model_validate(asked).asked)}
    by_sex = rows["mean(age) by sex within 0.5"]
    assert (by_sex.mark, by_sex.first.name) == ("Does not hold", "Male")
    assert "1 does not hold" in by_sex.sentence
    assert rows["share(sex=Female)"].mark == "Holds"
    assert rows["share(sex=Female)"].sentence == "Asked to hold within 5\u00a0points."
    assert rows['share(income=">50K") by education'].mark == "Cannot be told"


def test_nothing_of_a_question_is_markup_or_turns_the_text(asked: dict[str, Any]) -> None:
    page = render(asked)
    reader = Reader(page)
    assert reader.unbalanced == []
    assert not reader.named("script")
    assert "<script>" not in page
    assert "\u202e" not in page
    assert "{{ 7 * 7 }}" in reader.text


def test_a_document_without_questions_has_no_such_section_and_an_older_one_still_renders() -> None:
    older = document()
    assert older["asked"] == []
    del older["asked"]
    page = render(older)
    assert "Your questions" not in page
    assert 'href="#asked"' not in page


def test_an_answer_without_figures_is_not_answered_whatever_is_claimed() -> None:
    claimed = {"text": "mean(x)", "function": "mean", "unit": "number", "tolerance": 0.05, "relative": True}
    (part,) = asked_part({"asked": [{**claimed, "answers": [{"outcome": "holds", "real": 1.0}]}]})
    assert part.answers[0].outcome == "not_answered"
    assert part.answers[0].difference.value is None
    assert asked_part({}) == []


def test_no_figure_of_an_answer_counts_as_a_value_of_the_column_that_is_asked_about(fidelity) -> None:
    """The report is searched for the ends of columns, and a find blocks: a difference of 17 is no age of 17."""
    part = asked_part(fidelity)[0].model_dump(mode="json")
    slope = {**fidelity["asked"][0], "function": "regression", "by": "sex"}
    slope["answers"] = [{**slope["answers"][0], "term": "slope of age"}]
    tokens = read_tokens([[part, asked_part({"asked": [slope]})[0].model_dump(mode="json")]], ["age", "sex"])
    assert not tokens.ends
    assert tokens.numbers_of("age").size == tokens.numbers_of("sex").size == 0


def test_two_reports_are_compared_answer_by_answer(asked: dict[str, Any]) -> None:
    lines = {line.name: line for line in differences(document(), asked) if line.part == "asked"}
    line = lines["mean(age) by sex within 0.5, Male"]
    assert (line.first, line.verdict) == ("not there", "changed")
    assert line.second.startswith("does not hold: ")
    assert {line.verdict for line in differences(asked, asked) if line.part == "asked"} == {"equal"}
