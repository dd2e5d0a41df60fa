"""The versions of the database lead to exactly the tables that the code maps."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime

from alembic import command
from sqlalchemy import inspect, text

from app.auth import create_key
from app.checkpoints import Found
from app.config import Settings
from app.db import connect, migrate, migration_config
from app.orm import Base
from app.services.audit_log import Verified, verify
from app.states import Scope


def tables(settings: Settings) -> set[str]:
    engine = connect(settings)
    try:
        return set(inspect(engine).get_table_names()) - {"alembic_version"}
    finally:
        engine.dispose()


def test_migrating_makes_all_tables_and_nothing_is_left_to_add(settings: Settings) -> None:
    assert tables(settings) == set(Base.metadata.tables)
    command.check(migration_config(settings))


def test_migrating_again_changes_nothing(settings: Settings) -> None:
    migrate(settings)
    command.check(migration_config(settings))


def test_downgrading_leaves_no_table(settings: Settings) -> None:
    command.downgrade(migration_config(settings), "base")
    assert tables(settings) == set()
    migrate(settings)
    command.check(migration_config(settings))


def test_tenants_from_before_the_audit_log_get_an_empty_one(settings: Settings) -> None:
    command.downgrade(migration_config(settings), "0007")
    engine = connect(settings)
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO tenants (id, name, created_at) VALUES ('tenant_a', 'A', :at)"), {"at": datetime.now(UTC)}
        )
    migrate(settings)
    found = Found(checkpoints=(), refused={})
    assert verify(engine, found) == Verified(logs=1, events=0, checkpoints=0, faults=(), unvouched=0)
    create_key(engine, "tenant_a", [Scope.READ])
    assert verify(engine, found).events == 1
    engine.dispose()


def test_an_open_connection_may_be_handed_over(sqlite_settings: Settings) -> None:
    config = migration_config(sqlite_settings)
    engine = connect(sqlite_settings)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    engine.dispose()
    assert tables(sqlite_settings) == set()


def test_migrations_keep_foreign_keys_on_for_everybody_else(sqlite_settings: Settings) -> None:
    engine = connect(sqlite_settings)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    engine.dispose()


def test_two_that_migrate_at_once_wait_for_one_another(settings: Settings) -> None:
    engine = connect(settings)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE alembic_version")
        Base.metadata.drop_all(connection)
    engine.dispose()
    environment = {**os.environ, "LOOKALIKE_HOME": str(settings.home), "LOOKALIKE_DATABASE_URL": settings.database_url}
    code = "from app.config import Settings; from app.db import migrate; migrate(Settings())"
    # processes, not threads: alembic keeps the running migration in a global
    both = [subprocess.Popen([sys.executable, "-c", code], env=environment) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert tables(settings) == set(Base.metadata.tables)
