"""The way of one job as the job engine walks it: stage after stage, each in a child process, and the release."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import chain, repeat

from dbos import DBOS, error

from app.errors import ServiceError, StorageAwayError, StorageFullError
from app.home import private_folder
from app.jobs import engine as job_engine
from app.jobs import ledger, totals
from app.jobs.attempts import outcome_of
from app.jobs.claims import Claims
from app.jobs.persistence import persist
from app.jobs.release import release
from app.jobs.worker_context import WorkerContext
from app.log import FIELDS, about_job
from app.pipeline import WAYS
from app.states import JobKind
from app.task import Failure, Task

logger = logging.getLogger("lookalike.jobs")
DONE = "done"
STOPPED = "stopped"
"""The job has ended otherwise: it failed or was cancelled, and the ledger says why."""
ROOM_BYTES = 1024 * 1024
"""The least that is free for the files of a stage when it is begun after one was lost."""
PASSING = frozenset({"stage_killed", StorageAwayError.code, StorageFullError.code})
"""Failures for which a stage is tried again: what caused them may be over."""
PAUSES = (1.0, 5.0)
"""Seconds before each further attempt, the last of them again and again.

The ledger says how many may be lost; a checkpoint begins the count anew.
"""


def register(context: WorkerContext) -> None:
    """Tell the job engine of this process how a job is run. To be called once, before it is launched."""

    @DBOS.step(name="kind")
    async def kind(job_id: str) -> str:
        return (await persist(ledger.kind_of, context.database, job_id)).value

    @DBOS.step(name="stage", preemptible=True)
    async def stage(job_id: str, name: str) -> str:
        with about_job(job_id):
            return await run_stage(context, job_id, name)

    @DBOS.step(name="shard", preemptible=True)
    async def drawn(job_id: str, name: str) -> str:
        with about_job(job_id):
            return await run_shard(context, job_id, name)

    @DBOS.workflow(name=job_engine.SHARD_WORKFLOW, max_recovery_attempts=None)
    async def shard(job_id: str, name: str) -> str:
        return await drawn(job_id, name)

    @DBOS.step(name="release")
    async def last(job_id: str) -> str:
        return DONE if await persist(release, context.database, context.blobs, job_id) else STOPPED

    # the number of attempts is bounded by the ledger, which tells the user of it
    @DBOS.workflow(name=job_engine.WORKFLOW, max_recovery_attempts=None)
    async def way(job_id: str) -> str:
        for each in WAYS[JobKind(await kind(job_id))]:
            if await stage(job_id, each.name) != DONE:
                return STOPPED
        return await last(job_id)


async def run_stage(context: WorkerContext, job_id: str, stage: str) -> str:
    """DONE when the stage has published all it gives, now or before; STOPPED when the job has ended otherwise.

    Raises DBOSWorkflowCancelledError where another worker has taken the job over, or is to take it over because the
    stage is for another queue: this one must leave no trace of it.
    """
    if await persist(ledger.has_done, context.database, job_id, stage):
        return DONE
    if context.claims is not None:
        await _stay_or_hand_over(context, context.claims, job_id, stage)
    return await _tried(context, partial(ledger.begin_stage, context.database, job_id, stage))


async def run_shard(context: WorkerContext, job_id: str, name: str) -> str:
    """DONE when the shard was published; STOPPED where the job has ended, or needs it no more."""
    return await _tried(context, partial(ledger.begin_shard, context.database, job_id, name))


async def _tried(context: WorkerContext, begin: Callable[[], Task | None]) -> str:
    """DONE or STOPPED, as `run_stage` says, after as many attempts as the ledger allows."""
    pauses = chain(PAUSES, repeat(PAUSES[-1]))
    while True:
        task = await persist(begin)
        if task is None:
            return STOPPED
        begun = time.monotonic()
        _log("a stage began", task)
        outcome = await outcome_of(context, task)
        passing = outcome is not None and outcome.code in PASSING
        if outcome is None or not passing or not await persist(ledger.set_back, context.database, task, outcome):
            ended = await _conclude(context, task, outcome)
            seconds = time.monotonic() - begun
            _log("a stage ended", task, outcome=outcome.code if outcome else ended, seconds=round(seconds, 3))
            _trace(context, task, outcome.code if outcome else ended, seconds, failed=outcome is not None)
            if ended == DONE:
                await persist(totals.note, context.database, task.stage, seconds)
            return ended
        _log("a stage is tried again", task, outcome=outcome.code)
        _trace(context, task, outcome.code, time.monotonic() - begun, failed=True)
        await asyncio.sleep(next(pauses))
        await _until_files_have_room(context)


async def _until_files_have_room(context: WorkerContext) -> None:
    """Wait while the storage is away or full, or the worker's own disk is: the next attempt would only be lost, too."""
    with suppress(ServiceError):  # it was long enough: the attempt says what is wrong
        await persist(_require_room, context)


def _require_room(context: WorkerContext) -> None:
    context.blobs.probe()
    if shutil.disk_usage(private_folder(context.settings.scratch)).free < ROOM_BYTES:
        raise StorageFullError("expected room for the files of a stage on the worker's disk, got none left")


async def _stay_or_hand_over(context: WorkerContext, claims: Claims, job_id: str, stage: str) -> None:
    """Raises DBOSWorkflowCancelledError where the stage is for a worker of another queue, which gets the job."""
    queue = await persist(claims.queue_for, job_id, stage)
    if await persist(claims.serves, queue):
        return
    await persist(ledger.wait, context.database, job_id, stage, queue)
    await persist(claims.hand_over, job_id, queue)
    raise error.DBOSWorkflowCancelledError(f"A worker of the queue {queue} takes over job {job_id}.")


def _log(message: str, task: Task, **fields: str | float) -> None:
    logger.info(message, extra={FIELDS: {"stage": task.stage, "attempt": task.attempt, **fields}})


def _trace(context: WorkerContext, task: Task, outcome: str, seconds: float, *, failed: bool) -> None:
    facts: dict[str, str | int] = {"lookalike.job": task.job_id, "lookalike.stage": task.stage}
    facts |= {"lookalike.attempt": task.attempt, "lookalike.outcome": outcome}
    context.traces.note(f"stage {task.stage}", seconds, facts, failed=failed)


async def _conclude(context: WorkerContext, task: Task, outcome: Failure | None) -> str:
    """DONE or STOPPED, as `run_stage` says."""
    job_id, stage = task.job_id, task.stage
    if isinstance(outcome, Failure):
        await persist(ledger.heard, context.database, task, outcome)
    elif await persist(ledger.has_given, context.database, task):
        return DONE
    else:
        missing = f"the stage {stage} ended without publishing all it gives"
        await persist(ledger.fail, context.database, task, "stage_incomplete", missing)
    if await persist(ledger.has_ended, context.database, job_id):
        return STOPPED
    raise error.DBOSWorkflowCancelledError(f"Another worker has taken over job {job_id}.")
