"""Whether this process can work: its database, its files, and the version of its tables."""

from __future__ import annotations

import shutil
from collections.abc import Callable

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

import app
from app.config import Settings
from app.context import Backend
from app.db import migration_config
from app.errors import StorageFullError
from app.wire import Health

SPACE_BYTES = 256 * 1024**2


def versions(settings: Settings, engine: Engine) -> tuple[str | None, str | None]:
    """The version of the database's tables, and the one that this code needs."""
    needed = ScriptDirectory.from_config(migration_config(settings)).get_current_head()
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision(), needed


def require_migrated(settings: Settings, engine: Engine) -> None:
    """Raises RuntimeError where the tables are not of the version that this code needs."""
    found, needed = versions(settings, engine)
    if found != needed:
        raise RuntimeError(
            f"expected a database of version {needed}, got {found or 'one without tables'}: migrate it first"
        )


def readiness(backend: Backend) -> Health:
    """What works and what does not; an error is named by its kind alone."""
    checks = {
        "database": _check(lambda: _ping(backend.engine)),
        "migrations": _check(lambda: require_migrated(backend.settings, backend.engine)),
        "storage": _check(backend.blobs.probe),
        "space": _check(lambda: _require_space(backend.settings)),
    }
    fine = all(result == "ok" for result in checks.values())
    return Health(status="ok" if fine else "degraded", version=app.__version__, checks=checks)


def _require_space(settings: Settings) -> None:
    """Raises StorageFullError where the home is so full that the next upload may find no room."""
    free = shutil.disk_usage(settings.home).free
    if free < SPACE_BYTES:
        raise StorageFullError(f"expected {SPACE_BYTES} bytes of free space in the home, got {free}")


def _check(work: Callable[[], object]) -> str:
    try:
        work()
    except Exception as error:  # noqa: BLE001 - whatever fails, the answer is "not ready"
        return f"failed: {type(error).__name__}"
    return "ok"


def _ping(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
