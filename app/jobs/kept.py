"""Which files outlive what they belong to."""

from __future__ import annotations

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import Session

from app.orm import JobRow, ModelRow, ReleaseRow, ReportRow
from app.states import GONE_OUT


def kept_of_deleted(session: Session, dataset_id: str) -> set[str]:
    """The keys of what stays of a deleted data set: its reports, the tables that have gone out, and who was learnt.

    The division of people, one byte for each record and no value, stays so that the same table uploaded again is
    attacked together with those that have gone out.
    """
    return _kept(session, dataset_id, ReleaseRow.state.in_(GONE_OUT))


def kept_of_expired(session: Session, dataset_id: str) -> set[str]:
    """The keys of what stays where the records of a data set went when its retention ended.

    Beside what stays of a deleted one, all tables that nobody has deleted: one that waits may still be decided on.
    """
    return _kept(session, dataset_id, true())


def _kept(session: Session, dataset_id: str, these: ColumnElement[bool]) -> set[str]:
    jobs = select(JobRow.id).where(JobRow.dataset_id == dataset_id)
    reports = session.scalars(select(ReportRow).where(ReportRow.job_id.in_(jobs), ReportRow.deleted_at.is_(None)))
    keep = {key for report in reports for key in (report.json_key, report.html_key)}
    releases = select(ReleaseRow).where(ReleaseRow.dataset_id == dataset_id, ReleaseRow.deleted_at.is_(None), these)
    for release in session.scalars(releases):
        trained = session.get_one(JobRow, session.get_one(ModelRow, release.model_id).job_id)
        split = trained.artifacts.get("assignment")
        keep |= {release.parquet_key, release.csv_key} | (set() if split is None else {split["key"]})
    return keep
