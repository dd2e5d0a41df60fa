"""An audit log that nobody changes without a trace, limits of single tenants, webhooks, and how long stages
take.

Tenants from before get an empty log. Triggers keep events as they are; the one change that they let through erases
the details of a log whose last event says that the tenant was erased.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision: str | None = "0007"
branch_labels: str | None = None
depends_on: str | None = None

TEXT = sa.String(length=200)
GENESIS = "0" * 64
REFUSAL = "the audit log is append-only"
SAME = " AND ".join(
    f"NEW.{name} = OLD.{name}" for name in ("tenant_id", "number", "at", "kind", "subject", "details_sha256", "sha256")
)
ERASES = f"""NEW.details IS NULL AND {SAME} AND OLD.kind <> 'tenant.erased' AND EXISTS (
    SELECT 1 FROM audit_events e WHERE e.tenant_id = OLD.tenant_id AND e.kind = 'tenant.erased')"""  # noqa: S608 - ours

SQLITE = (
    f"""CREATE TRIGGER audit_events_unchanged BEFORE UPDATE ON audit_events WHEN NOT ({ERASES})
        BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END""",
    f"""CREATE TRIGGER audit_events_kept BEFORE DELETE ON audit_events
        BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END""",
    # INSERT OR REPLACE deletes without the trigger above
    f"""CREATE TRIGGER audit_events_not_replaced BEFORE INSERT ON audit_events WHEN EXISTS (
            SELECT 1 FROM audit_events e WHERE e.tenant_id = NEW.tenant_id AND e.number = NEW.number)
        BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END""",  # noqa: S608 - ours
)
POSTGRES = (
    f"""CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'UPDATE' THEN
                IF {ERASES} THEN RETURN NEW; END IF;
            END IF;
            RAISE EXCEPTION '{REFUSAL}';
        END $$""",
    """CREATE TRIGGER audit_events_kept BEFORE UPDATE OR DELETE ON audit_events
        FOR EACH ROW EXECUTE FUNCTION refuse_audit_change()""",
    """CREATE TRIGGER audit_events_not_emptied BEFORE TRUNCATE ON audit_events
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()""",
)


def upgrade() -> None:
    op.create_table(
        "audit_heads",
        sa.Column("tenant_id", TEXT, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("sha256", TEXT, nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_audit_heads")),
    )
    op.create_table(
        "audit_events",
        sa.Column("tenant_id", TEXT, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("details", sa.Text(), nullable=True),
        sa.Column("details_sha256", TEXT, nullable=False),
        sa.Column("sha256", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "number", name=op.f("pk_audit_events")),
    )
    op.create_index(op.f("ix_audit_events_tenant_id_kind"), "audit_events", ["tenant_id", "kind"])
    op.create_index(op.f("ix_audit_events_tenant_id_subject"), "audit_events", ["tenant_id", "subject"])
    op.create_table(
        "tenant_limits",
        sa.Column("tenant_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_tenant_limits_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "name", name=op.f("pk_tenant_limits")),
    )
    op.create_table(
        "stage_totals",
        sa.Column("stage", TEXT, nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("stage", name=op.f("pk_stage_totals")),
    )
    op.create_table(
        "webhooks",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("tenant_id", TEXT, nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("secret", TEXT, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_status", sa.BigInteger(), nullable=True),
        sa.Column("given_up", sa.BigInteger(), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_webhooks_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    op.create_index(op.f("ix_webhooks_tenant_id"), "webhooks", ["tenant_id"])
    connection = op.get_bind()
    heads = "INSERT INTO audit_heads (tenant_id, number, sha256) SELECT id, 0, :genesis FROM tenants"
    connection.execute(sa.text(heads), {"genesis": GENESIS})
    for statement in POSTGRES if connection.dialect.name == "postgresql" else SQLITE:
        connection.exec_driver_sql(statement)


def downgrade() -> None:
    op.drop_table("webhooks")
    op.drop_table("stage_totals")
    op.drop_table("tenant_limits")
    op.drop_table("audit_events")  # and its triggers
    op.drop_table("audit_heads")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_audit_change()")
