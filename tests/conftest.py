"""What all tests share: databases to run on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.config import Settings
from app.db import migrate
from app.intake.readers import Readers
from app.jobs.engine import prepare
from tests.support.installation import installed
from tests.support.object_store import ObjectStore, run_object_store
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


@pytest.fixture(scope="session")
def readers() -> Iterator[Readers]:
    """Processes that read tables."""
    with Readers() as running:
        yield running


@pytest.fixture(scope="session")
def object_store() -> Iterator[ObjectStore]:
    """A real S3-compatible object store of this test run's own."""
    with run_object_store() as store:
        yield store


@pytest.fixture
def bucket(object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a fresh bucket, to which the environment leads."""
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    return object_store.make_bucket()


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an installation on SQLite: a test's copy of it costs a hundredth of what the migrations do."""
    settings = Settings(home=tmp_path_factory.mktemp("installation"))
    migrate(settings)
    prepare(settings)
    return settings.home


@pytest.fixture(scope="session")
def installed_database(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of an installation's database on the PostgreSQL server, which those of tests are copies of."""
    with postgres.database() as url:
        settings = Settings(home=tmp_path_factory.mktemp("installation"), database_url=url)
        migrate(settings)
        prepare(settings)
        yield url.rpartition("/")[2]


@pytest.fixture
def sqlite_settings(tmp_path: Path, installation: Path) -> Settings:
    """A fresh installation on SQLite."""
    return installed(Settings(home=tmp_path / "home", device="cpu"), installation)


@pytest.fixture
def postgres_settings(tmp_path: Path, postgres: PostgresServer, installed_database: str) -> Iterator[Settings]:
    """A fresh installation on PostgreSQL, in a database of its own."""
    with postgres.database(like=installed_database) as url:
        settings = Settings(home=tmp_path / "home", database_url=url, device="cpu")
        settings.home.mkdir(parents=True)
        yield settings


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest) -> Settings:
    """A fresh installation, once on SQLite and once on PostgreSQL."""
    fresh: Settings = request.getfixturevalue(f"{request.param}_settings")
    return fresh
