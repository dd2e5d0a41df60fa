"""What was released before from the same data: whoever attacks a new table may hold all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from app.orm import DatasetRow, JobRow, ModelRow, ReleaseRow
from app.pipeline import earlier_assignment, earlier_synthetic
from app.states import ReleaseState

Released = tuple[ReleaseRow, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Earlier:
    """The released tables from the records of a job, oldest first, but for the job's own."""

    fitting: Released
    """From the same stored table, read by the same schema: they can be attacked together with the job's."""
    apart: Released
    """From the same upload or table, but read otherwise. Nothing tells which of its records are which of the job's."""

    def __len__(self) -> int:
        return len(self.fitting) + len(self.apart)


def released_before(session: Session, job: JobRow, *, lock: bool = False) -> Earlier:
    """What was released from the job's records, whichever upload of the tenant they came with, deleted ones included.

    With `lock` nothing further is released from these records until the transaction ends.
    """
    dataset = session.get_one(DatasetRow, job.dataset_id)
    if lock:
        # whoever releases takes the same locks in the same order
        session.execute(same_records(dataset).order_by(DatasetRow.id).with_for_update()).all()
    found = session.execute(
        select(ReleaseRow, DatasetRow.table_sha256, DatasetRow.table_schema)
        .join(DatasetRow, DatasetRow.id == ReleaseRow.dataset_id)
        .where(ReleaseRow.dataset_id.in_(same_records(dataset)), ReleaseRow.tenant_id == job.tenant_id)
        .where(ReleaseRow.state == ReleaseState.RELEASED.value, ReleaseRow.job_id != job.id)
        .order_by(ReleaseRow.id)
    )
    own = (dataset.table_sha256, dataset.table_schema)
    released = [(release, (sha256, schema) == own) for release, sha256, schema in found]
    return Earlier(
        fitting=tuple(release for release, fits in released if fits),
        apart=tuple(release for release, fits in released if not fits),
    )


def same_records(dataset: DatasetRow) -> Select[str]:
    """The ids of the tenant's data sets from the same stored table or the same upload, this one and deleted ones too.

    The same file in another packing is another upload, and the same table.
    """
    same = or_(DatasetRow.table_sha256 == dataset.table_sha256, DatasetRow.upload_sha256 == dataset.upload_sha256)
    return select(DatasetRow.id).where(DatasetRow.tenant_id == dataset.tenant_id, same)


def inputs_of_earlier(session: Session, earlier: Earlier) -> Mapping[str, Mapping[str, str]]:
    """Where the earlier tables are, and the sealed splits of those whom their generators learnt, by artifact name."""
    inputs: dict[str, Mapping[str, str]] = {}
    for number, release in enumerate(earlier.fitting, start=1):
        split = session.get_one(JobRow, session.get_one(ModelRow, release.model_id).job_id).artifacts["assignment"]
        inputs[earlier_synthetic(number)] = {"key": release.parquet_key, "sha256": release.parquet_sha256}
        inputs[earlier_assignment(number)] = {"key": split["key"], "sha256": split["sha256"]}
    return inputs
