"""The version that brings people: what was there stays, and four eyes hold for it; down again nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from alembic import command
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from app.config import Settings
from app.db import connect, migrate, migration_config

BEFORE = "0006"
AT = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    """A database of the version before, with a job of Ada that waits under four eyes, and one that Grace approved."""
    command.downgrade(migration_config(settings), BEFORE)
    engine = connect(settings)
    with engine.begin() as connection:
        sqlite = engine.dialect.name == "sqlite"

        def add(table: str, **row: object) -> None:
            values = {
                name: str(value) if sqlite and isinstance(value, datetime) else value for name, value in row.items()
            }
            names = ", ".join(values)
            marks = ", ".join(f":{name}" for name in values)
            connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), values)  # noqa: S608

        add("tenants", id="tenant_a", name="A", created_at=AT)
        for key, person in (("key_ada", "Ada L"), ("key_two", "ADA l"), ("key_grace", "Grace"), ("key_old", "")):
            add("api_keys", id=key, tenant_id="tenant_a", secret_sha256=key, scopes="[]", person=person, created_at=AT)
        add(
            "datasets",
            id="d",
            tenant_id="tenant_a",
            name="d",
            upload_sha256="x",
            upload_bytes=1,
            rows=1,
            table_schema="[]",
            source="{}",
            table_key="x",
            table_sha256="x",
            preview_key="x",
            created_at=AT,
        )
        add("models", id="m", tenant_id="tenant_a", dataset_id="d", job_id="j1", created_at=AT)
        for job, state, by in (("j1", "in_review", None), ("j2", "released", "key_grace")):
            add(
                "jobs",
                id=job,
                tenant_id="tenant_a",
                dataset_id="d",
                created_by="key_ada",
                kind="synthesize",
                state="finished",
                fraction=1,
                attempt=1,
                options="{}",
                artifacts="{}",
                created_at=AT,
            )
            add("reports", id=f"p{job}", tenant_id="tenant_a", job_id=job, json_key="x", html_key="x", json_sha256="x",
                created_at=AT)  # fmt: skip
            add(
                "releases",
                id=f"r{job}",
                tenant_id="tenant_a",
                job_id=job,
                dataset_id="d",
                model_id="m",
                report_id=f"p{job}",
                state=state,
                verdict="REVIEW",
                policy="public",
                reasons="[]",
                four_eyes=True,
                rows=1,
                parquet_key="x",
                parquet_sha256="x",
                csv_key="x",
                csv_sha256="x",
                earlier=0,
                decided_by=by,
                created_at=AT,
            )
    yield engine
    engine.dispose()


def approve(engine: Engine, by: str) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE releases SET state = 'released', decided_by = :by WHERE id = 'rj1'"), {"by": by}
        )


def test_what_was_there_stays_and_is_held_to_four_eyes(settings: Settings, engine: Engine) -> None:
    migrate(settings)
    command.check(migration_config(settings))
    with engine.connect() as connection:
        named = connection.execute(text("SELECT id, decided_by, decided_by_name FROM releases ORDER BY id")).all()
        folded = dict(connection.execute(text("SELECT id, folded FROM api_keys")).all())
    assert named == [("rj1", None, None), ("rj2", "key_grace", "Grace")]
    assert folded == {"key_ada": "adal", "key_two": "adal", "key_grace": "grace", "key_old": "key_old"}
    for by in ("key_ada", "key_two", "nobody", "key_grace"):  # whoever holds a key of nobody's account may be Ada
        with pytest.raises(IntegrityError, match="four eyes"):
            approve(engine, by)
    with engine.begin() as connection:
        connection.execute(text("UPDATE releases SET state = 'rejected', decided_by = 'key_grace' WHERE id = 'rj1'"))


def test_down_again_people_are_keys_that_open_nothing(settings: Settings, engine: Engine) -> None:
    migrate(settings)
    person = {"id": "person_1", "name": "Ada L", "folded": "adal", "email": "a@b", "by": "x"}
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO people (id, tenant_id, name, folded, email, roles, invited_by, created_at) "
                "VALUES (:id, 'tenant_a', :name, :folded, :email, '[]', :by, '2026-11-01 00:00:00')"
            ),
            person,
        )
        connection.execute(
            text(
                "INSERT INTO api_keys (id, tenant_id, secret_sha256, scopes, person, folded, person_id, created_at) "
                "VALUES ('key_own', 'tenant_a', 'own', '[]', 'Ada L', 'adal', 'person_1', '2026-11-01 00:00:00')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO jobs (id, tenant_id, dataset_id, created_by, kind, state, fraction, attempt, options, "
                "artifacts, created_at) VALUES ('j3', 'tenant_a', 'd', 'person_1', 'synthesize', 'queued', 0, 0, '{}', "
                "'{}', '2026-11-01 00:00:00')"
            )
        )
    command.downgrade(migration_config(settings), BEFORE)
    with engine.connect() as connection:
        sent = connection.execute(text("SELECT created_by FROM jobs WHERE id = 'j3'")).scalar()
        rows = connection.execute(text("SELECT person, revoked_at FROM api_keys WHERE id = 'person_1'")).one()
        own = connection.execute(text("SELECT person FROM api_keys WHERE id = 'key_own'")).scalar()
    assert (sent, rows.person, own) == ("person_1", "person_1", "person_1"), "the old four eyes still see one person"
    assert rows.revoked_at is not None
    migrate(settings)
    command.check(migration_config(settings))
