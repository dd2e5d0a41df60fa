"""The worker: takes a slot, runs the jobs of the queue, and looks after the jobs of dead workers.

python -m app.worker
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import NoReturn

from dbos import DBOS, DBOSClient
from sqlalchemy.exc import SQLAlchemyError

from app import checkpoints, log, webhooks
from app.blobs import open_blobs
from app.config import Settings
from app.db import connect
from app.errors import ServiceError
from app.jobs import engine, ledger, maintenance, slots
from app.jobs.claims import Claims
from app.jobs.gpu import gpu_memory
from app.jobs.heartbeat import BEAT_SECONDS, Heart, Watch
from app.jobs.reaper import Sightings, reap
from app.jobs.worker_context import WorkerContext
from app.jobs.workflow import register
from app.traces import open_traces
from app.wrapped import wrap_all

logger = logging.getLogger("lookalike.worker")
CHECK_SECONDS = 1.0
REAP_SECONDS = 300.0
CHECKPOINT_SECONDS = 60.0
SEND_SECONDS = 5.0
MEMORY_SECONDS = 15.0
AGAIN_SECONDS = 5.0


def main(command: tuple[str, ...] | None = None, *, said: Mapping[str, str] | None = None) -> int:
    """Run jobs with the settings of the environment, and those that were said, until SIGTERM or SIGINT.

    Gives 0 then, and 1 where no slot is free or the storage is not there.
    Where the database is away or the slot was lost, this process begins anew, with nothing of its old life left.
    """
    os.umask(0o077)
    settings = Settings(**(said or {}))  # type: ignore[arg-type]  # checked like those of the environment
    log.configure(settings.log_format)
    try:
        if run(settings, command) == 0:
            return 0
        reason = "the worker has lost its slot"
    except ServiceError as error:
        logger.error("%s", error.detail)
        return 1
    except SQLAlchemyError:
        reason = "the database cannot be reached"
    logger.warning("%s: beginning anew in %.0f s", reason, AGAIN_SECONDS)
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, signal.SIG_DFL)
    time.sleep(AGAIN_SECONDS)
    return _begin_anew()


def _begin_anew() -> NoReturn:
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - what was started before


def run(settings: Settings, command: tuple[str, ...] | None = None) -> int:
    """Run jobs until SIGTERM or SIGINT, their stages by `command`. Gives 0, or 1 where the slot was lost.

    On the way out the children are killed; their jobs go on from the last checkpoint when a worker starts again.
    """
    stop = threading.Event()
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda _number, _frame: stop.set())
    engine.prepare(settings)
    engine.quiet_cancellations()
    slot = slots.take_slot(settings)
    try:
        database = connect(settings)
        name = slots.name_of(slot.number)
        claims = Claims(settings, database, name)
        context = WorkerContext(settings=settings, database=database, blobs=open_blobs(settings), claims=claims)
        context = replace(context, traces=open_traces(settings, "worker"), command=command or context.command)
        heart = Heart(database, slot.number, settings.queues)
        try:
            heart.beat()
            with _client(settings) as client, _launched(settings, context, client, name):
                for keep in (reap_now_and_then, _sign_audit_logs, _send_webhooks):
                    threading.Thread(target=keep, args=(context, stop), daemon=True).start()
                if settings.device != "cpu":
                    threading.Thread(target=_tell_memory, args=(heart, stop), daemon=True).start()
                status = _wait(context, client, slot, heart, stop)
            _put_down(context, heart)
            return status
        finally:
            context.traces.close()
            database.dispose()
    finally:
        slot.release()


def _put_down(context: WorkerContext, heart: Heart) -> None:
    """Say of what was cut off that it was not lost. Where the database is away, it counts as lost."""
    with suppress(SQLAlchemyError):
        for task in list(context.running.values()):
            ledger.put_down(context.database, task)
        heart.stop()


def reap_now_and_then(context: WorkerContext, stop: threading.Event) -> None:
    """Delete what nobody owns, now and every few minutes, in a thread: it may take long."""
    seen = Sightings()
    while not stop.is_set():
        try:
            reap(context.settings, context.database, context.blobs, seen=seen)
        except Exception as problem:  # noqa: BLE001 - whatever it was, the next time may find it gone
            logger.error("nothing more is deleted this time: %s in the reaper", type(problem).__name__)
        stop.wait(REAP_SECONDS)


def _sign_audit_logs(context: WorkerContext, stop: threading.Event) -> None:
    """Sign the ends of the audit logs every minute."""
    while True:
        try:
            checkpoints.write(context.database, context.blobs, context.settings.home)
        except Exception as problem:  # noqa: BLE001 - the next time may find it gone
            logger.error("the audit logs were not signed this time: %s", type(problem).__name__)
        if stop.wait(CHECKPOINT_SECONDS):
            return


def _send_webhooks(context: WorkerContext, stop: threading.Event) -> None:
    """Wrap secrets that stand plain in a database from before, and send what is due every few seconds."""
    try:
        wrap_all(context.database, context.blobs.keys.master)
    except Exception as problem:  # noqa: BLE001 - secrets work as they stand, too
        logger.error("secrets that stand plain in the database were not wrapped: %s", type(problem).__name__)
    while not stop.wait(SEND_SECONDS):
        try:
            webhooks.send_due(context.database, context.settings)
        except Exception as problem:  # noqa: BLE001 - the next time may find it gone
            logger.error("no webhook is sent to this time: %s", type(problem).__name__)


def _tell_memory(heart: Heart, stop: threading.Event) -> None:
    """Say every few seconds how full the GPU is, in a thread: a driver that hangs is not to stop the heart."""
    while not stop.wait(MEMORY_SECONDS):
        with suppress(SQLAlchemyError):
            heart.tell_memory(gpu_memory())


@contextmanager
def _client(settings: Settings) -> Iterator[DBOSClient]:
    client = engine.open_client(settings)
    try:
        yield client
    finally:
        client.destroy()


@contextmanager
def _launched(settings: Settings, context: WorkerContext, client: DBOSClient, name: str) -> Iterator[None]:
    """The job engine, running jobs in threads of this process until the block ends."""
    engine.register_queues(client)
    DBOS(config=engine.configuration(settings, name))
    register(context)
    DBOS.listen_queues(())  # nothing is claimed before it is claimed as this worker may
    try:
        DBOS.launch()
        if context.claims is not None:
            context.claims.install()
        yield
    finally:
        # cancels what runs, which kills the children; unfinished jobs stay pending
        DBOS.destroy(destroy_registry=True)


def _wait(context: WorkerContext, client: DBOSClient, slot: slots.Slot, heart: Heart, stop: threading.Event) -> int:
    """Beat and go the rounds until told to stop: 0, or 1 where somebody else may have the slot."""
    watch, next_round = Watch(), 0.0
    while not stop.wait(CHECK_SECONDS):
        if not slot.held():
            return 1
        if time.monotonic() >= next_round:
            try:
                heart.beat()
                maintenance.run(
                    context.settings, context.database, client, own=slot.number, hung=watch.hung(context.database)
                )
            except SQLAlchemyError:
                continue  # the database is away: the next second is another
            next_round = time.monotonic() + BEAT_SECONDS
    return 0


if __name__ == "__main__":
    sys.exit(main())
