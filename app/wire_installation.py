"""How a whole installation stands, as its operator is told."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from app.states import JobState, Queue
from app.wire_fields import Body


class WorkerState(Body):
    """A worker."""

    slot: int
    host: str
    queues: list[Queue]
    last_heartbeat_at: datetime
    lives: bool = Field(description="It said within the last minute that it lives.")


class QueueState(Body):
    """A queue, of all tenants together."""

    name: Queue
    waiting: int
    oldest_seconds: float = Field(description="How long the job waits that waits longest.")
    is_served: bool = Field(description="A living worker serves it.")


class Disk(Body):
    """The disk that the home is on."""

    total_bytes: int
    free_bytes: int


class Installation(Body):
    """How a whole installation stands. Nothing of a tenant is in it: neither a name nor an id nor counts of one."""

    at: datetime
    version: str
    tables: str = Field(description="The version of the database's tables.")
    database: str
    python: str
    tenants: int
    jobs: dict[JobState, int]
    queues: list[QueueState]
    workers: list[WorkerState]
    disk: Disk
    checks: dict[str, str]
