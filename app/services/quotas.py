"""How much a tenant may have, and each of its keys and of its people who signed in by password: the settings of the
installation, or what the tenant was given instead.

Whoever adds something holds the tenant's row from the count to the commit, so that two who add at once do not both
find the last place.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, Engine, delete, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.config import DAY, Settings
from app.context import Backend, Caller
from app.db import reading, transaction
from app.errors import (
    DailyQuotaError,
    InvalidRequestError,
    NotFoundError,
    QuotaError,
    RowsQuotaError,
    StoredQuotaError,
)
from app.orm import RUNNING_JOBS, DatasetRow, JobRow, TenantLimitRow, TenantRow, now
from app.store import ACTIVE
from app.trail import OPERATOR, Kind, record

MOST = 2**53


class Limit(StrEnum):
    """What is limited, by the name of its setting."""

    JOBS_AT_ONCE = "tenant_jobs_at_once"
    JOBS_PER_DAY = "tenant_jobs_per_day"
    DATASETS = "tenant_datasets"
    STORED_BYTES = "tenant_stored_bytes"
    ROWS = "tenant_rows"
    KEY_JOBS_AT_ONCE = "key_jobs_at_once"
    KEY_JOBS_PER_DAY = "key_jobs_per_day"
    RUNNING_JOBS = RUNNING_JOBS
    """Kept by the workers, see `app.jobs.claims`."""


def limits_of(session: Session, settings: Settings, tenant_id: str) -> Mapping[Limit, int]:
    """What holds for a tenant."""
    rows = session.scalars(select(TenantLimitRow).where(TenantLimitRow.tenant_id == tenant_id))
    own = {row.name: row.value for row in rows}
    return {limit: own.get(limit.value, getattr(settings, limit.value)) for limit in Limit}


def require_room_for_job(session: Session, settings: Settings, caller: Caller) -> None:
    """Raises QuotaError where the tenant, or the key or person that asks, has as many jobs as it may have.

    To be called first in the transaction that adds the job.
    """
    hold(session, caller.tenant_id)
    limits = limits_of(session, settings, caller.tenant_id)
    tenants = JobRow.tenant_id == caller.tenant_id
    for at_once, per_day, theirs in (
        (Limit.JOBS_AT_ONCE, Limit.JOBS_PER_DAY, tenants),
        (Limit.KEY_JOBS_AT_ONCE, Limit.KEY_JOBS_PER_DAY, tenants & (JobRow.created_by == caller.actor_id)),
    ):
        active = session.scalar(select(func.count()).select_from(JobRow).where(theirs, JobRow.state.in_(ACTIVE))) or 0
        if active >= limits[at_once]:
            raise QuotaError(
                f"expected at most {limits[at_once]} jobs that wait or run ({at_once.value}), got one more; wait or "
                "cancel one",
                limit=at_once.value,
                value=limits[at_once],
            )
        _require_day(session, theirs, per_day, limits[per_day])


def _require_day(session: Session, theirs: ColumnElement[bool], limit: Limit, value: int) -> None:
    """Raises DailyQuotaError, which says when the next job may come, where there were too many within a day."""
    wait = until_room(session, JobRow.created_at, theirs, value, now())
    if wait is not None:
        raise DailyQuotaError(
            f"expected at most {value} jobs within 24 hours ({limit.value}), got one more",
            retry_seconds=wait.total_seconds(),
            limit=limit.value,
            value=value,
        )


def until_room(
    session: Session,
    column: InstrumentedAttribute[datetime],
    theirs: ColumnElement[bool],
    most: int,
    at: datetime,
) -> timedelta | None:
    """How long it takes until fewer than `most` of `theirs` are of the 24 hours before; None where they are at `at`."""
    since = at - DAY
    recent = select(column).where(theirs, column > since).order_by(column.desc())
    nth = session.scalar(recent.offset(max(most - 1, 0)).limit(1))
    if nth is None:
        return None if most else DAY
    return nth - since


def require_room_for_dataset(session: Session, settings: Settings, tenant_id: str, rows: int) -> None:
    """Raises QuotaError where the tenant has as many data sets, or records in them, as it may have.

    To be called first in the transaction that adds the data set.
    """
    hold(session, tenant_id)
    limits = limits_of(session, settings, tenant_id)
    theirs = (DatasetRow.tenant_id == tenant_id, DatasetRow.deleted_at.is_(None))
    count, held = session.execute(
        select(func.count(), func.coalesce(func.sum(DatasetRow.rows), 0)).where(*theirs)
    ).one()
    if count >= limits[Limit.DATASETS]:
        raise QuotaError(
            f"expected at most {limits[Limit.DATASETS]} data sets ({Limit.DATASETS.value}), got one more; delete one",
            limit=Limit.DATASETS.value,
            value=limits[Limit.DATASETS],
        )
    if int(held) + rows > limits[Limit.ROWS]:
        raise RowsQuotaError(
            f"expected at most {limits[Limit.ROWS]} records in all data sets ({Limit.ROWS.value}), got {rows} beside "
            f"{int(held)}; delete a data set",
            limit=Limit.ROWS.value,
            value=limits[Limit.ROWS],
        )


def require_room_for_bytes(backend: Backend, caller: Caller, more: int) -> None:
    """Raises StoredQuotaError where the tenant's files and `more` bytes are more than it may store."""
    with reading(backend.engine) as session:
        limit = limits_of(session, backend.settings, caller.tenant_id)[Limit.STORED_BYTES]
    stored = backend.blobs.bytes_below(caller.tenant_id)
    if stored + more > limit:
        raise StoredQuotaError(
            f"expected at most {limit} bytes in stored files ({Limit.STORED_BYTES.value}), got {more} beside {stored}; "
            "delete data sets or releases",
            limit=Limit.STORED_BYTES.value,
            value=limit,
        )


