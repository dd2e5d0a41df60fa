"""What deleting a data set reaches: counted before anybody does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, select

from app import store, views
from app.context import Backend, Caller
from app.db import reading
from app.orm import JobRow, ModelRow, ReleaseRow, ReportRow
from app.states import GONE_OUT, ReleaseState
from app.used import uses_dataset
from app.wire import Release
from app.wire_jobs import Job

SHOWN = 50
"""So many jobs and releases are named; the others are counted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """What goes with a data set, and what stays of it."""

    jobs: int
    active: Sequence[Job]
    """Those that wait or run, for as long as which nothing can be deleted; at most SHOWN."""
    models: int
    reports: int
    """These stay."""
    releases: Sequence[Release]
    """Newest first, at most SHOWN."""
    waiting: int
    """Releases that wait for a decision: they are rejected."""
    out: int
    """Released tables, also those that were withdrawn: they stay."""
    other: int
    """Tables that were rejected, blocked or withheld: their files go."""


def reach(backend: Backend, caller: Caller, dataset_id: str) -> Reach:
    """What deleting this data set reaches. Raises NotFoundError where the tenant has no such data set."""
    with reading(backend.engine) as session:
        store.dataset(session, caller.tenant_id, dataset_id)
        own = and_(JobRow.tenant_id == caller.tenant_id, uses_dataset(dataset_id))
        active = select(JobRow).where(own, JobRow.state.in_(store.ACTIVE)).order_by(JobRow.id.desc()).limit(SHOWN)
        mine = (ReleaseRow.dataset_id == dataset_id, ReleaseRow.deleted_at.is_(None))
        releases = select(ReleaseRow).where(*mine).order_by(ReleaseRow.id.desc()).limit(SHOWN)
        states = select(ReleaseRow.state, func.count()).where(*mine).group_by(ReleaseRow.state)
        counts = {row[0]: int(row[1]) for row in session.execute(states)}
        reports = select(func.count()).select_from(ReportRow).join(JobRow, JobRow.id == ReportRow.job_id).where(own)
        waiting = counts.get(ReleaseState.IN_REVIEW.value, 0)
        out = sum(counts.get(state.value, 0) for state in GONE_OUT)
        return Reach(
            jobs=session.scalar(select(func.count()).select_from(JobRow).where(own)) or 0,
            active=[views.job(row) for row in session.scalars(active)],
            models=session.scalar(select(func.count()).select_from(ModelRow).where(ModelRow.dataset_id == dataset_id))
            or 0,
            reports=session.scalar(reports.where(ReportRow.deleted_at.is_(None))) or 0,
            releases=[views.release(row) for row in session.scalars(releases)],
            waiting=waiting,
            out=out,
            other=sum(counts.values()) - waiting - out,
        )
