"""What a worker works with."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Engine

from app.blobs import Blobs
from app.config import Settings
from app.jobs.children import COMMAND
from app.jobs.claims import Claims
from app.task import Task
from app.traces import Traces


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
