"""Two releases side by side, read from their reports: what was asked, what was said, every figure with its noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from app.context import Backend
from app.errors import ArtifactChangedError, NotFoundError
from app.pages.common import PageRoute, SignedIn, page
from app.pages.evidence import CHANGED, MISSING, STATES
from app.report.answers import ASKED, MARKS, marked
from app.report.diff import EQUAL, Line, differences
from app.routes.common import BackendOf
from app.services import releases, reports
from app.sessions import WebSession
from app.wire import Release

CHOICES = 100
"""So many of the newest releases can be chosen; an address may name any."""
PARTS: Mapping[str, str] = {
    "option": "What was asked for",
    "verdict": "Verdicts",
    "question": "Answers to the questions",
    "asked": "Questions to the table",
    "finding": "Findings",
    "score": "Fidelity scores",
    "fidelity": "Other fidelity figures",
}
FIGURES = frozenset({"finding", "score", "fidelity"})
OLDER = "One of the reports is of an older format, which cannot be compared."
ReleaseId = Annotated[str, Query(max_length=100)]

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """What is compared of one kind."""

    title: str
    has_noise: bool
    """Whether it is made of figures."""
    differing: list[Line]
    equal: list[Line]


@router.get("/compare")
def compare(backend: BackendOf, session: SignedIn, first: ReleaseId, second: ReleaseId = "") -> Response:
    """The comparison; without a second release the choice of one."""
    choices = releases.listed(backend, session.caller, None, CHOICES).items
    chosen = [releases.get(backend, session.caller, release_id) for release_id in (first, second) if release_id]
    names = releases.names(backend, session.caller, [*choices, *chosen])
    parts, missing = _parts(backend, session, chosen) if len(chosen) == 2 else ([], "")
    return page(
        "compare_releases.html",
        session=session,
        first=chosen[0],
        second=chosen[1] if len(chosen) == 2 else None,
        choices=_with(chosen, choices),
        names=names,
        parts=parts,
        missing=missing,
        states=STATES,
        differing=sum(len(part.differing) for part in parts),
        compared=sum(len(part.differing) + len(part.equal) for part in parts),
    )


def _in_words(line: Line) -> Line:
    """The line without keys: marks and names of options as a person says them."""
    if line.part == "question":
        key = next((key for key, words in ASKED.items() if words == line.name), "")
        first, second = (marked(key, each) if each in MARKS else each for each in (line.first, line.second))
        return replace(line, first=first, second=second)
    if line.part in {"option", "verdict"}:
        first, second = (each.replace("NOT_ASSESSED", "NOT ASSESSED") for each in (line.first, line.second))
        return replace(line, name=line.name.replace("_", " "), first=first, second=second)
    return line


def _with(chosen: Sequence[Release], choices: Sequence[Release]) -> list[Release]:
    known = {release.id for release in choices}
    return [*(release for release in chosen if release.id not in known), *choices]


def _parts(backend: Backend, session: WebSession, chosen: Sequence[Release]) -> tuple[list[Part], str]:
    """What is compared, or why nothing is."""
    try:
        documents: list[Mapping[str, Any]] = [
            reports.report_document(backend, session.caller, release.report_id, shown_in="comparison")
            for release in chosen
        ]
        lines = [_in_words(line) for line in differences(*documents)]
    except NotFoundError:
        return [], MISSING
    except ArtifactChangedError:
        return [], CHANGED
    except (ValueError, AttributeError):
        return [], OLDER
    return [
        Part(
            title=title,
            has_noise=part in FIGURES,
            differing=[line for line in lines if line.part == part and line.verdict != EQUAL],
            equal=[line for line in lines if line.part == part and line.verdict == EQUAL],
        )
        for part, title in PARTS.items()
    ], ""
