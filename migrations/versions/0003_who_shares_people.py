"""Which data sets share people: keyed sketches of their records, and the pairs that have too many in common for chance.

Data sets from before have no sketch, for their tables may be gone. They are known by the same stored table or the same
upload, as they were.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "tenant_keys",
        sa.Column("tenant_id", sa.String(length=200), nullable=False),
        sa.Column("records", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_tenant_keys_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_tenant_keys")),
    )
    op.create_table(
        "record_sketches",
        sa.Column("dataset_id", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=200), nullable=False),
        sa.Column("tenant_id", sa.String(length=200), nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.Column("counts", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name=op.f("fk_record_sketches_dataset_id_datasets")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_record_sketches_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("dataset_id", "kind", name=op.f("pk_record_sketches")),
    )
    op.create_index(op.f("ix_record_sketches_tenant_id"), "record_sketches", ["tenant_id"])
    op.create_table(
        "shared_people",
        sa.Column("dataset_id", sa.String(length=200), nullable=False),
        sa.Column("other_id", sa.String(length=200), nullable=False),
        sa.Column("tenant_id", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name=op.f("fk_shared_people_dataset_id_datasets")),
        sa.ForeignKeyConstraint(["other_id"], ["datasets.id"], name=op.f("fk_shared_people_other_id_datasets")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_shared_people_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("dataset_id", "other_id", name=op.f("pk_shared_people")),
    )


def downgrade() -> None:
    op.drop_table("shared_people")
    op.drop_table("record_sketches")
    op.drop_table("tenant_keys")
