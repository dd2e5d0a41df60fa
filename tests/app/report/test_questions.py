"""The questions: every attack belongs to one, and their marks can say nothing but what the verdict says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.report.answers import ANSWERS, ASKED, GLOSSARY, MARKS, OPEN
from app.report.attacks import coverage_part, findings_part
from app.report.findings_view import groups, titles
from app.report.questions import question_of, questions_part
from app.report.questions_view import Controls, controls
from app.report.units import spoken
from privacy.about import Question
from privacy.audit import AuditResult
from privacy.battery import ABOUT
from privacy.finding import Finding, FindingStatus, Verdict
from privacy.limits import load_policy, policies
from privacy.policy import WORSE, decide
from tests.privacy.test_policy import KEYS, beside, checked, coarse, result

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


COPIES = tuple(key for key in KEYS if key.startswith(("replay.", "agreement.")))
"""Statistics of limits that may lack power."""


def answers(audit: AuditResult, name: str = "internal") -> tuple[Verdict, dict[str, Any]]:
    decision = decide(audit, load_policy(name)).to_json()
    parts = questions_part(findings_part(audit, decision), decision, coverage_part(audit))
    return Verdict(str(decision["verdict"])), {part.key: part for part in parts}


def test_every_limit_belongs_to_the_question_of_an_attack() -> None:
    for name in policies():
        for limit in load_policy(name).limits:
            assert {pattern.partition(".")[0] for pattern in limit.findings} <= set(ABOUT), limit.title


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
    assert "no attack would have stopped the leak planted for it here" in parts["linkability"].sentence
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


@pytest.mark.parametrize(("name", "mark"), [("crashed", "VOID"), ("not run", "VOID"), ("coarse", "INSUFFICIENT")])
def test_what_void_and_too_few_people_say_of_one_attack_is_said_where_trust_is_asked_for(name: str, mark: str) -> None:
    verdict, parts = answers(AUDITS[name])
    assert verdict.value == mark
    assert parts["trust"].mark == mark
    assert parts["trust"].reasons
    assert "can be compared" not in parts["trust"].sentence
    assert "enough people" not in parts["trust"].sentence


def test_where_no_leak_was_planted_nobody_is_told_that_some_were() -> None:
    verdict, parts = answers(replace(result(), calibration=()))
    assert verdict is Verdict.REVIEW
    assert parts["trust"].mark == "REVIEW"
    assert "No leak was planted" in parts["trust"].sentence
    assert "Leaks planted" not in parts["trust"].sentence


def test_there_are_enough_people_only_where_something_decides_on_every_limit() -> None:
    assert "There are enough people." in answers(AUDITS["nothing"])[1]["trust"].sentence
    verdict, parts = answers(coarse(result(), *COPIES, detectable=0.5))
    assert verdict is Verdict.PASS
    assert "enough people" not in parts["trust"].sentence
    assert "Leaks planted into this very table" in parts["trust"].sentence


@pytest.mark.parametrize("found", [(0.0, -0.02, 0.03), (0.02, 0.0, 0.04)])
def test_one_figure_that_keeps_its_limit_answers_no_question_whole(found: tuple[float, float, float]) -> None:
    above = dict.fromkeys(COPIES, found)
    verdict, parts = answers(coarse(result(**above), *COPIES, detectable=0.5))
    assert verdict is Verdict.PASS
    assert parts["copies"].mark == "IN_PART"
    assert "Copies and near copies of real records stayed" not in parts["copies"].sentence
    assert "Nothing decides here on: replayed records; synthetic records that are copies;" in parts["copies"].sentence
    assert any("too few people to decide on" in reason for reason in parts["copies"].reasons)
    assert "trace" not in parts["copies"].sentence
    assert parts["linkability"].mark == "PASS"
    assert not any("too few people to decide on" in reason for reason in parts["linkability"].reasons)


@pytest.mark.parametrize(("key", "question"), [("density.kde_auc", "membership"), ("vulnerable.auc", "worst_off")])
def test_a_leak_that_only_a_coarse_statistic_stops_is_not_called_unnoticed(key: str, question: str) -> None:
    others = tuple(other for other in beside(key, "internal") if other != key)
    verdict, parts = answers(coarse(result(blind=others), key, detectable=0.95))
    assert verdict is Verdict.REVIEW
    assert parts[question].mark == "REVIEW"
    assert "which is too coarse on this table to decide" in parts[question].sentence
    assert key not in parts[question].sentence


def test_a_figure_above_its_limit_needs_no_words_beside_it() -> None:
    _, parts = answers(AUDITS["inference, open"])
    assert parts["inference"].sentence == ANSWERS[Question.INFERENCE, "REVIEW"]


def test_limits_are_counted_by_what_they_are_on_and_only_where_something_decides() -> None:
    def counted(audit: AuditResult) -> Controls:
        return controls(findings_part(audit, decide(audit, load_policy("internal")).to_json()))

    limits = {limit.title for limit in load_policy("internal").limits if "artefacts.*" not in limit.findings}
    whole = counted(result())
    assert (whole.limits, whole.seen) == (len(limits), len(limits))
    assert counted(replace(result(), together=result())) == whole
    part = counted(coarse(result(), "replay.excess_records", "vulnerable.intersection_auc", detectable=0.9))
    assert (part.limits, part.seen) == (whole.limits, whole.seen - 2)


def test_what_does_not_decide_stops_no_leak() -> None:
    audit = coarse(result(), "replay.excess_records", detectable=0.5)
    found = {f.key: f for f in findings_part(audit, decide(audit, load_policy("internal")).to_json())}
    assert found["replay.excess_records"].smallest_share_stopped == ""
    assert "Too coarse" in found["replay.excess_records"].control.note
    assert found["replay.copied_share"].smallest_share_stopped


@pytest.mark.parametrize("lower", [0.6, 0.75])
def test_a_limit_that_may_not_block_is_a_limit_all_the_same(lower: float) -> None:
    audit = result(**{"vulnerable.intersection_auc": (0.78, lower, 0.8)})
    found = findings_part(audit, decide(audit, load_policy("internal")).to_json())
    (row,) = [row for group in groups(found) for row in group.rows if row.finding.statistic == "intersection_auc"]
    assert row.position.text == "across limit"
    assert row.limit == "0.650"


def test_what_is_said_of_one_table_is_not_said_of_all_together() -> None:
    audit = AUDITS["together"]
    names = titles(findings_part(audit, decide(audit, load_policy("internal")).to_json()))
    assert spoken("linkability.k1 is 0.612", names) == f"“{names['linkability.k1']}” is 0.612"
    assert names["linkability.k1"] != names["together.linkability.k1"]
