"""Tenants, for whoever runs the installation: listed, and deleted with all that is theirs."""

from __future__ import annotations

from sqlalchemy import Engine, delete, func, select, update

from app.blobs import Blobs
from app.data_keys import dataset_key
from app.db import reading, transaction
from app.errors import ConflictError, NotFoundError
from app.orm import (
    ApiKeyRow,
    ConnectionRow,
    DatasetRow,
    IdempotencyRow,
    JobEventRow,
    JobRow,
    ModelRow,
    PersonRow,
    RecordSketchRow,
    ReleaseRow,
    ReportRow,
    SharedPeopleRow,
    TableCheckRow,
    TenantKeyRow,
    TenantLimitRow,
    TenantRow,
    WebhookRow,
    WebSessionRow,
    now,
)
from app.store import ACTIVE
from app.trail import OPERATOR, Kind, append_recorded, erase_details, record

TABLES = (
    IdempotencyRow,
    JobEventRow,
    ReleaseRow,
    ReportRow,
    ModelRow,
    JobRow,
    RecordSketchRow,
    SharedPeopleRow,
    DatasetRow,
    TenantKeyRow,
    TenantLimitRow,
    TableCheckRow,
    WebSessionRow,
    WebhookRow,
    ConnectionRow,
    ApiKeyRow,
    PersonRow,
)
"""In the order in which nothing refers to what is deleted."""


def listed(engine: Engine) -> list[tuple[str, str]]:
    """The id and name of each tenant, oldest first."""
    with reading(engine) as session:
        return [(row.id, row.name) for row in session.scalars(select(TenantRow).order_by(TenantRow.created_at))]


def note_erased(engine: Engine, blobs: Blobs) -> int:
    """How many data sets count as erased from now on, since a restored store has no key of their records any more."""
    kept = {name for name, _ in blobs.data_keys()}
    with transaction(engine) as session:
        there = select(DatasetRow).where(DatasetRow.deleted_at.is_(None), DatasetRow.records_erased_at.is_(None))
        gone = [
            row
            for row in session.scalars(there)
            if dataset_key(row.tenant_id, row.id) not in kept and not _can_be_read(blobs, row.table_key)
        ]
        for row in gone:
            row.records_erased_at = now()
            record(session, row.tenant_id, OPERATOR, Kind.DATASET_EXPIRED, row.id, restored=True)
    return len(gone)


def _can_be_read(blobs: Blobs, key: str) -> bool:
    try:
        blobs.size(key)
    except NotFoundError:
        return False
    return True


def delete_tenant(engine: Engine, blobs: Blobs, tenant_id: str) -> int:
    """How many files were deleted, with every row of the tenant. Deleting again finishes what was interrupted.

    Of its audit log the chain stays: numbers, times, kinds, ids of things and hashes. The details are erased: who did
    it, and all that else was said.

    Raises NotFoundError where there is none of this id and no file of one, ConflictError while a job of it runs.
    """
    if not tenant_id.startswith("tenant_") or "/" in tenant_id:
        raise NotFoundError("expected the id of a tenant, got something else")
    with transaction(engine) as session:
        tenant = session.get(TenantRow, tenant_id, with_for_update=True)
        mine = select(func.count()).select_from(JobRow).where(JobRow.tenant_id == tenant_id)
        if session.scalar(mine.where(JobRow.state.in_(ACTIVE))):
            raise ConflictError("expected a tenant without queued or running jobs, got one that has some: cancel them")
        session.execute(update(JobRow).where(JobRow.tenant_id == tenant_id).values(model_id=None))
        for table in TABLES:
            session.execute(delete(table).where(table.tenant_id == tenant_id))
        if tenant is not None:
            session.delete(tenant)
            record(session, tenant_id, OPERATOR, Kind.TENANT_ERASED, tenant_id)
            append_recorded(session)  # the details go only where the log says that its tenant went
            erase_details(session, tenant_id)
    blobs.erase_all(tenant_id)
    files = blobs.delete_prefix(tenant_id)
    if tenant is None and files == 0:
        raise NotFoundError("expected the id of a tenant, got another one")
    return files
