"""The retention clock of data sets: real records go a number of days after the training that they were sent for.

The days begin when the last job that trains on the data set has ended, in whatever way, and with the upload where
there never was one: to impute it, or to adapt it or others to it, is to train on it. Sampling from the model and other
uses of it do not begin them anew. While a job waits or runs that is made of it, nothing goes.

What goes is all that is encrypted under the key of the data set: upload, table, preview, splits and models, in backups
too. Reports, releases and the division of people stay, and a release that waits may still be decided on.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Engine, and_, func, select
from sqlalchemy.orm import Session

from app.db import reading, transaction
from app.orm import DatasetRow, JobRow
from app.states import JobState
from app.trail import WORKER, Kind, record
from app.used import trains, uses_dataset

ACTIVE = (JobState.QUEUED.value, JobState.RUNNING.value)


def due_at(session: Session, dataset: DatasetRow) -> datetime | None:
    """When the records of the data set go; None where they stay, have gone, or a job waits or runs."""
    if dataset.retention_days is None or dataset.records_erased_at is not None or dataset.deleted_at is not None:
        return None
    own = and_(JobRow.tenant_id == dataset.tenant_id, uses_dataset(dataset.id))
    if session.scalar(select(JobRow.id).where(own, JobRow.state.in_(ACTIVE)).limit(1)) is not None:
        return None
    trained = select(func.max(JobRow.finished_at)).where(own, trains())
    return (session.scalar(trained) or dataset.created_at) + timedelta(days=dataset.retention_days)


def expire(database: Engine, at: datetime) -> list[str]:
    """The data sets whose records are due: from now on they count as erased. Their key and files are the reaper's."""
    with reading(database) as session:
        found = session.scalars(
            select(DatasetRow.id).where(
                DatasetRow.retention_days.is_not(None),
                DatasetRow.records_erased_at.is_(None),
                DatasetRow.deleted_at.is_(None),
            )
        ).all()
    return [dataset_id for dataset_id in found if _expire(database, dataset_id, at)]


def _expire(database: Engine, dataset_id: str, at: datetime) -> bool:
    with reading(database) as session:
        dataset = session.get(DatasetRow, dataset_id)
        if dataset is None or not _is_due(session, dataset, at):
            return False
    with transaction(database) as session:
        # whoever sends a job locks the data set as well, and finds it erased
        dataset = session.get(DatasetRow, dataset_id, with_for_update=True)
        if dataset is None or not _is_due(session, dataset, at):
            return False
        dataset.records_erased_at = at
        days = dataset.retention_days
        record(session, dataset.tenant_id, WORKER, Kind.DATASET_EXPIRED, dataset.id, retention_days=days)
        return True


def _is_due(session: Session, dataset: DatasetRow, at: datetime) -> bool:
    due = due_at(session, dataset)
    return due is not None and due <= at
