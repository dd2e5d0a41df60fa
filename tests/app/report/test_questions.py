"""The questions: every attack belongs to one, and their marks can say nothing but what the verdict says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.report.answers import ANSWERS, ASKED, GLOSSARY, MARKS, OPEN, QUESTION_OF, Question
from app.report.attacks import coverage_part, findings_part
from app.report.questions import question_of, questions_part
from privacy.audit import ATTACKS, AuditResult
from privacy.finding import Finding, FindingStatus, Verdict
from privacy.limits import load_policy, policies
from privacy.policy import WORSE, decide
from tests.privacy.test_policy import checked, coarse, result

APART = {"shadow", "white_box", "artefacts", "calibration"}
"""Attacks that are run beside the battery, and the name under which a plant that could not be laid is told."""
LEAK = (0.2, 0.15, 0.25)
SHARED: set[str] = set()
"""Limits that speak to more than one question."""
OPEN_FIGURE = (0.03, -0.01, 0.08)
AUDITS = {
    "nothing": result(),
    "copies": result(**{"replay.excess_records": LEAK}),
    "membership": result(**{"membership.plain_k1_auc": (0.8, 0.78, 0.82)}),
    "inference, open": result(**{"every_cell.nearest": OPEN_FIGURE}),
    "members by reconstruction": result(**{"reconstruction.auc": (0.8, 0.78, 0.82)}),
    "reconstruction": result(**{"reconstruction.excess": LEAK}),
    "linkability": result(**{"linkability.k1": LEAK}),
    "singling out": result(**{"singling_out.univariate": LEAK}),
    "worst-off": result(**{"vulnerable.rare_auc": (0.95, 0.9, 0.99)}),
    "drift": result(**{"drift.auc": (0.8, 0.78, 0.82)}),
    "small": result(sizes={"train": 100, "holdout": 100, "attacked": 100}),
    "blind": result(blind=("linkability.k1",)),
    "coarse": coarse(result(), "linkability.k1", detectable=0.5),
    "not run": result(drop=("reconstruction.excess", "reconstruction.auc")),
    "no column seen": replace(result(), coverage={"age": ()}),
    "earlier tables": replace(result(), not_attacked=2),
    "together": replace(result(), together=result(**{"linkability.k1": LEAK})),
    "crashed": result(extra=(Finding(attack="replay", statistic="crashed", status=FindingStatus.FAILED, note="x"),)),
}


def answers(audit: AuditResult, name: str = "internal") -> tuple[Verdict, dict[str, Any]]:
    decision = decide(audit, load_policy(name)).to_json()
    parts = questions_part(findings_part(audit, decision), decision, coverage_part(audit))
    return Verdict(str(decision["verdict"])), {part.key: part for part in parts}


def test_every_attack_and_every_limit_belongs_to_a_question() -> None:
    assert set(QUESTION_OF) == set(ATTACKS) | APART
    for name in policies():
        for limit in load_policy(name).limits:
            assert {pattern.partition(".")[0] for pattern in limit.findings} <= set(QUESTION_OF), limit.title


def test_findings_that_share_a_limit_answer_one_question() -> None:
    for name in policies():
        for limit in load_policy(name).limits:
            asked = {question_of(pattern) for pattern in limit.findings}
            assert len(asked) == 1 or limit.title in SHARED, (limit.title, asked)


def test_every_finding_of_a_run_stands_under_one_question(document: dict[str, Any]) -> None:
    placed = [key for question in document["questions"] for key in question["findings"]]
    assert sorted(placed) == sorted(finding["key"] for finding in document["findings"])


def test_every_mark_of_every_question_has_a_sentence() -> None:
    for question in Question:
        assert ASKED[question]
        for mark in ("PASS", "REVIEW", "BLOCK", "INSUFFICIENT", "VOID", "NOT_MEASURED", "NOT_RECORDED"):
            assert mark in MARKS
            if question is not Question.COVERAGE or mark == "REVIEW":
                assert (question, mark) in ANSWERS or mark in OPEN
    assert len(GLOSSARY) == 10


@pytest.mark.parametrize("policy", ["internal", "partner", "public"])
@pytest.mark.parametrize("name", AUDITS)
def test_the_worst_mark_is_the_verdict(name: str, policy: str) -> None:
    verdict, parts = answers(AUDITS[name], policy)
    marks = [Verdict(part.mark) for part in parts.values() if part.mark in set(WORSE)]
    assert max(marks, key=WORSE.index) is verdict


def test_these_audits_have_all_verdicts() -> None:
    assert {answers(audit)[0] for audit in AUDITS.values()} == set(WORSE)


@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("copies", "copies"),
        ("membership", "membership"),
        ("linkability", "linkability"),
        ("singling out", "singling_out"),
        ("worst-off", "worst_off"),
        ("together", "linkability"),
        ("members by reconstruction", "membership"),
        ("reconstruction", "inference"),
    ],
)
def test_a_leak_is_proven_under_its_own_question_and_its_figure_is_shown(name: str, question: str) -> None:
    _, parts = answers(AUDITS[name])
    assert [key for key, part in parts.items() if part.mark == "BLOCK"] == [question]
    assert question_of(parts[question].deciding) == question
    assert any("Leak proven" in reason for reason in parts[question].reasons)


def test_where_the_comparison_is_void_no_question_has_an_answer() -> None:
    _, parts = answers(result(**{"drift.auc": (0.8, 0.78, 0.82), "replay.excess_records": LEAK}))
    assert {part.mark for key, part in parts.items() if key != "coverage"} == {"VOID"}


def test_where_there_are_too_few_people_no_question_has_a_good_mark() -> None:
    _, parts = answers(AUDITS["small"])
    assert {part.mark for key, part in parts.items() if key != "coverage"} == {"INSUFFICIENT"}


def test_a_question_of_which_nothing_was_measured_has_no_good_mark() -> None:
    absent = Finding(
        attack="singling_out",
        statistic="univariate",
        status=FindingStatus.NOT_APPLICABLE,
        note="Nothing to single out.",
    )
    verdict, parts = answers(result(drop=("singling_out.univariate",), extra=(absent,)))
    assert verdict is Verdict.PASS
    assert parts["singling_out"].mark == "NOT_MEASURED"
    assert parts["singling_out"].deciding == ""
    assert parts["copies"].mark == "PASS"


def test_a_statistic_that_misses_its_planted_leak_gives_no_good_mark() -> None:
    _, parts = answers(AUDITS["blind"])
    assert parts["linkability"].mark == "REVIEW"
    assert "would not have noticed a leak planted into this table" in parts["linkability"].sentence
    assert parts["linkability"].deciding == ""


def test_a_good_mark_says_how_many_figures_it_rests_on() -> None:
    _, parts = answers(result(blind=("membership.plain_k1_auc",)))
    assert parts["membership"].mark == "PASS"
    assert "figures decide; the others are too coarse here, or miss a planted leak." in parts["membership"].sentence
    assert "figures decide" not in answers(AUDITS["nothing"])[1]["linkability"].sentence


def test_tables_that_overlap_leave_all_questions_open() -> None:
    verdict, parts = answers(
        result(drop=("overlap.train_holdout_share",), extra=(checked("overlap.train_holdout_share", value=0.4),))
    )
    assert verdict is Verdict.VOID
    assert parts["trust"].mark == "VOID"
    assert parts["copies"].mark == "VOID"


def test_a_decision_without_its_rulings_gives_marks_to_none_but_trust() -> None:
    audit = AUDITS["nothing"]
    decision = {k: v for k, v in decide(audit, load_policy("internal")).to_json().items() if k != "rulings"}
    parts = {p.key: p for p in questions_part(findings_part(audit, decision), decision, coverage_part(audit))}
    assert parts["trust"].mark == "PASS"
    assert {p.mark for p in parts.values()} == {"PASS", "NOT_RECORDED", "NOTE"}


def test_rulings_that_do_not_give_the_verdict_are_not_believed() -> None:
    audit = AUDITS["nothing"]
    decision = {**decide(audit, load_policy("internal")).to_json(), "verdict": "BLOCK", "reasons": ["Said by hand."]}
    parts = {p.key: p for p in questions_part(findings_part(audit, decision), decision, coverage_part(audit))}
    assert parts["trust"].mark == "BLOCK"
    assert parts["trust"].reasons == ["Said by hand."]
    assert parts["copies"].mark == "NOT_RECORDED"
