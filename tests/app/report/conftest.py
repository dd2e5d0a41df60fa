"""A report of a real assessment and a real audit, rendered once for all tests."""

from __future__ import annotations

from typing import Any

import pytest

from app.report.document import build
from app.report.page import render
from tests.app.report.samples import measured


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    return build(**measured())


@pytest.fixture(scope="session")
def page(document: dict[str, Any]) -> str:
    return render(document)
