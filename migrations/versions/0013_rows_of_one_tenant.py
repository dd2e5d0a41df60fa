"""On PostgreSQL a transaction that works for a tenant sees the rows of that tenant alone, whatever its queries forget.

Every transaction says whose rows it sees, in the setting `app.tenant`: a tenant's id, or * for all. Where it says
nothing it sees none. SQLite has no such policies.
"""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision: str | None = "0012"
branch_labels: str | None = None
depends_on: str | None = None

POLICY = "rows_of_one_tenant"
TABLES = (
    *("people", "api_keys", "web_sessions", "datasets", "tenant_keys", "record_sketches", "shared_people"),
    *("models", "jobs", "job_events", "reports", "releases", "idempotency_keys", "tenant_limits", "webhooks"),
    *("audit_heads", "audit_events"),
)


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, column in (("tenants", "id"), *((table, "tenant_id") for table in TABLES)):
        op.execute(
            f"CREATE POLICY {POLICY} ON {table} USING (current_setting('app.tenant', true) IN ({column}, '*'))"
            f" WITH CHECK (current_setting('app.tenant', true) IN ({column}, '*'))"
        )
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")  # for the owner too, as whom the service connects


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in ("tenants", *TABLES):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        op.execute(f"DROP POLICY {POLICY} ON {table}")
