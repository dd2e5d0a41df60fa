"""What workers say in the audit log."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.orm import JobRow
from app.pipeline import LIKE, is_earlier_table, stage_named
from app.task import Output, Task
from app.trail import WORKER, Kind, record
from app.used import use_of


def stage_begun(session: Session, job: JobRow, task: Task) -> None:
    """A stage begins, and may read these real records."""
    use = use_of(job)
    like = {} if use is None or use.like is None else {LIKE: use.like}
    takes = {*stage_named(task.stage).takes, *(name for name in task.inputs if _is_besides(name))} & set(task.inputs)
    record(
        session,
        job.tenant_id,
        WORKER,
        Kind.STAGE_BEGUN,
        job.id,
        stage=task.stage,
        attempt=task.attempt,
        dataset=job.dataset_id,
        **like,
        real_data=sorted(name for name in takes if name == "table" or _is_besides(name)),
    )


def _is_besides(name: str) -> bool:
    """Whether an input holds real records of another data set than the job's."""
    return name == LIKE or is_earlier_table(name)


def artifact_published(session: Session, job: JobRow, word: Output) -> None:
    """A file of the job has a name from now on."""
    kind = Kind.ARTIFACT_PUBLISHED
    record(session, job.tenant_id, WORKER, kind, job.id, name=word.name, bytes=word.bytes, sha256=word.sha256)
