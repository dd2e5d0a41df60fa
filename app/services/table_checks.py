"""How often values of a table are asked about within a day, counted in the database: for all API processes together.

Each request is a row for 24 hours, and no more than so many rows of a table are let through at any time. The rows
outlive the table: with them gone, to delete a data set and upload it again would give another look at it. So they do
not say which table they are about. A row has a hash of the table under the tenant's own key, which the master key
wraps: the same table has the same hash, and the database alone tells nothing of what it held.
"""

from __future__ import annotations

import hmac

from sqlalchemy import Engine, delete

from app.config import Settings
from app.db import transaction
from app.errors import TooManyRequestsError
from app.jobs.people import key_of
from app.master_key import MasterKeys
from app.orm import DatasetRow, TableCheckRow, new_id, now
from app.services.quotas import DAY, hold, until_room

LIMIT = "table_checks_per_day"
"""The name of the setting"""


def count_check(engine: Engine, settings: Settings, master: MasterKeys, dataset: DatasetRow) -> None:
    """Count a request that names values of the data set's table, in a transaction of its own: also one that is refused.

    Tables with the same content have one count. Raises TooManyRequestsError, which says when to come again, where there
    were too many within 24 hours.
    """
    most, tenant_id, row = settings.table_checks_per_day, dataset.tenant_id, TableCheckRow
    mark = _mark_of(key_of(engine, master, tenant_id), dataset.table_sha256)
    with transaction(engine) as session:
        hold(session, tenant_id)
        at = now()
        session.execute(delete(row).where(row.tenant_id == tenant_id, row.at <= at - DAY))
        wait = until_room(session, row.at, (row.tenant_id == tenant_id) & (row.mark == mark), most, at)
        if wait is None:
            session.add(row(id=new_id("check"), tenant_id=tenant_id, mark=mark, at=at))
    if wait is not None:
        raise TooManyRequestsError(
            f"expected at most {most} requests a day that name values of a table ({LIMIT}), got more",
            retry_seconds=wait.total_seconds(),
            limit=LIMIT,
            value=most,
        )


def _mark_of(key: bytes, table_sha256: str) -> str:
    return hmac.digest(key, f"checks of the table {table_sha256}".encode(), "sha256").hex()
