"""How long the records of a data set are kept after its training, and when they went."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision: str | None = "0010"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.add_column("datasets", sa.Column("retention_days", sa.BigInteger(), nullable=True))
    op.add_column("datasets", sa.Column("records_erased_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("datasets") as altered:
        altered.drop_column("records_erased_at")
        altered.drop_column("retention_days")
