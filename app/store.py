"""All queries of the web process. Each sees the rows of one tenant; another tenant's ids are ids of nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TypeVar

from sqlalchemy import ColumnElement, Select, and_, select
from sqlalchemy.orm import Session

from app.errors import NotFoundError, RecordsErasedError
from app.orm import DatasetRow, JobEventRow, JobRow, Json, ModelRow, ReleaseRow, ReportRow
from app.states import JobState, ReleaseState
from app.task import NOTE
from app.used import uses_dataset, uses_release

Row = TypeVar("Row", DatasetRow, JobRow, ModelRow, ReportRow, ReleaseRow)
ACTIVE = (JobState.QUEUED.value, JobState.RUNNING.value)


def dataset(session: Session, tenant_id: str, dataset_id: str, *, lock: bool = False) -> DatasetRow:
    """The data set, unless it was deleted. With `lock` nobody else changes it until the transaction ends."""
    return _one(session, _dataset_query(tenant_id), DatasetRow, dataset_id, lock=lock)


def records(session: Session, tenant_id: str, dataset_id: str, *, lock: bool = False) -> DatasetRow:
    """The data set, whose records are still there. Raises RecordsErasedError where they are not."""
    row = dataset(session, tenant_id, dataset_id, lock=lock)
    if row.records_erased_at is not None:
        raise RecordsErasedError(
            "expected a data set whose records are kept, got one whose records were erased when its retention ended: "
            "upload the table again"
        )
    return row


def dataset_even_if_deleted(session: Session, tenant_id: str, dataset_id: str) -> DatasetRow:
    """The data set, deleted or not, locked until the transaction ends."""
    return _one(session, select(DatasetRow).where(DatasetRow.tenant_id == tenant_id), DatasetRow, dataset_id, lock=True)


def datasets(session: Session, tenant_id: str, cursor: str | None, limit: int) -> Sequence[DatasetRow]:
    """Up to `limit` data sets that are older than the cursor, newest first."""
    return _older(session, _dataset_query(tenant_id), DatasetRow, cursor, limit)


def dataset_names(session: Session, tenant_id: str, ids: Collection[str]) -> dict[str, str]:
    """The names of those of these data sets that were not deleted, by id."""
    query = _dataset_query(tenant_id).where(DatasetRow.id.in_(ids)).with_only_columns(DatasetRow.id, DatasetRow.name)
    return {row.id: row.name for row in session.execute(query)}


def unused_datasets(session: Session, tenant_id: str, limit: int) -> Sequence[DatasetRow]:
    """Up to `limit` data sets that no job is made of, newest first."""
    own = JobRow.tenant_id == tenant_id
    used = select(JobRow.id).where(own, uses_dataset(DatasetRow.id)).correlate(DatasetRow).exists()
    kept = DatasetRow.records_erased_at.is_(None)
    return _older(session, _dataset_query(tenant_id).where(~used, kept), DatasetRow, None, limit)


def job(session: Session, tenant_id: str, job_id: str, *, lock: bool = False) -> JobRow:
    """The job."""
    return _one(session, select(JobRow).where(JobRow.tenant_id == tenant_id), JobRow, job_id, lock=lock)


def jobs(
    session: Session, tenant_id: str, cursor: str | None, limit: int, states: Collection[str] | None = None
) -> Sequence[JobRow]:
    """Up to `limit` jobs, in these states or in any, that are older than the cursor, newest first."""
    query = select(JobRow).where(JobRow.tenant_id == tenant_id)
    if states is not None:
        query = query.where(JobRow.state.in_(states))
    return _older(session, query, JobRow, cursor, limit)


def jobs_of_dataset(
    session: Session, tenant_id: str, dataset_id: str, states: Collection[str] | None = None
) -> Sequence[JobRow]:
    """The jobs that are made of a data set, by its records or by its model, in these states or in all."""
    query = select(JobRow).where(JobRow.tenant_id == tenant_id, uses_dataset(dataset_id))
    return session.scalars(query if states is None else query.where(JobRow.state.in_(states))).all()


def jobs_of_release(session: Session, tenant_id: str, release_id: str, states: Collection[str]) -> Sequence[JobRow]:
    """The uses of the records of a release, in these states."""
    query = select(JobRow).where(JobRow.tenant_id == tenant_id, uses_release(release_id), JobRow.state.in_(states))
    return session.scalars(query).all()


def events(session: Session, tenant_id: str, job_id: str, after: int, limit: int) -> Sequence[JobEventRow]:
    """Up to `limit` events of a job that follow the event `after`, in order."""
    query = (
        select(JobEventRow)
        .where(JobEventRow.tenant_id == tenant_id, JobEventRow.job_id == job_id, JobEventRow.id > after)
        .order_by(JobEventRow.id)
        .limit(limit)
    )
    return session.scalars(query).all()


def figures(session: Session, tenant_id: str, job_id: str, limit: int) -> Sequence[Json]:
    """What the last `limit` events of a job's progress say, in order."""
    query = (
        select(JobEventRow.data)
        .where(JobEventRow.tenant_id == tenant_id, JobEventRow.job_id == job_id, JobEventRow.kind == "progress")
        .order_by(JobEventRow.id.desc())
        .limit(limit)
    )
    return list(reversed(session.scalars(query).all()))


