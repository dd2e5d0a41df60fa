"""Which worker is which: each holds a numbered slot for as long as it lives, and the slot's name is its name.

The job engine gives an interrupted job back to the worker that bears the same name. A lock that the operating system or
the database drops with its holder makes sure that a slot is free when its worker is dead, and only then: a restarted
worker takes the dead one's slot, and two living workers never share one.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from app.config import Settings
from app.errors import ServiceError

LOCK_CLASS = 0x4C4F4F4B
"""The first of the two numbers of our advisory locks on Postgres."""

CLAIMS = 1_000
"""A number beyond all slots: its lock is held by the one worker that claims a job at the moment."""


class NoFreeSlotError(ServiceError):
    """As many workers run as the installation may have."""

    code = "no_free_slot"
    status = 503
    title = "No slot is free"


class Slot(Protocol):
    """A place that one worker at a time holds."""

    @property
    def number(self) -> int:
        """Which slot it is, from 0."""

    def held(self) -> bool:
        """True while nobody else can have the slot."""

    def release(self) -> None:
        """Let another worker have the slot."""


def name_of(number: int) -> str:
    """What the worker in this slot is called."""
    return f"slot-{number}"


def take_slot(settings: Settings) -> Slot:
    """The first free slot. Raises NoFreeSlotError where all are held."""
    for number in range(settings.slots):
        slot = try_slot(settings, number)
        if slot is not None:
            return slot
    raise NoFreeSlotError(f"expected at most {settings.slots} workers on this installation, got one more")


def try_slot(settings: Settings, number: int) -> Slot | None:
    """The slot of this number, or None where a living worker holds it."""
    return _try_file(settings, number) if settings.is_sqlite else _try_database(settings, number)


@dataclass(frozen=True, kw_only=True, slots=True)
class FileSlot:
    """A slot held by a lock on a file: for workers on one machine, which SQLite takes for granted."""

    number: int
    descriptor: int

    def held(self) -> bool:
        """True: the kernel keeps the lock until this process ends."""
        return True

    def release(self) -> None:
        """Let another worker have the slot."""
        os.close(self.descriptor)


def _try_file(settings: Settings, number: int) -> FileSlot | None:
    folder = settings.home.resolve() / "slots"
    folder.mkdir(parents=True, exist_ok=True)
    # a child inherits no descriptor, so it cannot keep its dead worker's slot
    descriptor = os.open(folder / name_of(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return FileSlot(number=number, descriptor=descriptor)


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseSlot:
    """A slot held by a session's advisory lock on Postgres: for workers on any number of machines."""

    number: int
    engine: Engine
    connection: Connection

    def held(self) -> bool:
        """False where the session was lost, and the lock with it."""
        try:
            self.connection.execute(text("SELECT 1"))
        except DBAPIError:
            return False
        return True

    def release(self) -> None:
        """Let another worker have the slot."""
        with suppress(DBAPIError):
            self.connection.close()
        self.engine.dispose()


def _try_database(settings: Settings, number: int) -> DatabaseSlot | None:
    engine = create_engine(settings.resolved_database_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    connection = engine.connect()
    taken = connection.execute(
        text("SELECT pg_try_advisory_lock(:lock_class, :number)"), {"lock_class": LOCK_CLASS, "number": number}
    ).scalar_one()
    slot = DatabaseSlot(number=number, engine=engine, connection=connection)
    if taken:
        return slot
    slot.release()
    return None
