"""Lists of a tenant's jobs, models and releases, in one state or in any, are read from an index."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision: str | None = "0005"
branch_labels: str | None = None
depends_on: str | None = None

NEW = {
    "models": (("tenant_id", "id"),),
    "jobs": (("tenant_id", "id"), ("tenant_id", "state", "id"), ("dataset_id", "state", "id")),
    "releases": (("tenant_id", "id"), ("tenant_id", "state", "id"), ("dataset_id", "state", "id")),
}
OLD = {"models": ("tenant_id",), "jobs": ("tenant_id", "dataset_id"), "releases": ("tenant_id", "dataset_id")}
"""The beginning of one of the new ones."""


def upgrade() -> None:
    for table, indexes in NEW.items():
        for columns in indexes:
            op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns))
    for table, singles in OLD.items():
        for column in singles:
            op.drop_index(op.f(f"ix_{table}_{column}"), table_name=table)


def downgrade() -> None:
    for table, singles in OLD.items():
        for column in singles:
            op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
    for table, indexes in NEW.items():
        for columns in indexes:
            op.drop_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table_name=table)
