"""Which waiting job a worker begins next: of the queues that it serves, and of the tenant with the fewest that run.

The job engine claims a job in one transaction, but lets every worker take what it finds, and tenants in any order. So
its claim is given a tenant here, one job at a time, while a lock of the installation keeps other claims away: limits
and order are those of all workers and queues together.

Shards of large tables are claimed in the same way, with what room the jobs leave: a worker draws one in the place of a
job of its own that waits for its shards, or where no job waits that it could begin.
"""

# ruff: noqa: SLF001 - the engine has no public way into its claim; tests/app/jobs/test_claims.py tells when one changes

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from dbos import WorkflowStatusString
from dbos._dbos import _get_dbos_instance
from dbos._queue import Queue as EngineQueue
from sqlalchemy import Engine, func, select

from app.config import Settings
from app.db import reading
from app.jobs import ledger, slots
from app.jobs.engine import MOST_AT_ONCE, QUEUES, SHARDS, VERSION
from app.jobs.heartbeat import serving
from app.orm import RUNNING_JOBS, JobRow, TenantLimitRow
from app.pipeline import ATTACK, TRAINING_USES, USE, stage_named
from app.states import Queue
from app.wire_jobs import KeptOptions
from privacy.finding import Finding
from privacy.limits import load_policy
from synth.config import DEFAULT_OBJECTIVE

NEVER = datetime(1, 1, 1, tzinfo=UTC)
NAMES: Mapping[str, Queue] = {name: queue for queue, name in QUEUES.items()}
Claimed = tuple[list[str], str | None]
"""The ids that were claimed, and the limit that left no room, as the engine says it."""


