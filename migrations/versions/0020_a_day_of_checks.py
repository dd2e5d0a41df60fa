"""Each request about values of a table is a row of its own, so that those of any 24 hours can be counted.

A table is named by a keyed hash in place of its own. What was counted before cannot be told by that, so counting begins
anew, in both directions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.tenant_rows import protect

revision = "0020"
down_revision: str | None = "0019"
branch_labels: str | None = None
depends_on: str | None = None

TEXT = sa.String(length=200)
TABLE = "table_checks"


def _of_tenant() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_table_checks_tenant_id_tenants"))


def upgrade() -> None:
    op.drop_table(TABLE)
    op.create_table(
        TABLE,
        sa.Column("id", TEXT, nullable=False),
        sa.Column("tenant_id", TEXT, nullable=False),
        sa.Column("mark", TEXT, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        _of_tenant(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_table_checks")),
    )
    op.create_index(op.f("ix_table_checks_tenant_id_mark_at"), TABLE, ["tenant_id", "mark", "at"])
    protect(TABLE)


def downgrade() -> None:
    op.drop_table(TABLE)
    op.create_table(
        TABLE,
        sa.Column("tenant_id", TEXT, nullable=False),
        sa.Column("table_sha256", TEXT, nullable=False),
        sa.Column("full_at", sa.DateTime(timezone=True), nullable=False),
        _of_tenant(),
        sa.PrimaryKeyConstraint("tenant_id", "table_sha256", name=op.f("pk_table_checks")),
    )
    protect(TABLE)
