"""What waits for whom, on one page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app import store, views
from app.context import Backend, Caller
from app.db import reading
from app.states import JobState, ReleaseState
from app.wire import Dataset, Release
from app.wire_jobs import Job

SHOWN = 5
"""So many of each are named; the rest stands on its own page."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """The newest of each, at most SHOWN and one more, which tells that there are others."""

    in_review: Sequence[Release]
    """They wait for a reviewer."""
    active: Sequence[Job]
    """They wait for a worker, or run."""
    failed: Sequence[Job]
    """They wait for whoever sent them."""
    unused: Sequence[Dataset]
    """They wait for a job."""
    released: Sequence[Release]
    """They wait to be downloaded."""


def overview(backend: Backend, caller: Caller) -> Overview:
    """What waits in the caller's tenant."""
    tenant, limit = caller.tenant_id, SHOWN + 1
    with reading(backend.engine) as session:
        waiting = store.releases(session, tenant, None, limit, ReleaseState.IN_REVIEW)
        released = store.releases(session, tenant, None, limit, ReleaseState.RELEASED)
        active = store.jobs(session, tenant, None, limit, store.ACTIVE)
        failed = store.jobs(session, tenant, None, limit, [JobState.FAILED.value])
        unused = store.unused_datasets(session, tenant, limit)
        return Overview(
            in_review=[views.release(row) for row in waiting],
            active=[views.job(row) for row in active],
            failed=[views.job(row) for row in failed],
            unused=[views.dataset(row) for row in unused],
            released=[views.release(row) for row in released],
        )
