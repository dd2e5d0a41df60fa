"""The user's own questions, as the assessment answered them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.report.asked_model import AskedAnswer, AskedPart
from app.report.reading import absent, figure, finite, listed, mapped

Json = Mapping[str, Any]


def asked_part(fidelity: Json) -> list[AskedPart]:
    """The questions with their answers; none where the job named none, or is older than they are."""
    return [_asked(mapped(each)) for each in listed(fidelity.get("asked"))]


def _asked(asked: Json) -> AskedPart:
    return AskedPart(
        question=str(asked.get("text")),
        function=str(asked.get("function")),
        # a list, for the search for training records takes all figures beside a column's name for its values
        by=[str(asked["by"])] if asked.get("by") else [],
        unit=str(asked.get("unit")),
        tolerance=finite(asked.get("tolerance")),
        relative=asked.get("relative") is True,
        answers=[_answer(mapped(each)) for each in listed(asked.get("answers"))],
        groups_left_out=_count(asked.get("groups_left_out")) or 0,
        groups_cut=_count(asked.get("groups_cut")) or 0,
    )


def _answer(answer: Json) -> AskedAnswer:
    reason = str(answer.get("reason") or "")
    figures = {name: figure(answer.get(name), reason=reason) for name in ("real", "synthetic")}
    gap = figure(answer.get("difference"), lower=answer.get("lower"), upper=answer.get("upper"), reason=reason)
    is_answered = all(each.value is not None for each in (*figures.values(), gap))
    return AskedAnswer(
        group=str(answer.get("group") or ""),
        term=str(answer.get("term") or ""),
        outcome=str(answer.get("outcome")) if is_answered else "not_answered",
        real=figures["real"] if is_answered else absent(reason),
        synthetic=figures["synthetic"] if is_answered else absent(reason),
        difference=gap if is_answered else absent(reason),
        tolerance=finite(answer.get("tolerance")),
        real_people=_count(answer.get("real_people")),
        synthetic_records=_count(answer.get("synthetic_records")),
        at_least=_count(answer.get("at_least")),
    )


def _count(value: object) -> int | None:
    number = finite(value)
    return None if number is None else int(number)
