"""The web process that the tests attack."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.config import Settings
from app.db import migrate
from tests.support.web import Web, serve

UPLOAD_LIMIT = 2_000_000
WRONG_KEYS = 10_000
"""Tests show many wrong keys from one address."""


def _settings(factory: pytest.TempPathFactory, database_url: str = "") -> Settings:
    settings = Settings(
        home=factory.mktemp("home"),
        database_url=database_url,
        device="cpu",
        max_upload_bytes=UPLOAD_LIMIT,
        wrong_keys_per_minute=WRONG_KEYS,
    )
    migrate(settings)
    return settings


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A service on SQLite, shared by the tests of one module."""
    with serve(_settings(tmp_path_factory)) as running:
        yield running


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def web_on_both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A service on each database, shared by the tests of one module."""
    if request.param == "sqlite":
        with serve(_settings(tmp_path_factory)) as running:
            yield running
        return
    with (
        request.getfixturevalue("postgres").database() as url,
        serve(_settings(tmp_path_factory, url)) as running,
    ):
        yield running
