"""What a use was made of, and whether all of that is still there: its result holds cells of it, and goes with it."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.orm import DatasetRow, JobRow, ModelRow, ReleaseRow
from app.states import JobKind
from app.wire_jobs import KeptOptions, UseOptions


def use_of(job: JobRow) -> UseOptions | None:
    """What the job does with records; None where it synthesizes."""
    return KeptOptions.model_validate(job.options).use if job.kind == JobKind.USE else None


def datasets_of(session: Session, job: JobRow) -> set[str]:
    """The ids of the data sets whose cells the result holds, or whose model drew some."""
    use = use_of(job)
    found = {job.dataset_id} if use is None or use.like is None else {job.dataset_id, use.like}
    return found if job.model_id is None else found | {session.get_one(ModelRow, job.model_id).dataset_id}


def is_gone(session: Session, job: JobRow) -> bool:
    """Whether the job is a use of which a data set was deleted or erased, or the release was deleted."""
    use = use_of(job)
    if use is None:
        return False
    rows = [session.get_one(DatasetRow, each) for each in datasets_of(session, job)]
    release = None if use.release_id is None else session.get_one(ReleaseRow, use.release_id)
    erased = any(row.deleted_at is not None or row.records_erased_at is not None for row in rows)
    return erased or (release is not None and release.deleted_at is not None)
