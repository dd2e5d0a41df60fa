"""The reviewer's questions as rows of the page: mark, figure, meaning, and the findings behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from app.report.answers import ASKED, answer, marked
from app.report.audit_model import FindingPart, QuestionPart
from app.report.findings_view import Group, drawn, groups, titles
from app.report.gauge import Measured, gauge
from app.report.model import VerdictPart
from app.report.questions import question_of
from app.report.units import spoken
from privacy.about import Question
from privacy.finding import TOGETHER


@dataclass(frozen=True, kw_only=True, slots=True)
class QuestionRow:
    """One question with everything that belongs to it."""

    part: QuestionPart
    mark: str
    """The mark in words."""
    drawing: Markup
    figure: Measured | None
    """The figure that decides, where there is one."""
    reasons: list[str]
    groups: list[Group]


@dataclass(frozen=True, kw_only=True, slots=True)
class Controls:
    """How many of the limits that judge something here would have stopped a leak of their size."""

    limits: int
    seen: int


def controls(findings: Sequence[FindingPart]) -> Controls:
    """Counted over the limits on this table alone, each of which stops its leak where a finding that decides does."""
    alone = [finding for finding in findings if not finding.attack.startswith(TOGETHER)]
    measured = [finding for finding in alone if finding.limit_title and finding.control.plant]
    seen = {finding.limit_title for finding in measured if finding.decides and finding.control.state == "caught"}
    return Controls(limits=len({finding.limit_title for finding in measured}), seen=len(seen))


def why_modes(verdict: VerdictPart, findings: Sequence[FindingPart]) -> dict[str, str]:
    """Why each way of releasing has its verdict, in words."""
    return {mode.mode: spoken(" ".join(mode.reasons), titles(findings)) for mode in verdict.modes}


def rows(questions: Sequence[QuestionPart], findings: Sequence[FindingPart], verdict: VerdictPart) -> list[QuestionRow]:
    """The rows in the order of the questions. Documents of older versions have no answers: only their findings show."""
    by_key, names = {finding.key: finding for finding in findings}, titles(findings)
    shown = []
    for part in questions or _unanswered(findings, verdict):
        finding = by_key.get(part.deciding)
        figure = None if finding is None else drawn(finding)
        shown.append(
            QuestionRow(
                part=part,
                mark=marked(part.key, part.mark),
                drawing=Markup() if figure is None else gauge(figure),
                figure=figure,
                reasons=[spoken(reason, names) for reason in part.reasons],
                groups=groups(by_key[key] for key in part.findings if key in by_key),
            )
        )
    return shown


def _unanswered(findings: Sequence[FindingPart], verdict: VerdictPart) -> list[QuestionPart]:
    """The questions of a document that does not answer them. The verdict stands where trust is asked for."""
    marks = dict.fromkeys(Question, "NOT_RECORDED") | {Question.TRUST: verdict.verdict, Question.COVERAGE: "NOTE"}
    return [
        QuestionPart(
            key=question.value,
            question=ASKED[question],
            mark=mark,
            sentence=answer(question, mark),
            deciding="",
            findings=[finding.key for finding in findings if question_of(finding.key) is question],
            reasons=[],
        )
        for question, mark in marks.items()
    ]
