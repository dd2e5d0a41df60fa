"""Alembic's entry: run the migrations on the installation that `app.db.migration_config` names.

`config.attributes["connection"]` may hold an open connection instead of `config.attributes["settings"]`.
"""

from __future__ import annotations

from typing import Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection, text

from app.config import Settings
from app.db import connect
from app.orm import Base, UtcDateTime

ADVISORY_LOCK = 0x6C6F6F6B616C696B  # "lookalik", so that two processes never migrate side by side


def render_item(type_: str, item: object, autogen_context: AutogenContext) -> str | Literal[False]:  # noqa: ARG001
    """How a column type of ours is written into a version: as the plain type that the database sees."""
    return "sa.DateTime(timezone=True)" if type_ == "type" and isinstance(item, UtcDateTime) else False


def run(connection: Connection) -> None:
    """Bring the database behind `connection` to the wanted version, in one transaction."""
    sqlite = connection.dialect.name == "sqlite"
    if sqlite and not connection.in_transaction():
        # rebuilding a table drops the old one, which its children's foreign keys would forbid
        connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=sqlite,
        transactional_ddl=True,
        render_item=render_item,
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
        context.run_migrations()


def main() -> None:
    """Use the connection that was handed over, or open one for these settings."""
    connection: Connection | None = context.config.attributes.get("connection")
    if connection is not None:
        run(connection)
        return
    settings: Settings = context.config.attributes["settings"]
    engine = connect(settings)
    try:
        with engine.connect() as opened:
            run(opened)
            opened.commit()
    finally:
        engine.dispose()


main()
