"""The way into the job engine for the web process, which never runs a job itself."""

from __future__ import annotations

from collections.abc import Mapping

from app.config import Settings
from app.db import connect
from app.jobs import engine, ledger
from app.states import JobKind, Priority, Queue
from app.trail import OPERATOR, Actor


class JobQueue:
    """Where jobs are handed in and cancelled. Safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        engine.prepare(settings)
        self._client = engine.open_client(settings)
        self._database = connect(settings)

    def enqueue(self, job_id: str, tenant_id: str, kind: JobKind, priority: Priority = Priority.NORMAL) -> None:
        """Have a worker run the job. A job that was handed in before is not run again."""
        engine.enqueue(self._client, job_id, tenant_id, kind, priority)

    def cancel(self, job_id: str, *, by: Actor = OPERATOR) -> None:
        """Cancel the job, queued or running. Does nothing where it is cancelled already.

        From here on it publishes nothing; its process is ended within two seconds. Raises NotFoundError where there is
        no such job and ConflictError where it has finished or failed.
        """
        ledger.cancel(self._database, job_id, by=by)
        self._client.cancel_workflow(job_id)

    def lengths(self) -> Mapping[Queue, tuple[int, float]]:
        """For each queue, how many jobs of all tenants wait in it, and for how many seconds the oldest has."""
        return {queue: engine.waiting(self._client, queue) for queue in Queue}

    def close(self) -> None:
        """Give back the connections."""
        self._client.destroy()
        self._database.dispose()
