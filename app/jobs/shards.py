"""Large tables are sampled in shards by all workers that have room, and joined by the one that runs the job.

A shard is some pieces of the table, each of which is drawn from random numbers that follow from the seed and the number
of the piece (`synth.sampling.pieces`). So the table is byte for byte the same, whoever draws which shards, in whichever
order and however often, and also where one worker draws all of it. What concerns the whole table is settled by that
number, too: made-up identifiers are those of the places in the table.

The job's worker hands the shards in to the job engine and waits; the engine gives them to workers as it gives jobs
(`app.jobs.claims`). A shard is published once: whoever comes later publishes nothing. A job that goes on after its
worker died asks for the shards that are missing.

Not divided are tables that one worker draws as quickly; those of people with several records, whose histories are
drawn one after another until there are enough; and those with more of a rare class, as the model says how many records
they have.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine

from app.blobs import Blobs
from app.config import Settings
from app.db import reading
from app.jobs import engine, ledger
from app.jobs.heartbeat import serving
from app.orm import JobRow
from app.pipeline import is_shard, shard_name
from app.states import Priority, Queue
from app.task import Progress, Task
from app.wire_jobs import JobOptions
from synth.sampling.pieces import shards_of

ALONE = 16
"""So many shards a single worker draws as one table, which is quicker; more are worth not to be drawn anew after a
restart."""
LOOK_SECONDS = 10.0
"""How often it is looked for shards that nobody will draw."""


class ShardDroppedError(RuntimeError):
    """The job engine has dropped a shard."""


def plan(settings: Settings, database: Engine, blobs: Blobs, task: Task) -> tuple[str, ...]:
    """The names of the shards to draw, in order; none where the table is to be drawn as one."""
    options = JobOptions.model_validate(task.options)
    if options.augment is not None:
        return ()
    rows = options.rows or int(_read(blobs, task, "split")["counts"]["train"])
    pieces = shards_of(rows, settings.shard_rows)
    if len(pieces) == 1:
        return ()
    are_worth_it = len(pieces) > ALONE or any(map(is_shard, task.inputs)) or serving(database, Queue.CPU) > 1
    if not are_worth_it or _read(blobs, task, "model").get("sequences") is not None:
        return ()
    return tuple(map(shard_name, pieces))


def _read(blobs: Blobs, task: Task, name: str) -> Mapping[str, Any]:
    document: Mapping[str, Any] = json.loads(blobs.read(task.inputs[name]["key"], task.inputs[name]["sha256"]))
    return document


def hand_in(settings: Settings, database: Engine, task: Task, names: tuple[str, ...]) -> None:
    """Have workers draw the shards that the job does not have."""
    with reading(database) as session:
        job = session.get_one(JobRow, task.job_id)
        priority, missing = Priority(job.priority), [name for name in names if name not in job.artifacts]
    client = engine.open_client(settings)
    try:
        for name in missing:
            engine.enqueue_shard(client, task.job_id, task.tenant_id, name, priority)
    finally:
        client.destroy()


@dataclass(slots=True)
class Watch:
    """Looks how many shards there are."""

    settings: Settings
    database: Engine
    task: Task
    names: tuple[str, ...]
    told: int = -1
    dropped: set[str] = field(default_factory=set)
    looked: float = field(default_factory=time.monotonic)

    def look(self) -> Mapping[str, Mapping[str, str]] | None:
        """`{key, sha256}` of the shards that there are; None where the attempt is no longer in force. Tells the job.

        Raises ShardDroppedError where the engine has ended the drawing of one that is missing.
        """
        has = ledger.shards_of(self.database, self.task)
        if has is None:
            return None
        found = {name: has[name] for name in self.names if name in has}
        if self.dropped - found.keys():  # a shard is published before its drawing ends
            raise ShardDroppedError("expected the job engine to have shards drawn, it has dropped one")
        if len(found) > self.told:
            self.told = len(found)
            message = f"sampled {len(found)} of {len(self.names)} shards"
            ledger.heard(self.database, self.task, Progress(fraction=len(found) / len(self.names), message=message))
        if time.monotonic() - self.looked > LOOK_SECONDS:
            self.dropped, self.looked = self._ended(set(self.names) - found.keys()), time.monotonic()
        return found

    def _ended(self, missing: set[str]) -> set[str]:
        """Of these shards, those whose drawing the engine has ended."""
        by_id = {engine.shard_id(self.task.job_id, name): name for name in missing}
        states = [state.value for state in engine.ENDED]
        client = engine.open_client(self.settings)
        try:
            ended = client.list_workflows(workflow_ids=list(by_id), status=states, load_input=False, load_output=False)
        finally:
            client.destroy()
        return {by_id[status.workflow_id] for status in ended if status.workflow_id in by_id}