class Claims:
    """The claims of one worker. To be installed when its engine was launched and listens to no queue."""

    def __init__(self, settings: Settings, database: Engine, name: str) -> None:
        """`name` is what the worker is called."""
        self._settings, self._database, self._name = settings, database, name
        self._served = frozenset(Queue(queue) for queue in settings.queues.split(","))
        self.waiting: set[str] = set()
        """The jobs of this worker that wait for the shards of their tables, and do nothing themselves"""

    def serves(self, queue: Queue) -> bool:
        """True where this worker takes jobs of the queue: it was told to, or no living worker was."""
        return queue in self._served or not serving(self._database, queue)

    def install(self) -> None:
        """Have the engine claim as this worker may, from now on."""
        system = _system()
        find: Callable[[str], list[str]] = system.get_queue_partitions
        claim: Callable[..., Claimed] = system.start_queued_workflows

        def waiting(queue_name: str) -> list[str]:
            """The tenant whose turn it is, so that the engine asks once for each queue."""
            tenants = find(queue_name)
            if queue_name not in NAMES and queue_name != SHARDS:
                return list(tenants)
            turn = next_of(queue_name, tenants) if tenants else None
            return [] if turn is None else [turn]

        def next_of(queue_name: str, tenants: Collection[str]) -> str | None:
            """The tenant whose job, or shard, this worker may begin now, if any."""
            if queue_name == SHARDS:
                return self._turn_of_shards(tenants, {name: find(name) for name in NAMES})
            return self._turn(tenants) if self.serves(NAMES[queue_name]) else None

        def start(
            queue: EngineQueue, executor: str, version: str, tenant: str | None, *counts: int, **how: object
        ) -> Claimed:
            if queue.name not in NAMES and queue.name != SHARDS:
                return claim(queue, executor, version, tenant, *counts, **how)
            lock = slots.try_slot(self._settings, slots.CLAIMS)
            if lock is None:  # the engine asks again
                return [], None
            try:
                turn = next_of(queue.name, find(queue.name))
                if turn is None:
                    return [], "worker_concurrency"
                return claim(queue, executor, version, turn, MOST_AT_ONCE - 1, MOST_AT_ONCE - 1, **how)
            finally:
                lock.release()

        system.get_queue_partitions, system.start_queued_workflows = waiting, start
        _get_dbos_instance()._listening_queues = [*NAMES, SHARDS]

    def hand_over(self, job_id: str, queue: Queue) -> None:
        """Put a job that this worker runs into another queue. Does nothing where another worker has taken it over."""
        system = _system()
        job = system.tables.workflow_status
        mine = (job.c.workflow_uuid == job_id) & (job.c.executor_id == self._name)
        with system.engine.begin() as connection:
            connection.execute(
                sa.update(job)
                .where(mine, job.c.status == WorkflowStatusString.PENDING.value)
                .values(
                    status=WorkflowStatusString.ENQUEUED.value,
                    owner_xid=None,
                    started_at_epoch_ms=None,
                    updated_at=system._now_ms_sql(),
                    queue_name=QUEUES[queue],
                )
            )

    def queue_for(self, job_id: str, stage: str) -> Queue:
        """What the stage runs on in this job."""
        return queue_of(stage, ledger.options_of(self._database, job_id))

    def _turn(self, tenants: Collection[str]) -> str | None:
        """The tenant whose job this worker may begin now, if any."""
        workers, running = self._running(tuple(NAMES))
        if self._busy(workers) >= self._settings.concurrent_jobs:
            return None
        with reading(self._database) as session:
            limit = TenantLimitRow
            own = session.execute(
                select(limit.tenant_id, limit.value).where(limit.name == RUNNING_JOBS, limit.tenant_id.in_(tenants))
            )
            limits = dict.fromkeys(tenants, self._settings.tenant_running_jobs) | {row[0]: row[1] for row in own}
            last = session.execute(
                select(JobRow.tenant_id, func.max(JobRow.started_at))
                .where(JobRow.tenant_id.in_(tenants))
                .group_by(JobRow.tenant_id)
            )
            begun = {row[0]: row[1] for row in last if row[1] is not None}
        return whose_turn(limits, running, begun)

    def _turn_of_shards(self, tenants: Collection[str], jobs: Mapping[str, Collection[str]]) -> str | None:
        """The tenant whose shard this worker may begin now, if any; `jobs` are whose jobs wait, by queue."""
        workers, running = self._running((SHARDS,))
        if not self.serves(Queue.CPU):
            return None
        if self.waiting:
            held, _ = self._running(tuple(NAMES))
            has_room = self._busy(workers + held) - len(self.waiting) < self._settings.concurrent_jobs
        else:
            has_room = self._busy(workers) < self._settings.concurrent_jobs and not any(
                self._turn(waiting) for name, waiting in jobs.items() if waiting and self.serves(NAMES[name])
            )
        return whose_turn(dict.fromkeys(tenants, MOST_AT_ONCE), running, {}) if has_room else None

    def _busy(self, workers: Counter[str]) -> int:
        """How many places of this worker are taken: by what it has claimed, or by what runs in it."""
        return max(workers[self._name], len(_get_dbos_instance()._active_workflows_set.activeList()))

    def _running(self, queues: tuple[str, ...]) -> tuple[Counter[str], Counter[str]]:
        """How many jobs or shards of these queues run in each worker, and of each tenant."""
        system = _system()
        job = system.tables.workflow_status
        # those of another version are nobody's to run until a worker of theirs comes: they take no place here
        ours = sa.or_(*(system._queue_pending_filter(name) for name in queues)) & (job.c.application_version == VERSION)
        with system.engine.begin() as connection:
            rows = connection.execute(select(job.c.executor_id, job.c.queue_partition_key).where(ours)).all()
        return Counter(row[0] for row in rows), Counter(row[1] for row in rows)


def _system() -> Any:  # noqa: ANN401 - changed here, which no type of the engine allows
    return _get_dbos_instance()._sys_db


def whose_turn(limits: Mapping[str, int], running: Mapping[str, int], begun: Mapping[str, datetime]) -> str | None:
    """Of the tenants in `limits`, which say how many jobs may run: the one with the fewest that run.

    Where several have as few, the one whose newest job was begun the longest time ago.
    """
    may = [tenant for tenant, most in limits.items() if running.get(tenant, 0) < most]
    return min(may, key=lambda tenant: (running.get(tenant, 0), begun.get(tenant, NEVER), tenant), default=None)


def queue_of(stage: str, options: KeptOptions) -> Queue:
    """What a stage runs on in a job with these options: uses and attacks that train models run where trainings do."""
    if stage == USE.name and options.use is not None and options.use.use in TRAINING_USES:
        return Queue.GPU
    has_shadows = options.shadow_models != "off" and options.generator.objective == DEFAULT_OBJECTIVE
    if stage != ATTACK.name or not has_shadows:
        return stage_named(stage).queue
    asked = load_policy(options.policy).requires(Finding(attack="shadow", statistic="max_auc"))
    return Queue.GPU if asked or options.shadow_models == "on" else stage_named(stage).queue
