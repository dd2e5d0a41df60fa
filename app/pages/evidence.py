"""What a release rests on, read from its report: the answers to the reviewer's questions, each with its figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from app.context import Backend, Caller
from app.errors import ArtifactChangedError, NotFoundError
from app.report.answers import marked
from app.report.gauge import Measured, gauge
from app.report.units import spoken
from app.services import reports

STATES: Mapping[str, str] = {
    "in_review": "waits for a decision",
    "released": "released",
    "rejected": "rejected",
    "blocked": "blocked",
    "void": "withheld",
    "withdrawn": "withdrawn",
}
"""The states of releases, in words."""
MISSING = "The report is not there any more, so nobody can see what was tested. Do not approve without it."
CHANGED = "The report's file is not the one that was published. Do not approve; tell an administrator."
OLDER = "The report is of an older format, which this page cannot read. Open the whole report, or run the job again."


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """One question with its answer."""

    question: str
    css: str
    mark: str
    sentence: str
    figure: Measured | None
    drawing: Markup


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """The answers, or why there are none."""

    missing: str
    meaning: str
    next_step: str
    statement: str
    answers: list[Answered]
    reasons: list[str]
    asked: bool
    """Whether the job asked questions of its own, which the report answers."""
    recorded: frozenset[str]
    """The reasons as the policy gave them, to tell those that the service added since."""


def evidence(backend: Backend, caller: Caller, report_id: str) -> Evidence:
    """The evidence of a report. Where it cannot be read, the reason, and nothing that looks like an answer."""
    try:
        document = reports.report_document(backend, caller, report_id)
        return _of(document) if document.get("questions") else _none(OLDER)
    except NotFoundError:
        return _none(MISSING)
    except ArtifactChangedError:
        return _none(CHANGED)
    except (ValueError, KeyError, TypeError, AttributeError):
        return _none(OLDER)


def _none(why: str) -> Evidence:
    return Evidence(
        missing=why, meaning="", next_step="", statement="", answers=[], reasons=[], asked=False, recorded=frozenset()
    )


def _of(document: Mapping[str, Any]) -> Evidence:
    verdict, findings = document["verdict"], {finding["key"]: finding for finding in document["findings"]}
    titles = {key: finding["title"] for key, finding in findings.items()}
    return Evidence(
        missing="",
        meaning=verdict["meaning"],
        next_step=verdict["next_step"],
        statement=verdict["statement"],
        answers=[_answer(question, findings.get(question["deciding"])) for question in document["questions"]],
        reasons=list(dict.fromkeys(spoken(reason, titles) for reason in verdict["reasons"])),
        asked=bool(document.get("asked")),
        recorded=frozenset(verdict["reasons"]),
    )


def _answer(question: Mapping[str, Any], finding: Mapping[str, Any] | None) -> Answered:
    figure = None if finding is None else _measured(finding)
    return Answered(
        question=question["question"],
        css=question["mark"].lower().replace("_", "-"),
        mark=marked(question["key"], question["mark"]),
        sentence=question["sentence"],
        figure=figure,
        drawing=Markup() if figure is None else gauge(figure),
    )


def _measured(finding: Mapping[str, Any]) -> Measured | None:
    figure = finding["figure"]
    numbers = (figure["value"], figure["lower"], figure["upper"], finding["baseline"], finding["limit"])
    if any(number is None for number in numbers):
        return None
    block = finding["block_limit"]
    return Measured(
        title=finding["title"],
        unit=finding["unit"],
        value=figure["value"],
        lower=figure["lower"],
        upper=figure["upper"],
        baseline=finding["baseline"],
        limit=finding["limit"],
        block=block if block != finding["limit"] else None,
    )
