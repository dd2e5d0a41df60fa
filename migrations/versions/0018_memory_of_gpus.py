"""The memory of the GPU of each worker."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision: str | None = "0017"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.add_column("workers", sa.Column("gpu_used", sa.BigInteger(), nullable=True))
    op.add_column("workers", sa.Column("gpu_total", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("workers", "gpu_total")
    op.drop_column("workers", "gpu_used")
