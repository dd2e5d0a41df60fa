"""The way of one job as the job engine walks it: stage after stage, each in a child process, and the release."""

from __future__ import annotations

import asyncio
import logging
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, repeat
from typing import ParamSpec, TypeVar

from dbos import DBOS, error
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionError

from app.blobs import Blobs
from app.config import Settings
from app.errors import ServiceError, StorageAwayError, StorageFullError
from app.home import private_folder
from app.jobs import engine as job_engine
from app.jobs import ledger, shards, totals
from app.jobs.children import COMMAND, run_child
from app.jobs.claims import Claims
from app.jobs.release import release
from app.log import FIELDS, about_job
from app.pipeline import SAMPLE, WAYS
from app.states import JobKind
from app.task import Failure, Progress, Task, Word
from app.traces import Traces

logger = logging.getLogger("lookalike.jobs")
DONE = "done"
STOPPED = "stopped"
"""The job has ended otherwise: it failed or was cancelled, and the ledger says why."""
WATCH_SECONDS = 0.5
PROGRESS_SECONDS = 0.25
PATIENCE_SECONDS = 600.0
"""How long a worker waits for a database or a storage that is away before it gives the job up."""

ROOM_BYTES = 1024 * 1024
"""The least that is free for the files of a stage when it is begun after one was lost."""

PASSING = frozenset({"stage_killed", StorageAwayError.code, StorageFullError.code})
"""Failures for which a stage is tried again: what caused them may be over."""
PAUSES = (1.0, 5.0)
"""Seconds before each further attempt, the last of them again and again.

The ledger says how many may be lost; a checkpoint begins the count anew.
"""

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerContext:
    """What a worker works with."""

    settings: Settings
    database: Engine
    blobs: Blobs
    command: tuple[str, ...] = COMMAND
    """What starts the process of a stage."""
    claims: Claims | None = None
    """Which queues it serves; None for all of them."""
    traces: Traces = field(default_factory=Traces)
    running: dict[tuple[str, str], Task] = field(default_factory=dict)
    """The attempts of this worker by job and shard: those that are left when it has stopped were cut off."""


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


async def outcome_of(context: WorkerContext, task: Task) -> Failure | None:
    """Why the attempt failed, or None."""
    place = (task.job_id, task.shard)
    context.running[place] = task
    try:
        ready = await _with_shards(context, task) if task.stage == SAMPLE.name else task
        outcome = None if ready is None else await _attempt(context, ready)
    except Exception as problem:  # noqa: BLE001 - whatever it was, the user must not wait for ever
        outcome = Failure(code="worker_error", detail=f"{type(problem).__name__} in the worker")
    if context.running.get(place) is task:  # else a later attempt of the same job has begun here
        del context.running[place]
    return outcome


async def _with_shards(context: WorkerContext, task: Task) -> Task | None:
    """The task once its shards are drawn, by whichever workers; as it is where it needs none.

    None where the attempt is no longer in force. Raises ShardDroppedError where nobody will ever draw one of them.
    """
    names = await persist(shards.plan, context.settings, context.database, context.blobs, task)
    if not names:
        return task
    await persist(shards.hand_in, context.settings, context.database, task, names)
    waiting = context.claims.waiting if context.claims is not None else set()
    waiting.add(task.job_id)
    try:
        watch = shards.Watch(context.settings, context.database, task, names)
        while True:
            found = await persist(watch.look)
            if found is None:
                return None
            if len(found) == len(names):
                return replace(task, inputs={**task.inputs, **found}, shards=names)
            await asyncio.sleep(WATCH_SECONDS)
    finally:
        waiting.discard(task.job_id)


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


async def _attempt(context: WorkerContext, task: Task) -> Failure | None:
    """Why the stage failed, or None. Ends the child at once when the attempt is no longer in force."""
    writer = ProgressWriter(context.database, task)
    child = asyncio.create_task(run_child(context.command, context.settings, task, writer.hear))
    watch = asyncio.create_task(_until_overtaken(context.database, task))
    try:
        await asyncio.wait({child, watch}, return_when=asyncio.FIRST_COMPLETED)
        if not child.done():
            watch.result()
            return None
        await writer.flush()
        return writer.failure or _failure_of(task, child.result())
    finally:
        # kills the process where it still runs
        child.cancel()
        watch.cancel()
        await asyncio.gather(child, watch, return_exceptions=True)


async def _until_overtaken(database: Engine, task: Task) -> None:
    """Return when the job was cancelled or somebody else has begun a later attempt."""
    while await persist(ledger.holds, database, task):
        await asyncio.sleep(WATCH_SECONDS)


def _failure_of(task: Task, status: int) -> Failure | None:
    """What an exit status says about a stage that said nothing of a failure itself."""
    if status == 0:
        return None
    if status > 0:
        return Failure(code="stage_crashed", detail=f"the process of the stage {task.stage} ended with status {status}")
    name = signal.Signals(-status).name if -status in list(signal.Signals) else f"signal {-status}"
    reason = ", most often because the machine ran out of memory" if name == "SIGKILL" else ""
    return Failure(code="stage_killed", detail=f"the process of the stage {task.stage} was ended by {name}{reason}")


class ProgressWriter:
    """Writes down what a child says: all of its outputs, and the newest of its progress a few times a second."""

    def __init__(self, database: Engine, task: Task) -> None:
        self.failure: Failure | None = None
        self._database = database
        self._task = task
        self._waiting: Progress | None = None
        self._written = -PROGRESS_SECONDS

    async def hear(self, word: Word) -> None:
        """Write the word down, or keep it until it is its turn."""
        if isinstance(word, Failure):
            self.failure = word
            return
        if isinstance(word, Progress):
            self._waiting = word
            if time.monotonic() - self._written < PROGRESS_SECONDS:
                return
            await self.flush()
            return
        await self.flush()
        await persist(ledger.heard, self._database, self._task, word)

    async def flush(self) -> None:
        """Write down the progress that waits, if any."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            await persist(ledger.heard, self._database, self._task, waiting)
            self._written = time.monotonic()


async def persist(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """The result of a transaction, done in a thread and tried again while the database or the storage is away."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return await asyncio.to_thread(work, *args, **kwargs)
        except (SQLAlchemyError, StorageAwayError, StorageFullError) as problem:
            if not _may_come_back(problem) or time.monotonic() > deadline:
                raise
            await asyncio.sleep(1.0)


def _may_come_back(problem: Exception) -> bool:
    if isinstance(problem, DBAPIError):
        return problem.connection_invalidated or isinstance(problem, OperationalError)
    return isinstance(problem, NoConnectionError) or not isinstance(problem, SQLAlchemyError)
