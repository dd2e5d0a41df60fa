"""How the whole installation stands, for its operator: numbers over all tenants, and nothing of any one of them.

The transactions here see the rows of all tenants, as those of workers do, and what is asked of them is counts alone.
"""

from __future__ import annotations

import platform
import shutil

from sqlalchemy import func, select

from app.context import Backend
from app.db import reading
from app.jobs.heartbeat import LIVING
from app.orm import JobRow, TenantRow, WorkerRow, now
from app.services import health
from app.states import JobState, Queue
from app.wire_installation import Disk, Installation, QueueState, WorkerState


def installation(backend: Backend) -> Installation:
    """How things stand now."""
    ready, (tables, _) = health.readiness(backend), health.versions(backend.settings, backend.engine)
    with reading(backend.engine) as session:
        states = dict(session.execute(select(JobRow.state, func.count()).group_by(JobRow.state)).tuples().all())
        tenants = session.scalar(select(func.count()).select_from(TenantRow)) or 0
        beats = session.scalars(select(WorkerRow).order_by(WorkerRow.slot)).all()
    at = now()
    workers = [
        WorkerState(
            slot=each.slot,
            host=each.host,
            queues=[Queue(name) for name in each.queues.split(",")],
            last_heartbeat_at=each.at,
            lives=at - each.at < LIVING,
        )
        for each in beats
    ]
    served = {queue for each in workers if each.lives for queue in each.queues}
    used = shutil.disk_usage(backend.settings.home)
    return Installation(
        at=at,
        version=ready.version,
        tables=tables or "none",
        database=backend.engine.dialect.name,
        python=platform.python_version(),
        tenants=tenants,
        jobs={state: states.get(state.value, 0) for state in JobState},
        queues=[
            QueueState(name=queue, waiting=waiting, oldest_seconds=seconds, is_served=queue in served)
            for queue, (waiting, seconds) in backend.queue.lengths().items()
        ],
        workers=workers,
        disk=Disk(total_bytes=used.total, free_bytes=used.free),
        checks=ready.checks,
    )
