"""What all tests share: databases to run on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.config import Settings
from app.db import migrate
from tests.support.postgres import PostgresServer, binaries_or_skip, run_server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with long time limits run first, so that at the end no process waits for another one's long file."""
    longest: dict[Path, float] = defaultdict(float)
    for item in items:
        limit = item.get_closest_marker("timeout")
        if limit is not None:
            longest[item.path] = max(longest[item.path], float(limit.args[0]))
    items.sort(key=lambda item: -longest[item.path])


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL server of this test run's own."""
    with run_server(binaries_or_skip()) as server:
        yield server


@pytest.fixture
def sqlite_settings(tmp_path: Path) -> Settings:
    """A fresh installation on SQLite."""
    settings = Settings(home=tmp_path / "home", device="cpu")
    migrate(settings)
    return settings


@pytest.fixture
def postgres_settings(tmp_path: Path, postgres: PostgresServer) -> Iterator[Settings]:
    """A fresh installation on PostgreSQL, in a database of its own."""
    with postgres.database() as url:
        settings = Settings(home=tmp_path / "home", database_url=url, device="cpu")
        settings.home.mkdir(parents=True)
        migrate(settings)
        yield settings


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest) -> Settings:
    """A fresh installation, once on SQLite and once on PostgreSQL."""
    fresh: Settings = request.getfixturevalue(f"{request.param}_settings")
    return fresh
