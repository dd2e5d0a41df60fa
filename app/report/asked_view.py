"""The user's own questions as rows of the page: mark, the answer nearest to its tolerance, and all behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from markupsafe import Markup

from app.report.asked_model import AskedAnswer, AskedPart
from app.report.units import NOT_MEASURED, plain

WIDTH, HEIGHT = 150, 20
REACH = 2.0
"""What is drawn, in tolerances to either side of no difference. What lies beyond ends in an arrow."""
START = datetime(1970, 1, 1, tzinfo=UTC)

OUTCOMES: dict[str, tuple[str, str]] = {
    "holds": ("Holds", "pass"),
    "does_not_hold": ("Does not hold", "block"),
    "cannot_be_told": ("Cannot be told", "review"),
    "not_answered": ("Not answered", "note"),
}
"""The outcomes in words, and the classes of their marks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerRow:
    """One answer in words."""

    name: str
    mark: str
    css: str
    real: str
    synthetic: str
    difference: str
    interval: str
    tolerance: str
    stands_on: str
    reason: str
    drawing: Markup


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedRow:
    """One question with its answers."""

    question: str
    mark: str
    css: str
    sentence: str
    first: AnswerRow | None
    """The answer that comes nearest to its tolerance, or goes farthest beyond; None where nothing was answered."""
    rows: list[AnswerRow]
    names: str
    """What the rows are called by."""
    left_out: str


def asked_rows(parts: Sequence[AskedPart]) -> list[AskedRow]:
    """The questions in the order in which they were asked."""
    return [_row(part) for part in parts]


def _row(part: AskedPart) -> AskedRow:
    counts = Counter[str](answer.outcome for answer in part.answers)
    answered = [answer for answer in part.answers if answer.difference.value is not None]
    first = max(answered, key=_reach, default=None)
    mark, css = _mark(counts)
    names = [*part.by, *(["coefficient"] if part.function == "regression" else [])]
    return AskedRow(
        question=part.question,
        mark=mark,
        css=css,
        sentence=_sentence(part, counts),
        first=None if first is None else _answer(first, part),
        rows=[_answer(answer, part) for answer in part.answers],
        names=", ".join(names) or "answer",
        left_out=_left_out(part),
    )


def _mark(counts: Counter[str]) -> tuple[str, str]:
    """The mark of a question: its worst answer; one that holds as far as it was answered holds in part."""
    for outcome in ("does_not_hold", "cannot_be_told"):
        if counts[outcome]:
            return OUTCOMES[outcome]
    if counts["holds"] and counts["not_answered"]:
        return "Holds in part", "in-part"
    return OUTCOMES["holds" if counts["holds"] else "not_answered"]


def _reach(answer: AskedAnswer) -> tuple[bool, float]:
    """How far the interval reaches in tolerances; answers that do not hold come before all others."""
    ends = (abs(answer.difference.lower or 0.0), abs(answer.difference.upper or 0.0))
    return answer.outcome == "does_not_hold", max(ends) / (answer.tolerance or 1e-300)


def _sentence(part: AskedPart, counts: Counter[str]) -> str:
    said = "within " + _allowed(part)
    total = len(part.answers)
    if total == 0:
        return f"Asked to hold {said}. No group has 20 real people or more."
    if total == 1:
        return f"Asked to hold {said}."
    told = [f"{counts[outcome]} {_verb(outcome, counts[outcome])}" for outcome in OUTCOMES if counts[outcome]]
    return f"Asked to hold {said}. Of {total} answers: {', '.join(told)}."


def _verb(outcome: str, count: int) -> str:
    singular, plural = {
        "holds": ("holds", "hold"),
        "does_not_hold": ("does not hold", "do not hold"),
        "cannot_be_told": ("cannot be told", "cannot be told"),
        "not_answered": ("is not answered", "are not answered"),
    }[outcome]
    return singular if count == 1 else plural


def _allowed(part: AskedPart) -> str:
    if part.relative:
        return f"{_bare(part.tolerance, percent=True)}\u00a0% of the real answer"
    return _gap(part.tolerance, part)


