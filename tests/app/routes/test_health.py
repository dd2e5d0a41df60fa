"""The process says that it lives, and whether it can work."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from alembic import command

from app.config import Settings
from app.db import connect, migrate, migration_config
from app.main import create_app
from app.services.health import require_migrated
from tests.support.web import Web, serve


def test_a_service_in_order_is_ready_and_asks_for_no_key(web_on_both: Web) -> None:
    with web_on_both.client() as client:
        for path, names in (("/healthz", set()), ("/readyz", {"database", "migrations", "storage", "space"})):
            answer = client.get(path, headers={"Authorization": ""})
            assert answer.status_code == 200
            assert answer.json()["status"] == "ok"
            assert set(answer.json()["checks"]) == names


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    migrate(settings)
    with serve(settings) as web, web.client() as client:
        shutil.rmtree(tmp_path / "blobs")
        (tmp_path / "blobs").write_text("in the way")
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["status"] == "degraded"
        checks = answer.json()["checks"]
        assert checks["storage"].startswith("failed")
        assert (checks["database"], checks["migrations"]) == ("ok", "ok")
        assert str(tmp_path) not in answer.text
        assert client.get("/healthz").status_code == 200
        command.downgrade(migration_config(settings), "base")
        assert client.get("/readyz").json()["checks"]["migrations"].startswith("failed")


def test_a_database_of_another_version_stops_the_start(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    engine = connect(settings)
    with pytest.raises(RuntimeError, match="expected a database of version"):
        require_migrated(settings, engine)
    engine.dispose()
    with pytest.raises(RuntimeError), serve_without_keys(settings):
        pass


def serve_without_keys(settings: Settings):
    from starlette.testclient import TestClient

    return TestClient(create_app(settings))
