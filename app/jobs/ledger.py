"""What the workers write into the database: every function is one transaction, and every write is fenced.

A stage is begun under a new number, `jobs.attempt`. Whoever comes with an older number, or to a job that is not running
any more, changes nothing: a worker that was thought dead cannot publish beside the one that took over.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.db import reading, transaction
from app.jobs import recorded, rows, tasks
from app.orm import JobRow, new_id, now
from app.pipeline import SAMPLE, SHARD, is_shard, overall_fraction, stage_named
from app.states import TERMINAL_JOB_STATES, JobKind, JobState, Priority, Queue
from app.task import NOTE, Failure, Note, Output, Progress, Task, Word
from app.trail import OPERATOR, Actor
from app.wire_jobs import KeptOptions

MAX_LOSSES = 3
"""How many attempts at a stage may be lost one after another: a worker died, a child was killed, the storage failed.

A checkpoint sets the count back, for the next attempt goes on from there; a worker that stops in order loses none.
"""
CHECKPOINT = "checkpoint"
"""What a stage may publish again and again while it runs; its next attempt goes on from there."""


def kind_of(engine: Engine, job_id: str) -> JobKind:
    """What the job does. Raises NotFoundError where there is no such job."""
    with reading(engine) as session:
        return JobKind(rows.seen(session, job_id).kind)


def has_done(engine: Engine, job_id: str, stage: str) -> bool:
    """True where all that the stage gives has been published."""
    with reading(engine) as session:
        return rows.has(rows.seen(session, job_id), stage)


def has_given(engine: Engine, task: Task) -> bool:
    """True where all that is asked of the attempt has been published, by it or by another one."""
    with reading(engine) as session:
        job = rows.seen(session, task.job_id)
        if task.shard and task.shard in job.artifacts:
            return True
        return rows.has(job, SAMPLE.name if task.shard else task.stage)


def begin_stage(engine: Engine, job_id: str, stage: str) -> Task | None:
    """A task for a new attempt at the stage, or None where the job has ended or has just been given up."""
    with transaction(engine) as session:
        job = rows.locked(session, job_id)
        if JobState(job.state) in TERMINAL_JOB_STATES or rows.has_lost_its_release(session, job):
            return None
        job.losses = 0 if job.stage != stage else job.losses
        if job.in_hand and job.stage == stage:
            _lose(session, job, "worker_died", "its worker died")
        if job.losses >= MAX_LOSSES:
            rows.fail(
                session,
                job,
                "stage_gave_up",
                f"{MAX_LOSSES} workers that ran the stage {stage} died, one after another",
            )
            return None
        job.in_hand = True
        job.attempt += 1
        job.stage = stage
        if job.state != JobState.RUNNING:
            rows.move(session, job, JobState.RUNNING)
            job.started_at = now()
        job.fraction = max(job.fraction, overall_fraction(JobKind(job.kind), stage_named(stage), 0.0))
        rows.tell(session, job, "stage", {"stage": stage, "message": stage_named(stage).says})
        task = tasks.task_of(session, job, stage)
        recorded.stage_begun(session, job, task)
        return task


def begin_shard(engine: Engine, job_id: str, name: str) -> Task | None:
    """A task for a new attempt at a shard, or None where the job needs it no more or has just been given up.

    Attempts at a shard count by themselves, by their marks among the events: each that was begun was lost, unless it
    was put down or has published.
    """
    with transaction(engine) as session:
        job = rows.locked(session, job_id)
        if not rows.lacks(job, name):
            return None
        marks = rows.told_of_shard(session, job_id, name)
        losses = marks.count(rows.BEGUN) - marks.count(rows.PUT_DOWN)
        if marks[-1:] == [rows.BEGUN]:
            _tell_loss(session, job, losses, "worker_died", "its worker died", name)
        if losses >= MAX_LOSSES:
            rows.fail(session, job, "stage_gave_up", f"{MAX_LOSSES} workers that drew {name} died, one after another")
            return None
        rows.tell_of_shard(session, job, name, rows.BEGUN)
        prefix = f"{job.tenant_id}/jobs/{job.id}/{name}-{new_id('run')}"
        task = replace(tasks.task_of(session, job, SHARD.name), prefix=prefix, shard=name)
        recorded.stage_begun(session, job, task)
        return task


def shards_of(engine: Engine, task: Task) -> Mapping[str, Mapping[str, str]] | None:
    """`{key, sha256}` of the shards that the job has by now; None where the attempt is no longer in force."""
    with reading(engine) as session:
        job = rows.seen(session, task.job_id)
        return tasks.references(job.artifacts, is_shard) if rows.is_in_force(job, task) else None


def options_of(engine: Engine, job_id: str) -> KeptOptions:
    """What the job was asked to do. Raises NotFoundError where there is no such job."""
    with reading(engine) as session:
        return KeptOptions.model_validate(rows.seen(session, job_id).options)


def wait(engine: Engine, job_id: str, stage: str, queue: Queue) -> None:
    """Say that a job that runs waits for a worker of this queue."""
    with transaction(engine) as session:
        job = running_job(session, job_id)
        if job is not None:
            message = f"waiting for a worker that serves the queue {queue}"
            data = {"stage": stage, "fraction": job.fraction, "stage_fraction": 0.0, "message": message, "figures": {}}
            rows.tell(session, job, "progress", data)


def has_ended(engine: Engine, job_id: str) -> bool:
    """True where the job is in a state that it never leaves."""
    with reading(engine) as session:
        return JobState(rows.seen(session, job_id).state) in TERMINAL_JOB_STATES


def holds(engine: Engine, task: Task) -> bool:
    """True while the attempt may publish: the job runs and no later attempt was begun."""
    with reading(engine) as session:
        return rows.is_in_force(rows.seen(session, task.job_id), task)


def heard(engine: Engine, task: Task, word: Word) -> bool:
    """Write down what the child said. False, and nothing is written, where its attempt is no longer in force."""
    with transaction(engine) as session:
        job = rows.in_force(session, task)
        if job is None:
            return False
        match word:
            case Progress():
                _progress(session, job, task, word)
            case Output():
                _publish(job, task, word)
                if word.name in {CHECKPOINT, task.shard}:
                    job.losses = 0
                else:
                    recorded.artifact_published(session, job, word)
            case Note():
                rows.tell(session, job, NOTE, {"text": word.text})
            case Failure():
                rows.fail(session, job, word.code, word.detail)
        return True


def put_down(engine: Engine, task: Task) -> None:
    """Say that a worker that stops in order has ended the attempt: another one is begun, and none was lost."""
    with transaction(engine) as session:
        job = rows.in_force(session, task)
        if job is not None and task.shard:
            rows.tell_of_shard(session, job, task.shard, rows.PUT_DOWN)
        elif job is not None:
            job.in_hand = False


def set_back(engine: Engine, task: Task, failure: Failure) -> bool:
    """Count an attempt as lost for a reason that may pass. True where another one may be begun.

    Else the job has failed for this reason, or the attempt is no longer in force.
    """
    with transaction(engine) as session:
        job = rows.in_force(session, task)
        if job is None:
            return False
        losses = _set_back(session, job, task, failure)
        if losses >= MAX_LOSSES:
            rows.fail(session, job, failure.code, f"{failure.detail}; so did {MAX_LOSSES} attempts one after another")
        return losses < MAX_LOSSES


def _set_back(session: Session, job: JobRow, task: Task, failure: Failure) -> int:
    """How many attempts were lost one after another, with this one."""
    if not task.shard:
        job.in_hand = False
        _lose(session, job, failure.code, failure.detail)
        return job.losses
    marks = rows.told_of_shard(session, job.id, task.shard)
    losses = marks.count(rows.BEGUN) - marks.count(rows.PUT_DOWN)
    _tell_loss(session, job, losses, failure.code, failure.detail, task.shard)
    rows.tell_of_shard(session, job, task.shard, rows.SET_BACK)
    return losses


def fail(engine: Engine, task: Task, code: str, detail: str) -> bool:
    """Mark the job failed. False, and nothing is written, where the attempt is no longer in force."""
    return heard(engine, task, Failure(code=code, detail=detail))


def abandon(engine: Engine, job_id: str, detail: str) -> None:
    """Mark a job failed that the job engine has dropped. Does nothing where it has ended."""
    with transaction(engine) as session:
        job = rows.locked(session, job_id)
        if JobState(job.state) not in TERMINAL_JOB_STATES:
            rows.fail(session, job, "job_dropped", detail)


def cancel(engine: Engine, job_id: str, *, by: Actor = OPERATOR) -> None:
    """Mark the job cancelled. Raises NotFoundError without such a job, ConflictError where it finished or failed."""
    with transaction(engine) as session:
        job = rows.locked(session, job_id)
        if job.state != JobState.CANCELLED:
            rows.move(session, job, JobState.CANCELLED, by)
            job.finished_at = now()


def artifacts_of(engine: Engine, job_id: str) -> Mapping[str, Any] | None:
    """The artifacts of a job that runs, by name; None where it does not run."""
    with reading(engine) as session:
        job = rows.seen(session, job_id)
        return job.artifacts if job.state == JobState.RUNNING else None


def running_job(session: Session, job_id: str) -> JobRow | None:
    """The job, locked until the transaction ends; None where it does not run."""
    job = rows.locked(session, job_id)
    return job if job.state == JobState.RUNNING else None


def finish(session: Session, job: JobRow) -> None:
    """Mark the job finished, within the caller's transaction."""
    job.fraction = 1.0
    job.finished_at = now()
    rows.move(session, job, JobState.FINISHED)


