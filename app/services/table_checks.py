"""How often values of a table are asked about within a day, counted in the database: for all API processes together.

Each table has a bucket that holds a day's worth of requests; each takes one out, and it fills evenly. The row says when
the bucket is full again, so a row of the past says nothing and is deleted.
"""

from __future__ import annotations

from sqlalchemy import Engine, delete

from app.config import Settings
from app.db import transaction
from app.errors import TooManyRequestsError
from app.orm import DatasetRow, TableCheckRow, now
from app.services.quotas import DAY, hold

LIMIT = "table_checks_per_day"
"""The name of the setting"""


def count_check(engine: Engine, settings: Settings, dataset: DatasetRow) -> None:
    """Count a request that names values of the data set's table, in a transaction of its own: also one that is refused.

    Tables with the same content have one count. Raises TooManyRequestsError, which says when to come again, where there
    were too many.
    """
    most, tenant_id, row = settings.table_checks_per_day, dataset.tenant_id, TableCheckRow
    with transaction(engine) as session:
        hold(session, tenant_id)
        at = now()
        session.execute(delete(row).where(row.tenant_id == tenant_id, row.full_at <= at))
        held = session.get(row, (tenant_id, dataset.table_sha256))
        full_at = (at if held is None else held.full_at) + DAY // most
        over = full_at - at - DAY
        if held is None:
            session.add(row(tenant_id=tenant_id, table_sha256=dataset.table_sha256, full_at=full_at))
        elif over.total_seconds() <= 0:
            held.full_at = full_at
    if over.total_seconds() > 0:
        raise TooManyRequestsError(
            f"expected at most {most} requests a day that name values of a table ({LIMIT}), got more",
            retry_seconds=over.total_seconds(),
            limit=LIMIT,
            value=most,
        )
