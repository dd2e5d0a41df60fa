"""Policies by which a transaction on PostgreSQL sees the rows of one tenant alone; SQLite has none."""

from __future__ import annotations

from alembic import op

POLICY = "rows_of_one_tenant"


def protect(table: str, column: str = "tenant_id") -> None:
    """Let only transactions that work for the tenant in this column, or for all, see and write the table's rows."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(
        f"CREATE POLICY {POLICY} ON {table} USING (current_setting('app.tenant', true) IN ({column}, '*'))"
        f" WITH CHECK (current_setting('app.tenant', true) IN ({column}, '*'))"
    )
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")  # for the owner too, as whom the service connects


def expose(table: str) -> None:
    """Undo `protect`."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    op.execute(f"DROP POLICY {POLICY} ON {table}")
