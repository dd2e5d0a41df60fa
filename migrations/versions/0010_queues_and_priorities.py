"""Workers serve queues, and jobs have a priority among those of their tenant."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision: str | None = "0009"
branch_labels: str | None = None
depends_on: str | None = None

TEXT = sa.String(length=200)


def upgrade() -> None:
    op.add_column("jobs", sa.Column("priority", TEXT, nullable=False, server_default="normal"))
    op.add_column("workers", sa.Column("queues", TEXT, nullable=False, server_default="gpu,cpu"))


def downgrade() -> None:
    # in place: a table that is made anew would lose its triggers
    op.drop_column("workers", "queues")
    op.drop_column("jobs", "priority")
