"""The database: one engine, and transactions that commit whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.orm import Session

import migrations
from app import trail
from app.config import Settings
from app.home import private_file, private_folder

BUSY_MILLISECONDS = 15_000
CONNECT_SECONDS = 5
POOL_SECONDS = 10.0
"""How long a request waits for one of the connections to Postgres."""
TENANCY, EVERYBODY = "lookalike_tenancy", "*"
READS = "lookalike_reads"
"""The execution option of a transaction that only reads."""


def connect(settings: Settings) -> Engine:
    """An engine on the installation's database."""
    if not settings.is_sqlite:
        engine = create_engine(
            settings.resolved_database_url,
            pool_pre_ping=True,
            pool_size=10,
            max_overflow=20,
            pool_timeout=POOL_SECONDS,
            hide_parameters=True,
            connect_args={"connect_timeout": CONNECT_SECONDS},
        )
        bind_to_tenants(engine)
        return engine
    private_folder(settings.home)
    if settings.database_file is not None:
        private_file(settings.database_file)
    engine = create_engine(settings.resolved_database_url, hide_parameters=True)
    _make_sqlite_safe(engine)
    return engine


@dataclass(slots=True)
class Tenancy:
    """For whom a request works; nobody until it is known who has sent it."""

    tenant_id: str | None = None

    def bind(self, engine: Engine) -> Engine:
        """An engine whose transactions on PostgreSQL see this tenant's rows alone, from when it is known on."""
        return engine.execution_options(**{TENANCY: self})


def bind_to_tenants(engine: Engine) -> None:
    """Say at the begin of every transaction whose rows it sees, for the policies of the tables.

    These are all rows where no tenant is bound: to find out who calls, for workers and for commands.
    """

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        tenancy: Tenancy | None = connection.get_execution_options().get(TENANCY)
        tenant_id = EVERYBODY if tenancy is None or tenancy.tenant_id is None else tenancy.tenant_id
        connection.exec_driver_sql("SELECT set_config('app.tenant', %s, true)", (tenant_id,))


def policies_bind(engine: Engine) -> bool:
    """Whether row-level security holds for whom this service connects as: for no superuser, nor with BYPASSRLS.

    True on SQLite, which has none that could be missed.
    """
    if engine.dialect.name != "postgresql":
        return True
    with engine.connect() as connection:
        free = connection.exec_driver_sql("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        return not free.scalar_one()


def _make_sqlite_safe(engine: Engine) -> None:
    """Turn on WAL and foreign keys, and begin every transaction that may write as IMMEDIATE.

    With the driver's own transactions two writers that first read and then write lose updates without an error.
    """

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own type
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
            "secure_delete=ON",  # what was erased is overwritten
            f"busy_timeout={BUSY_MILLISECONDS}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        reads = bool(connection.get_execution_options().get(READS, False))
        if connection.info.get(READS) is not reads:  # what the connection was told last
            connection.exec_driver_sql(f"PRAGMA query_only={int(reads)}")
            connection.info[READS] = reads
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """A session that sees one state of the database, waits for nobody who writes, and cannot write."""
    with Session(
        engine.execution_options(**{READS: True, "postgresql_readonly": True}), expire_on_commit=False
    ) as session:
        yield session


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """A session that commits when the block ends, with the events that it recorded, and rolls back when it raises."""
    with Session(engine, expire_on_commit=False) as session, session.begin():
        trail.begin(session)
        yield session
        trail.append_recorded(session)


def migration_config(settings: Settings) -> Config:
    """Alembic's configuration for this installation, without an ini file."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["settings"] = settings
    return config


def migrate(settings: Settings) -> None:
    """Bring the database to the newest version. Two processes that try at once wait for one another."""
    command.upgrade(migration_config(settings), "head")
