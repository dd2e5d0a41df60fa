"""The job engine (dbos) as this service uses it: names, database and client. Nothing else in the service knows it."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NoReturn

from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer
from dbos._serialization import DefaultSerializer

from app.config import Settings
from app.home import private_file, private_folder

APPLICATION = "lookalike"
QUEUE = "jobs"
WORKFLOW = "way"
SCHEMA = "jobs"
"""The schema of the engine's own tables on Postgres."""
VERSION = "way-1"
"""Raise the number when `app.pipeline.WAYS` or the workflow change: a job is finished by the version that began it."""
POLL_SECONDS = 0.25


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


def enqueue(client: DBOSClient, job_id: str, tenant_id: str) -> None:
    """Put a job into the queue. Does nothing where it was put there before."""
    client.enqueue(
        {
            "workflow_name": WORKFLOW,
            "queue_name": QUEUE,
            "queue_partition_key": tenant_id,
            "workflow_id": job_id,
            "app_version": VERSION,
        },
        job_id,
    )


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


def register_queue(client: DBOSClient, settings: Settings) -> None:
    """Make the queue known. Every tenant is a partition of it: they take turns, however many jobs each has sent."""
    client.register_queue(
        QUEUE,
        worker_concurrency=settings.concurrent_jobs,
        partition_worker_concurrency=settings.concurrent_jobs,
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
