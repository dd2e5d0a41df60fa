"""The heartbeat of workers: a count per slot that only a living worker raises.

A worker that hangs, stopped or stuck, keeps its slot: the lock is the kernel's or the session's, and both live on. So
the others watch its count, each by a clock of its own that only runs forward: no clock is compared with another's.
When somebody lived last is told by one clock alone, the database's: those of machines may differ, and jump.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Engine, delete, func, select, update
from sqlalchemy.orm import Session

from app.db import reading, transaction
from app.jobs.gpu import GpuMemory
from app.orm import ALL_QUEUES, WorkerRow, new_id, now
from app.states import Queue

BEAT_SECONDS = 5.0
HUNG_SECONDS = 30.0
"""A worker whose count stands still for so long is taken for hung, and its jobs are begun elsewhere."""
STALL_SECONDS = 15.0
"""Who has not looked for so long was held up, and so were the others perhaps: all are given HUNG_SECONDS anew."""
LIVING = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Heart:
    """The heart of this process."""

    engine: Engine
    slot: int
    queues: str = ALL_QUEUES
    run: str = field(default_factory=lambda: new_id("run"))

    def beat(self) -> None:
        """Say that this process lives."""
        with transaction(self.engine) as session:
            at = _clock(session)
            row = session.get(WorkerRow, self.slot, with_for_update=True)
            if row is None:
                row = WorkerRow(slot=self.slot, beats=0)
                session.add(row)
            if row.run != self.run:
                row.gpu_used = row.gpu_total = None
            row.run, row.beats, row.host, row.at = self.run, row.beats + 1, host(), at
            row.queues = self.queues

    def tell_memory(self, memory: GpuMemory | None) -> None:
        """Say how full the GPU of this process is."""
        used, total = (None, None) if memory is None else (memory.used, memory.total)
        with transaction(self.engine) as session:
            own = (WorkerRow.slot == self.slot, WorkerRow.run == self.run)
            session.execute(update(WorkerRow).where(*own).values(gpu_used=used, gpu_total=total))

    def stop(self) -> None:
        """Say that this process ends."""
        with transaction(self.engine) as session:
            session.execute(delete(WorkerRow).where(WorkerRow.slot == self.slot, WorkerRow.run == self.run))


class Watch:
    """When this process saw each count change last."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[int, tuple[tuple[str, int], float]] = {}
        self._looked = clock()

    def hung(self, engine: Engine) -> set[int]:
        """The slots whose count has stood still for HUNG_SECONDS. To be asked often."""
        with reading(engine) as session:
            counts = {row.slot: (row.run, row.beats) for row in session.scalars(select(WorkerRow))}
        at = self._clock()
        seen = {} if at - self._looked > STALL_SECONDS else self._seen
        self._looked = at
        self._seen = {
            slot: seen[slot] if seen.get(slot, (None,))[0] == count else (count, at) for slot, count in counts.items()
        }
        return {slot for slot, (_, since) in self._seen.items() if at - since >= HUNG_SECONDS}


def host() -> str:
    """The name of this machine or container."""
    return socket.gethostname()[:200]


def living(engine: Engine, on: str | None = None) -> int:
    """How many workers, on all machines or on one, said within the last minute that they live."""
    with reading(engine) as session:
        found = select(WorkerRow.slot).where(_lives(session))
        return len(session.scalars(found if on is None else found.where(WorkerRow.host == on)).all())


def gpus(engine: Engine) -> dict[int, GpuMemory]:
    """The memory of the GPU of each worker that has one and said within the last minute that it lives, by its slot."""
    with reading(engine) as session:
        found = session.execute(select(WorkerRow.slot, WorkerRow.gpu_used, WorkerRow.gpu_total).where(_lives(session)))
        return {
            slot: GpuMemory(used=used, total=total)
            for slot, used, total in found
            if used is not None and total is not None
        }


def serving(engine: Engine, queue: Queue) -> int:
    """How many workers that serve the queue said within the last minute that they live."""
    with reading(engine) as session:
        found = session.scalars(select(WorkerRow.queues).where(_lives(session)))
        return sum(queue in queues.split(",") for queues in found)


def _clock(session: Session) -> datetime:
    """What time it is for all workers: on SQLite, for all of one machine."""
    if session.get_bind().dialect.name != "postgresql":
        return now()
    found: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return found


def _lives(session: Session) -> ColumnElement[bool]:
    """Who said within the last minute that they live. What was said in the future was said before the clock was set."""
    at = _clock(session)
    return WorkerRow.at.between(at - LIVING, at + LIVING)
