"""The reviewer's questions, answered from the rulings of the policy that gave the verdict, and from nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.report.answers import ASKED, GOOD, answer
from app.report.audit_model import FindingPart, QuestionPart
from app.report.model import Fact
from app.report.reading import listed, mapped
from app.report.units import spoken
from privacy.about import Question
from privacy.battery import ABOUT
from privacy.finding import TOGETHER, Ruling, Verdict
from privacy.policy import WORSE

Json = Mapping[str, Any]
UNTRIED = "No leak was planted into this table, so nothing is known of what the attacks would have noticed."
COARSE_TRACE = "A trace was found, and the interval is too coarse to tell whether it is within its limit."
PLANTED = "Leaks planted into this very table were used to see what each test notices."


@dataclass(frozen=True, kw_only=True, slots=True)
class _Decided:
    """What was found, and what the policy said of it."""

    verdict: Verdict
    findings: Sequence[FindingPart]
    coverage: Sequence[Fact]
    rulings: Sequence[Ruling]
    relied_on: frozenset[str]
    is_recorded: bool
    """Whether the rulings and what was relied on are those of the policy, and give the verdict."""

    def open_limits(self, findings: Sequence[FindingPart]) -> list[str]:
        """The limits on these findings that no statistic which decides is shown to keep, by their titles."""
        limited = [f for f in findings if f.limit is not None and f.status == "measured"]
        kept = {_limit_of(f) for f in limited if f.key in self.relied_on}
        return list(dict.fromkeys(f.limit_title for f in limited if _limit_of(f) not in kept))


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
    decided = _Decided(
        verdict=verdict,
        findings=findings,
        coverage=coverage,
        rulings=rulings,
        relied_on=frozenset(str(key) for key in listed(decision.get("relied_on"))) if is_recorded else frozenset(),
        is_recorded=is_recorded,
    )
    return [_part(each, decided) for each in Question]


def question_of(key: str) -> Question:
    """The question to which a finding, or a pattern of findings, belongs; that of trust where nobody placed it."""
    attack, _, statistic = key.removeprefix(TOGETHER).partition(".")
    about = ABOUT.get(attack)
    return Question.TRUST if about is None else about.other_questions.get(statistic, about.question)


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


def _part(question: Question, decided: _Decided) -> QuestionPart:
    mine = [finding for finding in decided.findings if question_of(finding.key) is question]
    own = [ruling for ruling in decided.rulings if _is_about(ruling, question)]
    kept = [finding for finding in mine if finding.key in decided.relied_on]
    mark = _mark(question, own, mine, decided)
    if mark in GOOD:
        deciding = kept
    else:
        named = [key for ruling in own if ruling.verdict.value == mark for key in ruling.findings]
        deciding = [finding for finding in mine if finding.key in named]
    said = _trust(mark, own, decided) if question is Question.TRUST else [answer(question, mark)]
    besides = _besides(question, mark, mine, own, decided)
    return QuestionPart(
        key=question.value,
        question=ASKED[question],
        mark=mark,
        sentence=" ".join(filter(None, [*said, *besides, *_weight(question, mark, mine, kept)])),
        deciding=_nearest(deciding),
        findings=[finding.key for finding in mine],
        reasons=[ruling.reason for ruling in own],
    )


def _is_about(ruling: Ruling, question: Question) -> bool:
    if question is Question.TRUST and ruling.verdict in {Verdict.VOID, Verdict.INSUFFICIENT}:
        return True
    if ruling.findings:
        return any(question_of(key) is question for key in ruling.findings)
    if ruling.whole:
        return question is Question.TRUST
    return question is Question.COVERAGE and ruling.verdict is not Verdict.PASS


def _mark(question: Question, own: Sequence[Ruling], mine: Sequence[FindingPart], decided: _Decided) -> str:
    binding = list(own)
    if question is not Question.COVERAGE and decided.is_recorded:
        binding += [ruling for ruling in decided.rulings if ruling.whole]
    said = [ruling.verdict for ruling in binding]
    if question is Question.TRUST and not _has_trials(decided):
        said.append(Verdict.REVIEW)
    worst = min(max(said, key=WORSE.index, default=Verdict.PASS), decided.verdict, key=WORSE.index)
    if worst is not Verdict.PASS:
        return worst.value
    if question is Question.COVERAGE:
        return "NOTE"
    if question is Question.TRUST:
        return "PASS"
    if not decided.is_recorded:
        return "NOT_RECORDED"
    if not any(finding.key in decided.relied_on for finding in mine):
        return "NOT_MEASURED"
    return "IN_PART" if decided.open_limits(mine) else "PASS"


def _has_trials(decided: _Decided) -> bool:
    return any(finding.trials for finding in decided.findings)


def _limit_of(finding: FindingPart) -> tuple[bool, str]:
    """The limit on it, of this table alone or of all tables together."""
    return finding.attack.startswith(TOGETHER), finding.limit_title


def _trust(mark: str, own: Sequence[Ruling], decided: _Decided) -> Iterable[str]:
    """Whether the test can be trusted, with no more than is known of it."""
    untried = "" if _has_trials(decided) else UNTRIED
    if mark == "REVIEW" and untried and not any(ruling.verdict is Verdict.REVIEW for ruling in own):
        return [untried]
    if mark != "PASS":
        return [answer(Question.TRUST, mark), untried]
    if not decided.is_recorded:
        return [answer(Question.TRUST, mark), untried or PLANTED]
    enough = "" if decided.open_limits(decided.findings) else "There are enough people."
    return [answer(Question.TRUST, mark), enough, untried or PLANTED]


def _besides(
    question: Question, mark: str, mine: Sequence[FindingPart], own: Sequence[Ruling], decided: _Decided
) -> Iterable[str]:
    """What a reader has to know besides the answer."""
    if question is Question.COVERAGE and decided.coverage:
        seen = sum(fact.value != "no attack" for fact in decided.coverage)
        yield f"{seen} of {len(decided.coverage)} columns were looked at."
    if mark == "REVIEW" and question not in {Question.TRUST, Question.COVERAGE}:
        yield from _why_open(mine, own)
    if mark not in GOOD or question is Question.TRUST:
        return
    if mark == "IN_PART":
        yield f"Nothing decides here on: {'; '.join(decided.open_limits(mine))}."
    traces = {key for ruling in own if ruling.verdict is Verdict.PASS for key in ruling.findings}
    if found := [finding for finding in mine if finding.key in traces and _is_above_baseline(finding)]:
        yield "A trace was found, within its limit." if all(map(_is_within, found)) else COARSE_TRACE


def _is_within(finding: FindingPart) -> bool:
    upper = finding.figure.upper
    return finding.limit is None or (upper is not None and upper <= finding.limit)


def _is_above_baseline(finding: FindingPart) -> bool:
    lower, baseline = finding.figure.lower, finding.baseline
    return lower is not None and baseline is not None and lower > baseline


def _weight(question: Question, mark: str, mine: Sequence[FindingPart], kept: Sequence[FindingPart]) -> Iterable[str]:
    """On how much a good mark rests: what decides, and what was not measured."""
    if mark not in GOOD or question is Question.TRUST:
        return
    limited = [finding for finding in mine if finding.limit is not None and finding.status == "measured"]
    if len(kept) < len(limited):
        yield f"{len(kept)} of {len(limited)} figures decide; the others are too coarse here, or miss a planted leak."
    absent = sum(finding.status != "measured" and finding.gating for finding in mine)
    if absent:
        yield f"{absent} could not be measured."


def _why_open(mine: Sequence[FindingPart], own: Sequence[Ruling]) -> Iterable[str]:
    """Why a person has to judge, in the words of the policy, where no figure above its limit says so by itself."""
    names = {finding.key: finding.title for finding in mine}
    for ruling in own:
        if ruling.verdict is Verdict.REVIEW and not any(f.key in ruling.findings and _is_over(f) for f in mine):
            yield spoken(ruling.reason, names)


def _is_over(finding: FindingPart) -> bool:
    upper, limit = finding.figure.upper, finding.limit
    return upper is not None and limit is not None and upper > limit


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
