"""For whom a report is, and how it is written. Imports no large library: the web process uses it."""

from __future__ import annotations

from enum import StrEnum


class Audience(StrEnum):
    """For whom a report is."""

    INTERNAL = "internal"
    """Everything that was found."""
    SHAREABLE = "shareable"
    """Nothing that discloses the real rows."""


class Kind(StrEnum):
    """How a report is written."""

    JSON = "json"
    HTML = "html"
    PDF = "pdf"


NO_REPORT, FAILED = 3, 1
"""How the process that renders ends where this version cannot read the document, and where it failed."""
