"""The report as one HTML page: a rendering of the document alone, with nothing to load and no script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from app.report import units
from app.report.drawing import absent_text
from app.report.model import Report
from app.report.svg import short
from app.report.units import plain
from app.report.view import view_of


def render(document: Mapping[str, Any]) -> str:
    """The page of a document that `app.report.document.build` made, now or in an earlier version of the same format.

    Raises pydantic.ValidationError where the document is not of the format `lookalike.report/1`.
    """
    report = Report.model_validate(document)
    return environment().get_template("page.html").render(report=report, view=view_of(report), words=units)


def environment() -> Environment:
    """Templates in which every value is escaped, and an unknown name is an error and never a blank."""
    environment = Environment(
        loader=PackageLoader("app.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    environment.filters.update(
        number=units.number,
        counted=units.counted,
        percent=percent,
        absent=absent_text,
        short=short,
        capitalised=capitalised,
    )
    return environment


def _finalize(value: object) -> object:
    if value is None:
        return units.NOT_MEASURED
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def percent(value: float) -> str:
    """A share of records in per cent."""
    return f"{100 * value:.2f}\u00a0%"


def capitalised(text: str) -> str:
    """The text with its first letter a capital and the rest as it was."""
    return text[:1].upper() + text[1:]
