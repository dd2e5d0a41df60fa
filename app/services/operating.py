"""What an administrator sees of the service: the own queue, what is stored, who works, and which versions run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from app.context import Backend, Caller
from app.db import reading
from app.jobs.heartbeat import LIVING
from app.orm import DatasetRow, JobRow, WorkerRow, now
from app.services import health
from app.services.quotas import Limit, limits_of
from app.states import JobState


@dataclass(frozen=True, kw_only=True, slots=True)
class Worker:
    """A worker of the installation. Where it runs is nobody's business here."""

    slot: int
    at: datetime
    """When it said last that it lives."""
    lives: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Operating:
    """How things stand."""

    jobs: Mapping[str, int]
    """How many of the tenant's are in which state."""
    oldest: datetime | None
    """When the job was sent that waits longest."""
    used: Mapping[str, tuple[int, int]]
    """How much the tenant has of what is limited, and how much it may have."""
    workers: tuple[Worker, ...]
    checks: Mapping[str, str]
    version: str
    tables: str
    """The version of the database's tables."""
    at: datetime


def operating(backend: Backend, caller: Caller) -> Operating:
    """How things stand now. Other tenants' jobs are not counted."""
    own = JobRow.tenant_id == caller.tenant_id
    ready, (tables, _) = health.readiness(backend), health.versions(backend.settings, backend.engine)
    with reading(backend.engine) as session:
        states = session.execute(select(JobRow.state, func.count()).where(own).group_by(JobRow.state))
        jobs = {str(state): int(count) for state, count in states}
        oldest = session.scalar(select(func.min(JobRow.created_at)).where(own, JobRow.state == JobState.QUEUED.value))
        limits = limits_of(session, backend.settings, caller.tenant_id)
        theirs = (DatasetRow.tenant_id == caller.tenant_id, DatasetRow.deleted_at.is_(None))
        counted = select(func.count(), func.coalesce(func.sum(DatasetRow.rows), 0)).where(*theirs)
        datasets, rows = session.execute(counted).one()
        beats = session.scalars(select(WorkerRow).order_by(WorkerRow.slot)).all()
    at = now()
    active = jobs.get(JobState.QUEUED.value, 0) + jobs.get(JobState.RUNNING.value, 0)
    used = {
        "jobs that wait or run": (active, limits[Limit.JOBS_AT_ONCE]),
        "data sets": (int(datasets), limits[Limit.DATASETS]),
        "records of all data sets": (int(rows), limits[Limit.ROWS]),
        "bytes of stored files": (backend.blobs.bytes_below(caller.tenant_id), limits[Limit.STORED_BYTES]),
    }
    return Operating(
        jobs=jobs,
        oldest=oldest,
        used=used,
        workers=tuple(Worker(slot=each.slot, at=each.at, lives=at - each.at < LIVING) for each in beats),
        checks=ready.checks,
        version=ready.version,
        tables=tables or "none",
        at=at,
    )
