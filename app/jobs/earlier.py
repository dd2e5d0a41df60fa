"""What was released before from some of the same people: whoever attacks a new table may hold all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.jobs.people import sharing_people
from app.orm import DatasetRow, JobRow, ModelRow, ReleaseRow
from app.pipeline import earlier_assignment, earlier_synthetic, earlier_table
from app.states import GONE_OUT

Released = tuple[ReleaseRow, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Earlier:
    """The released tables from data sets that share people with a job's, oldest first, but for the job's own."""

    fitting: Released
    """From the same stored table, read by the same schema: they can be attacked together with the job's."""
    overlapping: Released
    """From another table with the same columns, which is still there. Records that are equal in both tell whom of the
    job's people its generator was trained on; of records that were changed nothing tells it."""
    apart: Released
    """All others: read by another schema, or a table is deleted. Nothing tells which of its records are the job's."""

    def __len__(self) -> int:
        return len(self.fitting) + len(self.overlapping) + len(self.apart)


def released_before(session: Session, job: JobRow, *, lock: bool = False) -> Earlier:
    """What was released from the people of a job, whichever upload of the tenant they came with, deleted ones included.

    With `lock` nothing further is released from them until the transaction ends.
    """
    dataset = session.get_one(DatasetRow, job.dataset_id)
    if lock:
        # whoever releases takes the same locks in the same order
        session.execute(sharing_people(dataset).order_by(DatasetRow.id).with_for_update()).all()
    found = session.execute(
        select(ReleaseRow, DatasetRow)
        .join(DatasetRow, DatasetRow.id == ReleaseRow.dataset_id)
        .where(ReleaseRow.dataset_id.in_(sharing_people(dataset)), ReleaseRow.tenant_id == job.tenant_id)
        .where(ReleaseRow.state.in_(GONE_OUT), ReleaseRow.job_id != job.id)
        .order_by(ReleaseRow.id)
    )
    released = [(release, "apart" if release.deleted_at else _place(other, dataset)) for release, other in found]
    places = ("fitting", "overlapping", "apart")
    return Earlier(**{place: tuple(release for release, its in released if its == place) for place in places})


def _place(other: DatasetRow, dataset: DatasetRow) -> str:
    if other.table_schema != dataset.table_schema:
        return "apart"
    if other.table_sha256 == dataset.table_sha256:
        return "fitting"
    return "overlapping" if other.deleted_at is None and other.records_erased_at is None else "apart"


def inputs_of_earlier(session: Session, earlier: Earlier) -> Mapping[str, Mapping[str, str]]:
    """Where the earlier tables are, and the sealed splits of whom their generators were trained on, by artifact
    name.
    """
    inputs: dict[str, Mapping[str, str]] = {}
    for number, release in enumerate((*earlier.fitting, *earlier.overlapping), start=1):
        split = session.get_one(JobRow, session.get_one(ModelRow, release.model_id).job_id).artifacts["assignment"]
        inputs[earlier_synthetic(number)] = {"key": release.parquet_key, "sha256": release.parquet_sha256}
        inputs[earlier_assignment(number)] = {"key": split["key"], "sha256": split["sha256"]}
        if release in earlier.overlapping:
            table = session.get_one(DatasetRow, release.dataset_id)
            inputs[earlier_table(number)] = {"key": table.table_key, "sha256": table.table_sha256}
    return inputs
