"""People with accounts: whose keys are, who sent a job, who decided; four eyes held by the database itself.

A key from before belongs to no account; the name of its holder is compared as before. Who decided on a release so far
is called as the key is now.
"""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

from app.names import folded
from app.orm import UtcDateTime
from migrations import four_eyes

revision = "0007"
down_revision: str | None = "0006"
branch_labels: str | None = None
depends_on: str | None = None

MOMENT = UtcDateTime(timezone=True)
TEXT = sa.String(length=200)
DECIDED = ("decided_by_name", "decided_by_person", "withdrawn_by_name", "withdrawn_by_person")


def upgrade() -> None:
    op.create_table(
        "people",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("tenant_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("password_hash", TEXT, nullable=True),
        sa.Column("code_sha256", TEXT, nullable=True),
        sa.Column("code_expires_at", MOMENT, nullable=True),
        sa.Column("invited_by", TEXT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("disabled_at", MOMENT, nullable=True),
        sa.Column("last_sign_in_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_people_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
        sa.UniqueConstraint("email", name=op.f("uq_people_email")),
        sa.UniqueConstraint("code_sha256", name=op.f("uq_people_code_sha256")),
    )
    op.create_index(op.f("ix_people_tenant_id"), "people", ["tenant_id"])
    with op.batch_alter_table("api_keys") as keys:
        keys.add_column(sa.Column("person_id", TEXT, nullable=True))
        keys.add_column(sa.Column("name", TEXT, nullable=False, server_default=""))
        keys.add_column(sa.Column("folded", sa.Text(), nullable=False, server_default=""))
        keys.create_foreign_key(op.f("fk_api_keys_person_id_people"), "people", ["person_id"], ["id"])
        keys.create_index(op.f("ix_api_keys_person_id"), ["person_id"])
    with op.batch_alter_table("web_sessions") as sessions:
        sessions.alter_column("key_id", existing_type=TEXT, nullable=True)
        sessions.alter_column("sealed_token", existing_type=sa.LargeBinary(), nullable=True)
        sessions.add_column(sa.Column("person_id", TEXT, nullable=True))
        sessions.create_foreign_key(op.f("fk_web_sessions_person_id_people"), "people", ["person_id"], ["id"])
        sessions.create_index(op.f("ix_web_sessions_person_id"), ["person_id"])
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_constraint(op.f("fk_jobs_created_by_api_keys"), type_="foreignkey")
    for name in DECIDED:
        op.add_column("releases", sa.Column(name, TEXT, nullable=True))
    _fill()
    with op.batch_alter_table("api_keys") as keys:
        keys.alter_column("folded", existing_type=sa.Text(), server_default=None)
    four_eyes.create()


def _fill() -> None:
    connection = op.get_bind()
    for key_id, person in connection.execute(sa.text("SELECT id, person FROM api_keys")).all():
        values = {"id": key_id, "folded": folded(person or key_id), "name": person or key_id}
        connection.execute(sa.text("UPDATE api_keys SET folded = :folded WHERE id = :id"), values)
        for by in ("decided_by", "withdrawn_by"):
            named = f"UPDATE releases SET {by}_name = :name WHERE {by} = :id"  # noqa: S608 - two names of columns
            connection.execute(sa.text(named), values)


def downgrade() -> None:
    """People become keys that open nothing, for before every job was sent by a key."""
    four_eyes.drop()
    connection = op.get_bind()
    connection.execute(sa.text("DELETE FROM web_sessions WHERE sealed_token IS NULL"))
    connection.execute(sa.text("UPDATE api_keys SET person = person_id WHERE person_id IS NOT NULL"))
    tables = sa.MetaData()
    people, keys = (sa.Table(name, tables, autoload_with=connection) for name in ("people", "api_keys"))
    for row in connection.execute(sa.select(people)).mappings().all():
        closed = {"scopes": [], "secret_sha256": f"none-{secrets.token_hex(32)}", "revoked_at": row["created_at"]}
        kept = {name: row[name] for name in ("id", "tenant_id", "created_at", "folded")}
        connection.execute(sa.insert(keys).values(**kept, **closed, person=row["id"], name=row["name"]))
    with op.batch_alter_table("releases") as releases:
        for name in reversed(DECIDED):
            releases.drop_column(name)
    with op.batch_alter_table("jobs") as jobs:
        jobs.create_foreign_key(op.f("fk_jobs_created_by_api_keys"), "api_keys", ["created_by"], ["id"])
    with op.batch_alter_table("web_sessions") as sessions:
        sessions.drop_index(op.f("ix_web_sessions_person_id"))
        sessions.drop_constraint(op.f("fk_web_sessions_person_id_people"), type_="foreignkey")
        sessions.drop_column("person_id")
        sessions.alter_column("key_id", existing_type=TEXT, nullable=False)
        sessions.alter_column("sealed_token", existing_type=sa.LargeBinary(), nullable=False)
    with op.batch_alter_table("api_keys") as altered:
        altered.drop_index(op.f("ix_api_keys_person_id"))
        altered.drop_constraint(op.f("fk_api_keys_person_id_people"), type_="foreignkey")
        for name in ("folded", "name", "person_id"):
            altered.drop_column(name)
    op.drop_table("people")
