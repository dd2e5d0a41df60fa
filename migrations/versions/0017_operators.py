"""Keys of whoever operates the whole installation. They are of no tenant, and no policy of tenants is on them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.orm import UtcDateTime

revision = "0017"
down_revision: str | None = "0016"
branch_labels: str | None = None
depends_on: str | None = None

TEXT = sa.String(length=200)
MOMENT = UtcDateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "operator_keys",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("secret_sha256", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("parent_id", TEXT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=True),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["operator_keys.id"], name=op.f("fk_operator_keys_parent_id_operator_keys")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operator_keys")),
    )


def downgrade() -> None:
    op.drop_table("operator_keys")
