"""The files that pages load: one style sheet, htmx and a few lines of our own. All of them come with the package."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Response

from app.pages.common import SECURITY, PageRoute

HTMX = "htmx.min.js"
"""htmx 2.0.11, under the Zero-Clause BSD licence beside it. Version 4 cannot tell how an upload goes."""
OWN = "pages.js"
SECONDS = 300

router = APIRouter(route_class=PageRoute, include_in_schema=False, prefix="/assets")


@cache
def style() -> str:
    """The style sheet: that of the report, and what forms and lists need besides."""
    report = (files("app.report") / "templates" / "style.html").read_text(encoding="utf-8")
    return report.replace("<style>", "").replace("</style>", "") + asset("pages.css")


@cache
def asset(name: str) -> str:
    """A file of this package."""
    return (files("app.pages") / "assets" / name).read_text(encoding="utf-8")


@router.get("/pages.css")
def get_style() -> Response:
    """The style sheet of all pages."""
    return _answer(style(), "text/css")


@router.get(f"/{HTMX}")
def get_htmx() -> Response:
    """The library that replaces parts of a page."""
    return _answer(asset(HTMX), "text/javascript")


@router.get(f"/{OWN}")
def get_own() -> Response:
    """Our own script."""
    return _answer(asset(OWN), "text/javascript")


def _answer(content: str, media_type: str) -> Response:
    return Response(content, media_type=media_type, headers={**SECURITY, "Cache-Control": f"max-age={SECONDS}"})
