"""How often values of records are asked about within a day, counted in the database: for all API processes together.

Each request is a row for 24 hours, and no more than so many rows are let through at any time: of a data set and of all
that share people with it, since an answer about one tells of the others. A table with one record more, the same upload
read in another way, and a table that was deleted and is uploaded again have one count.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Engine, delete, or_, select

from app.config import DAY, Settings
from app.db import transaction
from app.errors import TooManyRequestsError
from app.jobs.people import sharing_people
from app.orm import DatasetRow, TableCheckRow, new_id, now
from app.services.quotas import hold, until_room

LIMIT = "table_checks_per_day"
"""The name of the setting"""


def count_check(engine: Engine, settings: Settings, dataset: DatasetRow, sharing: Collection[str] = ()) -> None:
    """Count a request that names values of the data set's table, in a transaction of its own: also one that is refused.

    `sharing`: the ids of data sets that share people with one which is not stored yet. Where such a one is refused, it
    is stored nowhere, and nobody knows whose records it held: its requests count for every data set of the tenant.
    Raises TooManyRequestsError, which says when to come again, where there were too many within 24 hours.
    """
    most, tenant_id, row = settings.table_checks_per_day, dataset.tenant_id, TableCheckRow
    stored = select(DatasetRow.id).where(DatasetRow.tenant_id == tenant_id)
    counted = or_(
        row.dataset_id == dataset.id,
        row.dataset_id.in_(sharing),
        row.dataset_id.in_(sharing_people(dataset)),
        row.dataset_id.not_in(stored),
    )
    with transaction(engine) as session:
        hold(session, tenant_id)
        at = now()
        session.execute(delete(row).where(row.tenant_id == tenant_id, row.at <= at - DAY))
        wait = until_room(session, row.at, (row.tenant_id == tenant_id) & counted, most, at)
        if wait is None:
            session.add(row(id=new_id("check"), tenant_id=tenant_id, dataset_id=dataset.id, at=at))
    if wait is not None:
        raise TooManyRequestsError(
            f"expected at most {most} requests a day that name values of the same people ({LIMIT}), got more",
            retry_seconds=wait.total_seconds(),
            limit=LIMIT,
            value=most,
        )
