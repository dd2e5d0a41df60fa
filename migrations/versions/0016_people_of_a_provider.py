"""People who sign in at an OpenID provider: issuer and subject say who they are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision: str | None = "0015"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.add_column("people", sa.Column("issuer", sa.Text(), nullable=True))
    op.add_column("people", sa.Column("subject", sa.String(length=255), nullable=True))
    op.create_index(op.f("ix_people_issuer_subject"), "people", ["issuer", "subject"], unique=True)


def downgrade() -> None:
    """Who signed in at a provider has an account without a password, which an administrator may reset."""
    op.drop_index(op.f("ix_people_issuer_subject"), "people")
    op.drop_column("people", "subject")
    op.drop_column("people", "issuer")
