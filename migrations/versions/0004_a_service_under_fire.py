"""What a service under fire has to know: hashes of all that it serves, lost attempts, living workers, lives of keys,
and which installation it is.

Previews of data sets from before have no hash and are not shown any more. The pages of reports take theirs from the
artifacts of their jobs.
"""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"
branch_labels: str | None = None
depends_on: str | None = None


MOMENT = sa.DateTime(timezone=True)
TEXT = sa.String(length=200)


def columns() -> tuple[tuple[str, sa.Column], ...]:
    return (
        ("datasets", sa.Column("preview_sha256", TEXT, nullable=True)),
        ("reports", sa.Column("html_sha256", TEXT, nullable=True)),
        ("jobs", sa.Column("losses", sa.BigInteger(), nullable=False, server_default="0")),
        ("jobs", sa.Column("in_hand", sa.Boolean(), nullable=False, server_default=sa.false())),
        ("api_keys", sa.Column("person", TEXT, nullable=False, server_default="")),
        ("api_keys", sa.Column("expires_at", MOMENT, nullable=True)),
        ("api_keys", sa.Column("last_used_at", MOMENT, nullable=True)),
        ("api_keys", sa.Column("rotated_to", TEXT, nullable=True)),
        ("releases", sa.Column("withdrawn_by", TEXT, nullable=True)),
        ("releases", sa.Column("withdrawn_at", MOMENT, nullable=True)),
        ("releases", sa.Column("withdrawal_reason", sa.String(length=2000), nullable=True)),
        ("releases", sa.Column("deleted_at", MOMENT, nullable=True)),
        ("reports", sa.Column("deleted_at", MOMENT, nullable=True)),
    )


def upgrade() -> None:
    for table, column in columns():
        op.add_column(table, column)
    op.create_table(
        "workers",
        sa.Column("slot", sa.BigInteger(), nullable=False),
        sa.Column("run", TEXT, nullable=False),
        sa.Column("beats", sa.BigInteger(), nullable=False),
        sa.Column("host", TEXT, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("slot", name=op.f("pk_workers")),
    )
    op.create_table(
        "installation",
        sa.Column("id", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
    _fill()


def _fill() -> None:
    """A key without a person is a person of its own; the page of a report is one of the artifacts of its job."""
    connection = op.get_bind()
    connection.execute(sa.text("INSERT INTO installation (id) VALUES (:id)"), {"id": secrets.token_hex(16)})
    connection.execute(sa.text("UPDATE api_keys SET person = id"))
    tables = sa.MetaData()
    reports, jobs = (sa.Table(name, tables, autoload_with=connection) for name in ("reports", "jobs"))
    found = sa.select(reports.c.id, sa.type_coerce(jobs.c.artifacts, sa.JSON)).join(jobs, jobs.c.id == reports.c.job_id)
    for report_id, artifacts in connection.execute(found).all():
        sha256 = (artifacts or {}).get("page", {}).get("sha256")
        connection.execute(sa.update(reports).where(reports.c.id == report_id).values(html_sha256=sha256))


def downgrade() -> None:
    op.drop_table("installation")
    op.drop_table("workers")
    for table, column in reversed(columns()):
        with op.batch_alter_table(table) as altered:
            altered.drop_column(column.name)
