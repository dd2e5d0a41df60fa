"""The report as a PDF: its page on paper, tagged, with a table of contents, page numbers and the document's hash."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import typst

from app.report.fonts import folder, legible
from app.report.page import render
from app.report.palette import colours
from app.report.paper import Block, blocks_of

TEMPLATE = "paper.typ"
STANDARD = "ua-1"
"""PDF/UA-1: tagged, with a title, a language, and words for every picture; Typst refuses what falls short of it."""


def render_pdf(document: Mapping[str, Any], sha256: str) -> bytes:
    """The PDF of a report document. `sha256` is that of the document's file, for the foot of every page.

    The same document gives the same bytes on the same fonts. Raises pydantic.ValidationError where the document is not
    of the format `lookalike.report/1`.
    """
    made: bytes = _compiled(_paper(document, sha256), "pdf")
    return made


def _paper(document: Mapping[str, Any], sha256: str) -> dict[str, Any]:
    blocks = blocks_of(render(document))
    run, verdict = document["run"], document["verdict"]["verdict"]
    return {
        "title": f"{verdict}: {run['dataset_name']} (Lookalike report)",
        "made": _day(run["created_at"]),
        "footer": f"Lookalike report, {document['audience']}. Verdict {verdict}. Job {run['job_id']}.",
        "sha256": sha256,
        "colours": colours(),
        "contents-before": _before_details(blocks),
        "blocks": blocks,
    }


def _before_details(blocks: Sequence[Block]) -> int:
    """The place of the table of contents: behind the verdict and its questions, which stand on the first page."""
    asked = next((place for place, block in enumerate(blocks) if block["t"] == "questions"), 0)
    return next((place for place, block in enumerate(blocks) if place > asked and block["t"] == "h"), asked)


def _day(moment: str) -> dict[str, int] | None:
    try:
        day = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return {"year": day.year, "month": day.month, "day": day.day}


def _compiled(paper: Mapping[str, Any], kind: str) -> Any:  # noqa: ANN401 - bytes, or a list of them for pictures
    made = paper["made"]
    said, needs_machine = legible(json.dumps(paper, ensure_ascii=False))
    return typst.compile(
        (files("app.report") / "templates" / TEMPLATE).read_bytes(),
        sys_inputs={"paper": said},
        font_paths=[folder()],
        ignore_system_fonts=not needs_machine,
        format=kind,  # type: ignore[call-overload]
        pdf_standards=[STANDARD],
        timestamp=0 if made is None else int(datetime(**made, tzinfo=UTC).timestamp()),
    )
