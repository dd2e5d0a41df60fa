"""How long the real records of a data set stay: said, and told. `app.jobs.retention` sees to it."""

from __future__ import annotations

from datetime import datetime

from app import store, views
from app.context import Backend, Caller
from app.db import reading, transaction
from app.jobs.retention import due_at
from app.trail import Kind, record
from app.wire import Dataset


def keep_for(backend: Backend, caller: Caller, dataset_id: str, days: int | None) -> Dataset:
    """The data set, whose records go so many days after its last training from now on; None keeps them.

    Raises RecordsErasedError where they have gone.
    """
    with transaction(backend.engine) as session:
        row = store.records(session, caller.tenant_id, dataset_id, lock=True)
        if row.retention_days != days:
            facts = {"retention_days": days, "before": row.retention_days}
            record(session, row.tenant_id, caller.actor, Kind.DATASET_RETENTION_SET, row.id, **facts)
            row.retention_days = days
        return views.dataset(row)


def goes_at(backend: Backend, caller: Caller, dataset_id: str) -> datetime | None:
    """When the records of the data set go, as things stand; None where that is not known, or they stay."""
    with reading(backend.engine) as session:
        return due_at(session, store.dataset(session, caller.tenant_id, dataset_id))
