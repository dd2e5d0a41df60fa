"""Databases and buckets that tables are read from and released tables are written to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.tenant_rows import protect

revision = "0015"
down_revision: str | None = "0013"
branch_labels: str | None = None
depends_on: str | None = None

TEXT = sa.String(length=200)


def upgrade() -> None:
    op.create_table(
        "connections",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("tenant_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("place", sa.JSON(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("writable", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_connections_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connections")),
    )
    op.create_index(op.f("ix_connections_tenant_id"), "connections", ["tenant_id"])
    protect("connections")


def downgrade() -> None:
    op.drop_table("connections")
