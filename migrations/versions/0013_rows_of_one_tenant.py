"""On PostgreSQL a transaction that works for a tenant sees the rows of that tenant alone, whatever its queries forget.

Every transaction says whose rows it sees, in the setting `app.tenant`: a tenant's id, or * for all. Where it says
nothing it sees none. SQLite has no such policies.
"""

from __future__ import annotations

from migrations.tenant_rows import expose, protect

revision = "0013"
down_revision: str | None = "0012"
branch_labels: str | None = None
depends_on: str | None = None

TABLES = (
    *("people", "api_keys", "web_sessions", "datasets", "tenant_keys", "record_sketches", "shared_people"),
    *("models", "jobs", "job_events", "reports", "releases", "idempotency_keys", "tenant_limits", "webhooks"),
    *("audit_heads", "audit_events"),
)


def upgrade() -> None:
    protect("tenants", "id")
    for table in TABLES:
        protect(table)


def downgrade() -> None:
    for table in ("tenants", *TABLES):
        expose(table)