def notes(session: Session, tenant_id: str, job_id: str) -> list[str]:
    """What is to be known of what a job has given, each note once however often it was tried."""
    query = (
        select(JobEventRow.data)
        .where(JobEventRow.tenant_id == tenant_id, JobEventRow.job_id == job_id, JobEventRow.kind == NOTE)
        .order_by(JobEventRow.id)
    )
    return list(dict.fromkeys(str(data["text"]) for data in session.scalars(query)))


def model(session: Session, tenant_id: str, model_id: str) -> ModelRow:
    """The model, unless its data set was deleted."""
    return _one(session, _model_query(tenant_id), ModelRow, model_id)


def models(session: Session, tenant_id: str, cursor: str | None, limit: int) -> Sequence[ModelRow]:
    """Up to `limit` models that are older than the cursor, newest first."""
    return _older(session, _model_query(tenant_id), ModelRow, cursor, limit)


def report(session: Session, tenant_id: str, report_id: str) -> ReportRow:
    """The report."""
    return _one(
        session,
        select(ReportRow).where(ReportRow.tenant_id == tenant_id, ReportRow.deleted_at.is_(None)),
        ReportRow,
        report_id,
    )


def release(session: Session, tenant_id: str, release_id: str, *, lock: bool = False) -> ReleaseRow:
    """The release."""
    return _one(session, _release_query(tenant_id), ReleaseRow, release_id, lock=lock)


def release_of_report(session: Session, tenant_id: str, report_id: str) -> ReleaseRow | None:
    """The release that rests on a report."""
    return session.scalar(_release_query(tenant_id).where(ReleaseRow.report_id == report_id).limit(1))


def releases(
    session: Session, tenant_id: str, cursor: str | None, limit: int, state: ReleaseState | None = None
) -> Sequence[ReleaseRow]:
    """Up to `limit` releases, in this state or in any, that are older than the cursor, newest first."""
    query = _release_query(tenant_id)
    if state is not None:
        query = query.where(ReleaseRow.state == state.value)
    return _older(session, query, ReleaseRow, cursor, limit)


def releases_of_dataset(session: Session, tenant_id: str, dataset_id: str, state: ReleaseState) -> Sequence[ReleaseRow]:
    """The releases in this state that come from a data set; nobody decides on them until the transaction ends."""
    query = select(ReleaseRow).where(
        ReleaseRow.tenant_id == tenant_id, ReleaseRow.dataset_id == dataset_id, ReleaseRow.state == state.value
    )
    return session.scalars(query.with_for_update()).all()


def _dataset_query(tenant_id: str) -> Select[DatasetRow]:
    return select(DatasetRow).where(DatasetRow.tenant_id == tenant_id, DatasetRow.deleted_at.is_(None))


def _release_query(tenant_id: str) -> Select[ReleaseRow]:
    return select(ReleaseRow).where(ReleaseRow.tenant_id == tenant_id, ReleaseRow.deleted_at.is_(None))


def _model_query(tenant_id: str) -> Select[ModelRow]:
    kept = and_(
        DatasetRow.id == ModelRow.dataset_id, DatasetRow.deleted_at.is_(None), DatasetRow.records_erased_at.is_(None)
    )
    return select(ModelRow).join(DatasetRow, kept).where(ModelRow.tenant_id == tenant_id)


def _one(session: Session, query: Select[Row], kind: type[Row], key: str, *, lock: bool = False) -> Row:
    query = query.where(_id(kind) == key)
    row = session.scalar(query.with_for_update() if lock else query) if _can_be_an_id(key) else None
    if row is None:
        raise NotFoundError(f"expected the id of one of the tenant's {kind.__tablename__}, got another one")
    return row


def _can_be_an_id(key: str) -> bool:
    """False for what no database takes for text: NUL, and halves of characters, which JSON can hold."""
    return "\0" not in key and not any("\ud800" <= character <= "\udfff" for character in key)


def _older(session: Session, query: Select[Row], kind: type[Row], cursor: str | None, limit: int) -> Sequence[Row]:
    older = query if cursor is None else query.where(_id(kind) < cursor)
    return session.scalars(older.order_by(_id(kind).desc()).limit(limit)).all()


def _id(kind: type[Row]) -> ColumnElement[str]:
    column: ColumnElement[str] = kind.__table__.c.id
    return column
