"""An installation with a tenant, its jobs, and worker processes that tests may kill."""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Engine, select, text

from app.blobs import open_blobs
from app.config import Settings
from app.db import connect, transaction
from app.jobs.heartbeat import living
from app.jobs.queue import JobQueue
from app.orm import ApiKeyRow, DatasetRow, JobEventRow, JobRow, TenantRow, new_id
from app.states import JobKind, JobState, Priority

ROOT = Path(__file__).parents[2]
POLL_SECONDS = 0.02
T = TypeVar("T")


def wait_for(what: str, probe: Callable[[], T | None], *, seconds: float = 60.0) -> T:
    """The first answer of `probe` that is true. Fails when none came in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = probe()
        if answer:
            return answer
        time.sleep(POLL_SECONDS)
    raise AssertionError(f"{what}: not within {seconds} s")


def is_alive(pid: int) -> bool:
    """True where the process runs; one that has ended but was not waited for does not."""
    with suppress(OSError):
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        return state not in {"Z", "X"}
    return False


def is_stopped(pid: int) -> bool:
    """True where every thread of the process is stopped: the signal returns before they are."""
    states = [path.read_text(encoding="utf-8").rpartition(")")[2] for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    return all(state.split()[0] == "T" for state in states)


@dataclass(frozen=True, kw_only=True)
class Shop:
    """One installation, seen from outside."""

    settings: Settings
    engine: Engine
    queue: JobQueue
    tenant_id: str = "tenant_a"
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def worker(self, module: str = "tests.support.worker", **changed: object) -> subprocess.Popen[bytes]:
        """A worker process that has just been started, with these settings changed."""
        settings = self.settings.model_copy(update=changed)
        environment = {**os.environ, **settings.environment(), "OMP_NUM_THREADS": "1"}
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module], cwd=ROOT, env=environment, stdout=log, stderr=log
            )
        self.workers.append(process)
        return process

    def suspend(self, worker: subprocess.Popen[bytes]) -> None:
        """Stop the worker where it holds no lock in a database: everybody would wait for it, which is not the point."""

        def probe() -> bool:
            worker.send_signal(signal.SIGSTOP)
            wait_for("all its threads stand still", lambda: is_stopped(worker.pid))
            if self.is_unlocked():
                return True
            worker.send_signal(signal.SIGCONT)
            return False

        wait_for("a moment between two transactions", probe)

    def is_unlocked(self) -> bool:
        """True where no process is in the middle of a transaction that writes or locks rows."""
        if self.settings.is_sqlite:
            return all(_can_write(self.settings.home / name) for name in ("lookalike.db", "jobs.db"))
        busy = text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_xid IS NOT NULL AND pid <> pg_backend_pid()"
        )
        with self.engine.connect() as connection:
            return connection.execute(busy).scalar_one() == 0

    @property
    def log(self) -> Path:
        """What all workers wrote."""
        return self.settings.home / "workers.log"

    def dataset(
        self,
        name: str,
        *,
        table: bytes = b"played",
        schema: list[dict[str, str]] | None = None,
        upload_sha256: str = "0" * 64,
    ) -> str:
        """The id of a new dataset; for stages that only play its name is their script."""
        dataset_id = new_id("ds")
        key = f"{self.tenant_id}/datasets/{dataset_id}/table.parquet"
        open_blobs(self.settings).put_bytes(key, table)
        with transaction(self.engine) as session:
            session.add(
                DatasetRow(
                    id=dataset_id,
                    tenant_id=self.tenant_id,
                    name=name,
                    upload_sha256=upload_sha256,
                    upload_bytes=len(table),
                    rows=10,
                    table_schema=schema or [{"name": "age", "kind": "numerical", "role": "feature"}],
                    source={"format": "parquet", "encoding": None, "delimiter": None, "warnings": []},
                    table_key=key,
                    table_sha256=hashlib.sha256(table).hexdigest(),
                    preview_key=key,
                    preview_sha256=hashlib.sha256(table).hexdigest(),
                )
            )
        return dataset_id

    def job(self, script: str = "", *, priority: Priority = Priority.NORMAL, enqueue: bool = True) -> str:
        """The id of a new `synthesize` job that plays the script."""
        return self.job_on(self.dataset(script), priority=priority, enqueue=enqueue)

    def job_on(
        self,
        dataset_id: str,
        *,
        kind: JobKind = JobKind.SYNTHESIZE,
        model_id: str | None = None,
        options: dict | None = None,
        priority: Priority = Priority.NORMAL,
        enqueue: bool = True,
        artifacts: dict | None = None,
    ) -> str:
        """The id of a new job on the dataset, which has published these artifacts."""
        job_id = new_id("job")
        with transaction(self.engine) as session:
            session.add(
                JobRow(
                    id=job_id,
                    tenant_id=self.tenant_id,
                    dataset_id=dataset_id,
                    model_id=model_id,
                    created_by="key_a",
                    kind=kind,
                    priority=priority.value,
                    state=JobState.QUEUED,
                    options=options or {},
                    artifacts=artifacts or {},
                )
            )
        if enqueue:
            self.queue.enqueue(job_id, self.tenant_id, kind, priority)
        return job_id

    def workers_beating(self) -> int:
        """How many workers said within the last minute that they live."""
        return living(self.engine)

    def row(self, job_id: str) -> JobRow:
        """The job as it stands."""
        with transaction(self.engine) as session:
            return session.get_one(JobRow, job_id)

    def dataset_row(self, dataset_id: str) -> DatasetRow:
        """The dataset as it stands."""
        with transaction(self.engine) as session:
            return session.get_one(DatasetRow, dataset_id)

    def rows(self, kind: type[T], job_id: str) -> list[T]:
        """The rows of this class that belong to the job."""
        with transaction(self.engine) as session:
            return list(session.scalars(select(kind).where(kind.job_id == job_id)))

    def events(self, job_id: str, kind: str | None = None) -> list[JobEventRow]:
        """The events of a job, in order."""
        found = select(JobEventRow).where(JobEventRow.job_id == job_id).order_by(JobEventRow.id)
        with transaction(self.engine) as session:
            return [event for event in session.scalars(found) if kind in (None, event.kind)]

    def steps(self, job_id: str) -> list[tuple[int, int]]:
        """(step, process) of the training's events, in order."""
        figures = [event.data["figures"] for event in self.events(job_id, "progress")]
        return [(int(each["step"]), int(each["pid"])) for each in figures if "pid" in each]

    def wait_for_state(self, job_id: str, state: JobState, *, seconds: float = 60.0) -> JobRow:
        """The job, once it has this state. Fails at once where it has ended in another."""

        def probe() -> JobRow | None:
            row = self.row(job_id)
            ended = {JobState.FINISHED, JobState.FAILED, JobState.CANCELLED}
            if row.state in ended and row.state != state:
                raise AssertionError(f"expected a job that becomes {state}, got one that is {row.state}: {row.error}")
            return row if row.state == state else None

        return wait_for(f"job {state}", probe, seconds=seconds)

    def wait_for_step(self, job_id: str, step: int, *, seconds: float = 60.0) -> int:
        """The process that trains, once an event says that it is at this step."""

        def probe() -> int | None:
            steps = self.steps(job_id)
            return steps[-1][1] if steps and steps[-1][0] >= step else None

        return wait_for(f"step {step}", probe, seconds=seconds)


def _can_write(database: Path) -> bool:
    with closing(sqlite3.connect(database, timeout=0.2)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        return True


@contextmanager
def open_shop(settings: Settings) -> Iterator[Shop]:
    """An installation with one tenant, a key that sends jobs and one that decides. It has no worker, and all that are
    started on it are killed at the end.
    """
    engine = connect(settings)
    with transaction(engine) as session:
        session.add(TenantRow(id="tenant_a", name="A"))
        session.flush()
        session.add(ApiKeyRow(id="key_a", tenant_id="tenant_a", secret_sha256="0" * 64, scopes=["write"]))
        session.add(ApiKeyRow(id="key_r", tenant_id="tenant_a", secret_sha256="f" * 64, scopes=["admin"]))
    shop = Shop(settings=settings, engine=engine, queue=JobQueue(settings))
    try:
        yield shop
    finally:
        for worker in shop.workers:
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        shop.queue.close()
        engine.dispose()
