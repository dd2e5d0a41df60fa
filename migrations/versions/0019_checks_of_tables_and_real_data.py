"""How often values of each table were asked about, for all API processes together.

There is a scope and a role for real data from this version on. Nothing is given to anybody here. Going back, both are
taken away, for an older program knows neither of them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.tenant_rows import protect

revision = "0019"
down_revision: str | None = "0018"
branch_labels: str | None = None
depends_on: str | None = None

TEXT = sa.String(length=200)
GIVEN = (("api_keys", "scopes", "real_data"), ("people", "roles", "real_data_reader"))
"""Table, column with a list, and what an older program does not know in it"""


def upgrade() -> None:
    op.create_table(
        "table_checks",
        sa.Column("tenant_id", TEXT, nullable=False),
        sa.Column("table_sha256", TEXT, nullable=False),
        sa.Column("full_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_table_checks_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "table_sha256", name=op.f("pk_table_checks")),
    )
    protect("table_checks")


def downgrade() -> None:
    op.drop_table("table_checks")
    connection = op.get_bind()
    for name, column, unknown in GIVEN:
        rows = sa.table(name, sa.column("id", TEXT), sa.column(column, sa.JSON()))
        for key, held in connection.execute(sa.select(rows.c.id, rows.c[column])).all():
            if unknown in held:
                left = [each for each in held if each != unknown]
                connection.execute(sa.update(rows).where(rows.c.id == key).values({column: left}))
