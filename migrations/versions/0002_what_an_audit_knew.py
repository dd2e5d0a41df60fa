"""How many released tables the audit of a release knew of.

Releases from before count as knowing of none: one that waits beside a released table from the same records is attacked
again before anybody may approve it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.add_column("releases", sa.Column("earlier", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    with op.batch_alter_table("releases") as releases:
        releases.drop_column("earlier")