def queued(engine: Engine) -> Mapping[str, tuple[str, JobKind, Priority]]:
    """By id, tenant, kind and priority of the jobs that nobody has begun."""
    with reading(engine) as session:
        found = session.scalars(select(JobRow).where(JobRow.state == JobState.QUEUED))
        return {job.id: (job.tenant_id, JobKind(job.kind), Priority(job.priority)) for job in found}


def unended(engine: Engine) -> list[str]:
    """The ids of the jobs that have not ended."""
    with reading(engine) as session:
        found = select(JobRow.id).where(JobRow.state.in_((JobState.QUEUED, JobState.RUNNING)))
        return list(session.scalars(found))


def _progress(session: Session, job: JobRow, task: Task, word: Progress) -> None:
    """An event that never goes back: a stage that starts again says nothing less than was said before.

    Of shards the attempt says how many there are that waits for all of them.
    """
    if task.shard:
        return
    fraction = word.fraction if math.isfinite(word.fraction) else 0.0
    job.fraction = max(job.fraction, overall_fraction(JobKind(job.kind), stage_named(task.stage), fraction))
    data = {
        "stage": task.stage,
        "fraction": job.fraction,
        "stage_fraction": min(max(fraction, 0.0), 1.0),
        "message": word.message,
        # JSON knows neither NaN nor infinity
        "figures": {name: value for name, value in word.figures.items() if math.isfinite(value)},
    }
    rows.tell(session, job, "progress", data)


