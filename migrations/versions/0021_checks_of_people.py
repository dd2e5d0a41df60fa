"""Requests about values of records name their data set, so that those of all data sets that share people are counted.

A hash of a table that was counted before is the id of no data set: for its day it counts for every data set of its
tenant. Going back, ids are hashes of no table, and counting begins anew.
"""

from __future__ import annotations

from alembic import op

revision = "0021"
down_revision: str | None = "0020"
branch_labels: str | None = None
depends_on: str | None = None

TABLE = "table_checks"


def upgrade() -> None:
    _rename("mark", "dataset_id")


def downgrade() -> None:
    _rename("dataset_id", "mark")


def _rename(before: str, after: str) -> None:
    op.drop_index(op.f(f"ix_table_checks_tenant_id_{before}_at"), TABLE)
    op.execute(f"ALTER TABLE {TABLE} RENAME COLUMN {before} TO {after}")  # both databases say it so
    op.create_index(op.f(f"ix_table_checks_tenant_id_{after}_at"), TABLE, ["tenant_id", after, "at"])
