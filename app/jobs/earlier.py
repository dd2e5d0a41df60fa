"""What was released before from the same data: whoever attacks a new table may hold all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.orm import DatasetRow, JobRow, ModelRow, ReleaseRow
from app.pipeline import earlier_assignment, earlier_synthetic
from app.states import ReleaseState


def released_before(session: Session, job: JobRow) -> Sequence[ReleaseRow]:
    """The released tables from the same records, oldest first, but for the job's own.

    The same records are those of the job's data set, and those of another upload of the same content that is read by
    the same schema. Deleted data sets do not count: the division of their people is gone.
    """
    dataset = session.get_one(DatasetRow, job.dataset_id)
    found = (
        select(ReleaseRow, DatasetRow.table_schema)
        .join(DatasetRow, DatasetRow.id == ReleaseRow.dataset_id)
        .where(ReleaseRow.tenant_id == job.tenant_id, DatasetRow.tenant_id == job.tenant_id)
        .where(ReleaseRow.state == ReleaseState.RELEASED.value, ReleaseRow.job_id != job.id)
        .where(DatasetRow.table_sha256 == dataset.table_sha256, DatasetRow.deleted_at.is_(None))
        .order_by(ReleaseRow.id)
    )
    return [release for release, schema in session.execute(found) if schema == dataset.table_schema]


def inputs_of_earlier(session: Session, job: JobRow) -> Mapping[str, Mapping[str, str]]:
    """Where the earlier tables are, and the sealed splits of those whom their generators learnt, by artifact name."""
    inputs: dict[str, Mapping[str, str]] = {}
    for number, release in enumerate(released_before(session, job), start=1):
        trained = session.get_one(JobRow, session.get_one(ModelRow, release.model_id).job_id)
        split = trained.artifacts["assignment"]
        inputs[earlier_synthetic(number)] = {"key": release.parquet_key, "sha256": release.parquet_sha256}
        inputs[earlier_assignment(number)] = {"key": split["key"], "sha256": split["sha256"]}
    return inputs
