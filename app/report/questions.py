"""The reviewer's questions, answered from the rulings of the policy that gave the verdict, and from nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from app.report.answers import ASKED, BY_STATISTIC, QUESTION_OF, Question, answer
from app.report.model import Fact, FindingPart, QuestionPart
from app.report.reading import listed, mapped
from privacy.finding import TOGETHER, Ruling, Verdict
from privacy.policy import WORSE

Json = Mapping[str, Any]
BLIND = "The attacks on it would not have noticed a leak planted into this table, so their silence means nothing."
UNMEASURED = "Something that the policy asks for was not measured."


def questions_part(findings: Sequence[FindingPart], decision: Json, coverage: Sequence[Fact]) -> list[QuestionPart]:
    """One answer for each question; the worst of their marks is the verdict.

    The marks follow from `Decision.rulings`. Where those are not recorded, or do not give the verdict, the verdict
    stands at the question of trust and the others have no mark.
    """
    verdict = Verdict(str(decision.get("verdict")))
    rulings = _recorded(decision)
    is_recorded = _give(rulings, verdict)
    if not is_recorded:
        rulings = [
            Ruling(verdict=verdict, reason=str(reason), whole=True) for reason in listed(decision.get("reasons"))
        ]
    relied_on = {str(key) for key in listed(decision.get("relied_on"))} if is_recorded else set()
    return [_part(each, findings, rulings, relied_on, coverage, is_recorded, verdict) for each in Question]


def question_of(key: str) -> Question:
    """The question to which a finding, or a pattern of findings, belongs; that of trust where nobody placed it."""
    bare = key.removeprefix(TOGETHER)
    return BY_STATISTIC.get(bare) or QUESTION_OF.get(bare.partition(".")[0], Question.TRUST)


def _recorded(decision: Json) -> list[Ruling]:
    return [
        Ruling(
            verdict=Verdict(str(entry.get("verdict"))),
            reason=str(entry.get("reason")),
            findings=tuple(str(key) for key in listed(entry.get("findings"))),
            whole=entry.get("whole") is True,
        )
        for entry in map(mapped, listed(decision.get("rulings")))
    ]


def _give(rulings: Sequence[Ruling], verdict: Verdict) -> bool:
    """Whether the verdict follows from these rulings: the worst of them, unless the comparison itself is void."""
    worst = max((ruling.verdict for ruling in rulings), key=WORSE.index, default=None)
    is_void = verdict is Verdict.VOID and any(r.verdict is Verdict.VOID and r.whole for r in rulings)
    return worst is verdict or (worst is Verdict.BLOCK and is_void)


def _part(
    question: Question,
    findings: Sequence[FindingPart],
    rulings: Sequence[Ruling],
    relied_on: set[str],
    coverage: Sequence[Fact],
    is_recorded: bool,
    verdict: Verdict,
) -> QuestionPart:
    mine = [finding for finding in findings if question_of(finding.key) is question]
    own = [ruling for ruling in rulings if _is_about(ruling, question)]
    binding = own if question is Question.COVERAGE else [*own, *(r for r in rulings if r.whole and is_recorded)]
    worst = max((r.verdict for r in binding), key=WORSE.index, default=Verdict.PASS)
    worst = min(worst, verdict, key=WORSE.index)
    kept = [finding for finding in mine if finding.key in relied_on]
    mark = _mark(question, worst, is_kept=bool(kept), is_recorded=is_recorded)
    if mark == "PASS":
        deciding = kept
    else:
        named = [key for ruling in own if ruling.verdict is worst for key in ruling.findings]
        deciding = [finding for finding in mine if finding.key in named]
    return QuestionPart(
        key=question.value,
        question=ASKED[question],
        mark=mark,
        sentence=" ".join(
            filter(
                None,
                [
                    answer(question, mark),
                    *_besides(question, mark, mine, own, coverage),
                    *_weight(question, mark, mine, kept),
                ],
            )
        ),
        deciding=_nearest(deciding),
        findings=[finding.key for finding in mine],
        reasons=[ruling.reason for ruling in own],
    )


def _is_about(ruling: Ruling, question: Question) -> bool:
    if ruling.findings:
        return any(question_of(key) is question for key in ruling.findings)
    if ruling.whole:
        return question is Question.TRUST
    return question is Question.COVERAGE and ruling.verdict is not Verdict.PASS


def _mark(question: Question, worst: Verdict, *, is_kept: bool, is_recorded: bool) -> str:
    if worst is not Verdict.PASS:
        return worst.value
    if question is Question.COVERAGE:
        return "NOTE"
    if question is Question.TRUST:
        return "PASS"
    if not is_recorded:
        return "NOT_RECORDED"
    return "PASS" if is_kept else "NOT_MEASURED"


def _besides(
    question: Question, mark: str, mine: Sequence[FindingPart], own: Sequence[Ruling], coverage: Sequence[Fact]
) -> Iterable[str]:
    """What a reader has to know besides the answer."""
    if question is Question.COVERAGE and coverage:
        seen = sum(fact.value != "no attack" for fact in coverage)
        yield f"{seen} of {len(coverage)} columns were looked at."
    if mark == "REVIEW" and question not in {Question.TRUST, Question.COVERAGE}:
        yield _why_open(mine, own)
    if mark != "PASS" or question is Question.TRUST:
        return
    if any(ruling.verdict is Verdict.PASS and ruling.findings for ruling in own):
        yield "A trace was found, within its limit."


def _weight(question: Question, mark: str, mine: Sequence[FindingPart], kept: Sequence[FindingPart]) -> Iterable[str]:
    """On how much a good mark rests: what decides, and what was not measured."""
    if mark != "PASS" or question is Question.TRUST:
        return
    limited = [finding for finding in mine if finding.limit is not None and finding.status == "measured"]
    if len(kept) < len(limited):
        yield f"{len(kept)} of {len(limited)} figures decide; the others are too coarse here, or miss a planted leak."
    absent = sum(finding.status != "measured" and finding.gating for finding in mine)
    if absent:
        yield f"{absent} could not be measured."


def _why_open(mine: Sequence[FindingPart], own: Sequence[Ruling]) -> str:
    """Why a person has to judge, where no figure says so by itself."""
    keys = [key for ruling in own if ruling.verdict is Verdict.REVIEW for key in ruling.findings]
    if any(finding.key in keys for finding in mine):
        return ""
    limited = [finding for finding in mine if any(fnmatchcase(finding.key, key) for key in keys)]
    return BLIND if any(finding.status == "measured" for finding in limited) else UNMEASURED


def _nearest(findings: Sequence[FindingPart]) -> str:
    """The key of the finding whose interval reaches farthest towards its limit, or beyond; empty where none can."""
    reach = {f.key: far for f in findings if (far := _reach(f)) is not None}
    return max(reach, key=lambda key: reach[key], default="")


def _reach(finding: FindingPart) -> float | None:
    """How far the upper end has come on the way from the baseline (0) to the limit (1)."""
    upper, baseline, limit = finding.figure.upper, finding.baseline, finding.limit
    if upper is None or baseline is None or limit is None:
        return None
    return (upper - baseline) / (limit - baseline) if limit != baseline else float(upper > limit)