def set_limit(engine: Engine, tenant_id: str, name: str, value: int | None) -> None:
    """Give a tenant a limit of its own, or with None that of the installation again.

    Raises NotFoundError without such a tenant, InvalidRequestError without such a limit or value.
    """
    if name not in set(Limit):
        raise InvalidRequestError(f"expected one of {', '.join(Limit)}, got another name")
    if value is not None and not 0 <= value <= MOST:
        raise InvalidRequestError(f"expected a number from 0 to {MOST}, got another one")
    with transaction(engine) as session:
        hold(session, tenant_id)
        row = TenantLimitRow
        session.execute(delete(row).where(row.tenant_id == tenant_id, row.name == name))
        if value is not None:
            session.add(row(tenant_id=tenant_id, name=name, value=value))
        record(session, tenant_id, OPERATOR, Kind.TENANT_LIMITED, tenant_id, limit=name, value=value)


def shown(engine: Engine, settings: Settings, tenant_id: str) -> Mapping[Limit, tuple[int, bool]]:
    """Each limit of a tenant, and whether it is the tenant's own. Raises NotFoundError without such a tenant."""
    with reading(engine) as session:
        if session.get(TenantRow, tenant_id) is None:
            raise _no_tenant()
        own = set(session.scalars(select(TenantLimitRow.name).where(TenantLimitRow.tenant_id == tenant_id)))
        return {limit: (value, limit in own) for limit, value in limits_of(session, settings, tenant_id).items()}


def hold(session: Session, tenant_id: str) -> None:
    """Let nobody else pass here for this tenant until the transaction ends. Rows that name the tenant may come.

    To be called first in its transaction. Raises NotFoundError where there is no such tenant.
    """
    if session.get(TenantRow, tenant_id, with_for_update={"key_share": True}) is None:
        raise _no_tenant()


def _no_tenant() -> NotFoundError:
    return NotFoundError("expected the id of a tenant, got another one")