def _publish(job: JobRow, task: Task, word: Output) -> None:
    """Make a stored file an artifact of the job. Raises ValueError where the attempt has no right to name it so."""
    if not word.key.startswith(f"{task.prefix}/"):
        raise ValueError("expected an output under the attempt's own prefix")
    if word.name not in ({task.shard} if task.shard else {*stage_named(task.stage).gives, CHECKPOINT}):
        raise ValueError(f"expected an output that the stage {task.stage} gives")
    job.artifacts = {**job.artifacts, word.name: {"key": word.key, "bytes": word.bytes, "sha256": word.sha256}}
    if rows.has(job, SAMPLE.name):  # nothing needs shards any more; their files go with the others that the job leaves
        job.artifacts = {name: artifact for name, artifact in job.artifacts.items() if not is_shard(name)}


def _lose(session: Session, job: JobRow, code: str, detail: str) -> None:
    """Count an attempt as lost and keep why: these events are the log of a job that is set aside."""
    job.losses += 1
    _tell_loss(session, job, job.losses, code, detail)


def _tell_loss(session: Session, job: JobRow, losses: int, code: str, detail: str, shard: str = "") -> None:
    data = {"stage": job.stage, "attempt": job.attempt, "losses": losses, "code": code, "detail": detail}
    rows.tell(session, job, "lost", data | ({"shard": shard} if shard else {}))
