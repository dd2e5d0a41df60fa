"""A job in the database: found and locked, moved from state to state, and the events that tell of it."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import NotFoundError, NotReleasedError
from app.orm import JobEventRow, JobRow, Json, now
from app.pipeline import SAMPLE, SHARD, stage_named
from app.states import JobState, move_job
from app.task import Task
from app.trail import WORKER, Actor, Kind, record
from app.used import is_withdrawn

BEGUN, PUT_DOWN, SET_BACK = "begun", "put down", "set back"
"""What events say of attempts at a shard."""


def locked(session: Session, job_id: str) -> JobRow:
    """The job, locked until the transaction ends."""
    return _found(session.get(JobRow, job_id, with_for_update=True))


def seen(session: Session, job_id: str) -> JobRow:
    """The job as it is at this moment."""
    return _found(session.get(JobRow, job_id))


def _found(job: JobRow | None) -> JobRow:
    if job is None:
        raise NotFoundError("expected a job, got an id that none has")
    return job


def in_force(session: Session, task: Task) -> JobRow | None:
    """The job, locked, where the task's attempt may still publish."""
    job = locked(session, task.job_id)
    return job if is_in_force(job, task) else None


def is_in_force(job: JobRow, task: Task) -> bool:
    """True where the task's attempt may still publish."""
    return lacks(job, task.shard) if task.shard else job.state == JobState.RUNNING and job.attempt == task.attempt


def has(job: JobRow, stage: str) -> bool:
    """True where all that the stage gives has been published."""
    return set(stage_named(stage).gives) <= set(job.artifacts)


def lacks(job: JobRow, shard: str) -> bool:
    """True where the job needs a shard that nobody has published. Which attempt asked for it is all the same."""
    is_sampling = job.state == JobState.RUNNING and job.stage == SAMPLE.name and not has(job, SAMPLE.name)
    return is_sampling and shard not in job.artifacts


def tell_of_shard(session: Session, job: JobRow, shard: str, mark: str) -> None:
    """Write down what became of an attempt at a shard: `mark` is BEGUN, PUT_DOWN or SET_BACK."""
    tell(session, job, SHARD.name, {"shard": shard, "mark": mark})


def told_of_shard(session: Session, job_id: str, shard: str) -> list[str]:
    """What was said of the attempts at a shard, in order."""
    found = select(JobEventRow.data).where(JobEventRow.job_id == job_id, JobEventRow.kind == SHARD.name)
    return [data["mark"] for data in session.scalars(found.order_by(JobEventRow.id)) if data["shard"] == shard]


def fail(session: Session, job: JobRow, code: str, detail: str) -> None:
    """Mark the job failed."""
    move(session, job, JobState.FAILED, code=code)
    job.in_hand = False
    job.error = {"code": code, "detail": detail}
    job.finished_at = now()


def has_lost_its_release(session: Session, job: JobRow) -> bool:
    """True where the job uses the records of a release that was withdrawn: it has failed then, and says so.

    Nobody withdraws the release between this and the end of the transaction.
    """
    if not is_withdrawn(session, job):
        return False
    detail = "expected records of a release that is released, got those of one that was withdrawn meanwhile"
    fail(session, job, NotReleasedError.code, detail)
    return True


def move(session: Session, job: JobRow, state: JobState, by: Actor = WORKER, *, code: str | None = None) -> None:
    """Bring the job into another state. Raises ConflictError where it cannot come there from its own."""
    job.state = move_job(JobState(job.state), state)
    tell(session, job, "state", {"state": job.state})
    record(session, job.tenant_id, by, Kind.JOB_MOVED, job.id, state=job.state, code=code)


def tell(session: Session, job: JobRow, kind: str, data: Json) -> None:
    """Add an event of the job."""
    session.add(JobEventRow(tenant_id=job.tenant_id, job_id=job.id, kind=kind, data=data))
