"""The job engine (dbos) as this service uses it: names, database and client. Only `app.jobs` and the worker know it."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import NoReturn

from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer, WorkflowStatusString
from dbos._serialization import DefaultSerializer

from app.config import Settings
from app.home import private_file, private_folder
from app.pipeline import WAYS
from app.states import JobKind, Priority, Queue

APPLICATION = "lookalike"
QUEUES: Mapping[Queue, str] = {Queue.CPU: "jobs", Queue.GPU: "gpu"}
"""What the engine calls our queues; `jobs` is from the time when there was one."""
SHARDS = "shards"
"""What the engine calls the queue of the shards of large tables."""
RANKS: Mapping[Priority, int] = {Priority.HIGH: 1, Priority.NORMAL: 2, Priority.LOW: 3}
"""Smaller ones are begun first, within one tenant's jobs."""
MOST_AT_ONCE = 100
"""More jobs than one worker runs side by side: `app.jobs.claims` keeps the real limits."""
WORKFLOW, SHARD_WORKFLOW = "way", "shard"
SCHEMA = "jobs"
"""The schema of the engine's own tables on Postgres."""
VERSION = "way-1"
"""Raise the number when `app.pipeline.WAYS` or the workflow change: a job is finished by the version that began it."""
POLL_SECONDS = 0.25
ENDED = (
    WorkflowStatusString.SUCCESS,
    WorkflowStatusString.ERROR,
    WorkflowStatusString.CANCELLED,
    WorkflowStatusString.MAX_RECOVERY_ATTEMPTS_EXCEEDED,
)
"""The states in which nothing of ours happens any more."""
MOST_LISTED = 100_000
ENQUEUED = WorkflowStatusString.ENQUEUED.value


def prepare(settings: Settings) -> None:
    """Create the engine's tables or bring them up to date. Two processes that try at once wait for one another."""
    refuse_pickle()
    if settings.is_sqlite:
        private_folder(settings.home)
        file = private_file(Path(settings.jobs_database_url.removeprefix("sqlite:///")))
        with closing(sqlite3.connect(file, timeout=30)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
    DBOS.migrate(settings.jobs_database_url, schema=SCHEMA)


def open_client(settings: Settings) -> DBOSClient:
    """A client of the engine for a process that runs no jobs. Raises where the database cannot be reached."""
    return DBOSClient(
        system_database_url=settings.jobs_database_url,
        dbos_system_schema=SCHEMA,
        serializer=DBOSPortableJSONSerializer(),
        application_name=APPLICATION,
        retry_connection_errors=False,
    )


def enqueue(client: DBOSClient, job_id: str, tenant_id: str, kind: JobKind, priority: Priority) -> None:
    """Put a job into the queue of its first stage. Does nothing where it was put into one before."""
    client.enqueue(
        {
            "workflow_name": WORKFLOW,
            "queue_name": QUEUES[WAYS[kind][0].queue],
            "queue_partition_key": tenant_id,
            "priority": RANKS[priority],
            "workflow_id": job_id,
            "app_version": VERSION,
        },
        job_id,
    )


def shard_id(job_id: str, name: str) -> str:
    """What the engine calls the drawing of a shard."""
    return f"{job_id}-{name}"


def enqueue_shard(client: DBOSClient, job_id: str, tenant_id: str, name: str, priority: Priority) -> None:
    """Have any worker draw this shard of the job's table. Does nothing where that was asked for before."""
    client.enqueue(
        {
            "workflow_name": SHARD_WORKFLOW,
            "queue_name": SHARDS,
            "queue_partition_key": tenant_id,
            "priority": RANKS[priority],
            "workflow_id": shard_id(job_id, name),
            "app_version": VERSION,
        },
        job_id,
        name,
    )


def waiting(client: DBOSClient, queue: Queue) -> tuple[int, float]:
    """How many jobs wait in a queue, MOST_LISTED at most, and for how many seconds the oldest has."""
    found = client.list_workflows(
        queue_name=QUEUES[queue], status=ENQUEUED, limit=MOST_LISTED, load_input=False, load_output=False
    )
    oldest = min((each.created_at for each in found if each.created_at is not None), default=None)
    return len(found), 0.0 if oldest is None else max(0.0, time.time() - oldest / 1000)


def configuration(settings: Settings, executor_id: str) -> DBOSConfig:
    """The engine's settings in a process that runs jobs under the name `executor_id`."""
    return DBOSConfig(
        name=APPLICATION,
        system_database_url=settings.jobs_database_url,
        dbos_system_schema=SCHEMA,
        serializer=DBOSPortableJSONSerializer(),
        application_version=VERSION,
        executor_id=executor_id,
        run_migrations=False,
        log_level="WARNING",
        enable_otlp=False,
    )


def register_queues(client: DBOSClient) -> None:
    """Make the queues known. Every tenant is a partition of each, so that they can take turns."""
    for name in (*QUEUES.values(), SHARDS):
        client.register_queue(
            name,
            worker_concurrency=MOST_AT_ONCE,
            partition_worker_concurrency=MOST_AT_ONCE,
            polling_interval_sec=POLL_SECONDS,
        )


def quiet_cancellations() -> None:
    """Keep the engine from logging a cancelled job as an error with a traceback: it is what somebody asked for."""
    logging.getLogger("dbos").addFilter(_is_no_cancellation)


def _is_no_cancellation(record: logging.LogRecord) -> bool:
    kind = record.exc_info[0] if record.exc_info else None
    return kind is None or "Cancelled" not in kind.__name__


def refuse_pickle() -> None:
    """Have the engine read JSON alone.

    It unpickles every row that says it is a pickle, whatever serializer is configured, so that whoever can write to its
    tables could run code in the worker.
    """

    def refuse(_serializer: DefaultSerializer, _data: object) -> NoReturn:
        raise TypeError("expected a row of JSON in the job engine's tables, got a pickle")

    DefaultSerializer.deserialize = refuse  # type: ignore[assignment, method-assign]
