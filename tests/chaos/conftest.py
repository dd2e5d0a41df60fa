"""Installations for tests that kill, stop and restart workers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.config import Settings
from tests.support.jobs import Shop, open_shop


@pytest.fixture
def shop(settings: Settings) -> Iterator[Shop]:
    """An installation with one tenant and no worker yet, on SQLite and on PostgreSQL."""
    with open_shop(settings) as opened:
        yield opened
