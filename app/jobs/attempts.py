"""One attempt at a stage: its shards first, then a child process whose words are written down, and how it failed."""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import replace

from sqlalchemy import Engine

from app.jobs import ledger, shards
from app.jobs.children import run_child
from app.jobs.persistence import persist
from app.jobs.worker_context import WorkerContext
from app.pipeline import SAMPLE
from app.task import Failure, Progress, Task, Word

WATCH_SECONDS = 0.5
PROGRESS_SECONDS = 0.25


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
