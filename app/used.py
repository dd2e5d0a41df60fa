"""Which data sets a job is made of, and whether they are still there: the result of a use holds cells of them."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.orm import DatasetRow, JobRow, ModelRow, ReleaseRow
from app.pipeline import TRAINING_USES
from app.states import JobKind, ReleaseState
from app.wire_jobs import KeptOptions, UseOptions


def use_of(job: JobRow) -> UseOptions | None:
    """What the job does with records; None where it synthesizes."""
    return KeptOptions.model_validate(job.options).use if job.kind == JobKind.USE else None


def part_of_release(use: UseOptions) -> str | None:
    """The release of which the result is a part, for whoever gets that; None where the result is real data."""
    return use.release_id if use.use == "coreset" else None


def datasets_of(session: Session, job: JobRow) -> set[str]:
    """The ids of the data sets whose cells the job reads, or whose model it draws from."""
    use = use_of(job)
    found = {job.dataset_id} if use is None or use.like is None else {job.dataset_id, use.like}
    return found if job.model_id is None else found | {session.get_one(ModelRow, job.model_id).dataset_id}


def uses_dataset(dataset_id: str | InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """That a job has the data set among its `datasets_of`, in a query of jobs."""
    models = select(ModelRow.id).where(ModelRow.dataset_id == dataset_id).correlate(DatasetRow)
    of_use = or_(JobRow.model_id.in_(models), JobRow.options["use"]["like"].as_string() == dataset_id)
    return or_(JobRow.dataset_id == dataset_id, and_(JobRow.kind == JobKind.USE.value, of_use))


def uses_release(release_id: str) -> ColumnElement[bool]:
    """That a job uses the records of a release, in a query of jobs."""
    of_release = JobRow.options["use"]["release_id"].as_string() == release_id
    return and_(JobRow.kind == JobKind.USE.value, of_release)


def trains() -> ColumnElement[bool]:
    """That a job trains on its data sets, in a query of jobs."""
    training_use = JobRow.options["use"]["use"].as_string().in_(TRAINING_USES)
    return or_(JobRow.kind == JobKind.SYNTHESIZE.value, and_(JobRow.kind == JobKind.USE.value, training_use))


def is_withdrawn(session: Session, job: JobRow) -> bool:
    """Whether the job uses the records of a release that was withdrawn. It is locked until the transaction ends."""
    use = use_of(job)
    if use is None or use.release_id is None:
        return False
    release = session.get_one(ReleaseRow, use.release_id, with_for_update=True, populate_existing=True)
    return release.state != ReleaseState.RELEASED


def is_gone(session: Session, job: JobRow) -> bool:
    """Whether the job is a use of which a data set was deleted or erased, or the release was withdrawn or deleted."""
    use = use_of(job)
    if use is None:
        return False
    rows = [session.get_one(DatasetRow, each) for each in datasets_of(session, job)]
    release = None if use.release_id is None else session.get_one(ReleaseRow, use.release_id)
    erased = any(row.deleted_at is not None or row.records_erased_at is not None for row in rows)
    ended = release is not None and (release.state != ReleaseState.RELEASED or release.deleted_at is not None)
    return erased or ended
