"""The worker: takes a slot, runs the jobs of the queue, and looks after the jobs of dead workers.

python -m app.worker
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from dbos import DBOS, DBOSClient
from sqlalchemy.exc import DBAPIError

from app.blobs import open_blobs
from app.config import Settings
from app.db import connect
from app.errors import ServiceError
from app.jobs import engine, rounds, slots
from app.jobs.workflow import Hands, register
from app.scratch import sweep

CHECK_SECONDS = 1.0
ROUND_SECONDS = 5.0
"""How often a worker looks for jobs that nobody cares for."""


def main() -> int:
    """Run jobs until SIGTERM or SIGINT. Gives 0, or 1 where the worker could not begin or has lost its slot."""
    try:
        return run(Settings())
    except ServiceError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1


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
        sweep(settings)
        database = connect(settings)
        hands = Hands(settings=settings, database=database, blobs=open_blobs(settings))
        if command is not None:
            hands = Hands(settings=settings, database=database, blobs=hands.blobs, command=command)
        with _client(settings) as client, _launched(settings, hands, client, slots.name_of(slot.number)):
            return _wait(hands, client, slot, stop)
    finally:
        slot.release()


@contextmanager
def _client(settings: Settings) -> Iterator[DBOSClient]:
    client = engine.open_client(settings)
    try:
        yield client
    finally:
        client.destroy()


@contextmanager
def _launched(settings: Settings, hands: Hands, client: DBOSClient, name: str) -> Iterator[None]:
    """The job engine, running jobs in threads of this process until the block ends."""
    engine.register_queue(client, settings)
    DBOS(config=engine.configuration(settings, name))
    register(hands)
    try:
        DBOS.launch()
        yield
    finally:
        # cancels what runs, which kills the children; unfinished jobs stay pending
        DBOS.destroy(destroy_registry=True)
        hands.database.dispose()


def _wait(hands: Hands, client: DBOSClient, slot: slots.Slot, stop: threading.Event) -> int:
    """Go the rounds until told to stop: 0, or 1 where somebody else may have the slot."""
    next_round = 0.0
    while not stop.wait(CHECK_SECONDS):
        if not slot.held():
            return 1
        if time.monotonic() >= next_round:
            try:
                rounds.go(hands.settings, hands.database, client, own=slot.number)
            except DBAPIError:
                continue  # the database is away: the next second is another
            next_round = time.monotonic() + ROUND_SECONDS
    return 0


if __name__ == "__main__":
    sys.exit(main())
