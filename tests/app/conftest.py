"""The web process that the tests of the API talk to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.config import Settings
from tests.support.installation import installed
from tests.support.web import Web, serve

UPLOAD_LIMIT = 2_000_000
WRONG_KEYS = 10_000
"""Tests show many wrong keys from one address."""


def _settings(factory: pytest.TempPathFactory, database_url: str = "") -> Settings:
    return Settings(
        home=factory.mktemp("home"),
        database_url=database_url,
        device="cpu",
        max_upload_bytes=UPLOAD_LIMIT,
        wrong_keys_per_minute=WRONG_KEYS,
    )


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory, installation: Path) -> Iterator[Web]:
    """A service on SQLite, shared by the tests of one module."""
    with serve(installed(_settings(tmp_path_factory), installation)) as running:
        yield running


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def web_on_both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A service on each database, shared by the tests of one module."""
    if request.param == "sqlite":
        with serve(installed(_settings(tmp_path_factory), request.getfixturevalue("installation"))) as running:
            yield running
        return
    database: str = request.getfixturevalue("installed_database")
    with (
        request.getfixturevalue("postgres").database(like=database) as url,
        serve(_settings(tmp_path_factory, url)) as running,
    ):
        yield running