def _left_out(part: AskedPart) -> str:
    said = []
    if part.groups_left_out:
        said.append(
            f"{part.groups_left_out} groups are not answered: they have fewer than 20 real people, or are kept back so "
            "that nobody can work those out by subtraction."
        )
    if part.groups_cut:
        said.append(f"{part.groups_cut} further groups, smaller than these, are not shown.")
    return " ".join(said)


def _answer(answer: AskedAnswer, part: AskedPart) -> AnswerRow:
    mark, css = OUTCOMES[answer.outcome]
    gap = answer.difference
    people = (
        ""
        if answer.real_people is None
        else f"{answer.real_people:,} or more real people, {answer.synthetic_records:,} synthetic records"
    )
    ends = (
        ""
        if gap.lower is None or gap.upper is None
        else f"{_gap(gap.lower, part, unit=False)} to {_gap(gap.upper, part)}"
    )
    name = ", ".join(each for each in (answer.group, answer.term) if each) or "all records"
    return AnswerRow(
        name=name,
        mark=mark,
        css=css,
        real=_value(answer.real.value, part),
        synthetic=_value(answer.synthetic.value, part),
        difference=NOT_MEASURED if gap.value is None else _gap(gap.value, part),
        interval=ends,
        tolerance="" if answer.tolerance is None else f"± {_gap(answer.tolerance, part)}",
        stands_on=people,
        reason=gap.reason,
        drawing=_gauge(answer, f"{part.question}, {name}: difference {ends}"),
    )


def _value(value: float | None, part: AskedPart) -> str:
    if value is None:
        return NOT_MEASURED
    if part.unit == "date":
        try:
            return f"{START + timedelta(days=value):%Y-%m-%d}"
        except OverflowError:
            return f"{_bare(value)} days since 1970"
    return f"{_bare(value, percent=True)}\u00a0%" if part.unit == "share" else _bare(value)


def _bare(value: float, *, percent: bool = False) -> str:
    """The number with the digits that its rounding left, and no more."""
    return f"{100 * value if percent else value:,.10g}"


def _gap(value: float, part: AskedPart, *, unit: bool = True) -> str:
    """A difference: of shares in points, of dates in days."""
    said = {"share": "\u00a0points", "date": "\u00a0days"}.get(part.unit, "") if unit else ""
    return f"{_bare(value, percent=part.unit == 'share')}{said}"


def _gauge(answer: AskedAnswer, said: str) -> Markup:
    """The interval of the difference between the two ends of the tolerance, in the colours of the page."""
    gap, allowed = answer.difference, answer.tolerance
    if gap.value is None or gap.lower is None or gap.upper is None or not allowed:
        return Markup()
    low, middle, high = (each / allowed for each in (gap.lower, gap.value, gap.upper))
    css = "within" if answer.outcome == "holds" else "over"
    parts = [
        f'<rect class="beyond" x="0" y="0" width="{_x(-1):.1f}" height="{HEIGHT}"/>',
        f'<rect class="beyond" x="{_x(1):.1f}" y="0" width="{WIDTH - _x(1):.1f}" height="{HEIGHT}"/>',
        *(f'<path class="{kind}" d="M{_x(at):.1f} 1V{HEIGHT - 1}"/>' for kind, at in LINES),
        f'<path class="{css}" d="M{_x(low):.1f} 10H{max(_x(high), _x(low) + 1):.1f}"/>',
        f'<path class="{css} tip" d="M6 5L1 10l5 5M1 10H14"/>' if low < -REACH else "",
        f'<path class="{css} tip" d="M{WIDTH - 6} 5l5 5-5 5M{WIDTH - 14} 10h13"/>' if high > REACH else "",
        f'<circle class="{css}" cx="{_x(middle):.1f}" cy="10" r="3.6"/>' if abs(middle) <= REACH else "",
    ]
    return Markup('<svg class="gauge" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH,
        HEIGHT,
        plain(said),
        Markup("".join(parts)),  # noqa: S704 - numbers and our own names
    )


LINES = (("base", 0.0), ("limit", -1.0), ("limit", 1.0))


def _x(at: float) -> float:
    return WIDTH * (min(max(at, -REACH), REACH) + REACH) / (2 * REACH)
