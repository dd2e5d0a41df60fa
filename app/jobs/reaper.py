"""The one reaper: deletes every file whose owner is dead, gone or done with it. Real data must not outlive its use.

what                                owner                                   deleted
folders of uploads and attempts     the process that holds their lock       when it is dead
half-written files of the store     whoever writes to them                  ten minutes after the last byte
files of a data set                 its row                                 when it is deleted, or an hour after
                                                                            they came, if there never was one
the bytes of an upload              its data set                            once it has a job
files of a job                      the job, until it fails, is cancelled   a minute after that; what a finished job
                                    or its data set is deleted              did not publish at once

Of the store nothing of that is deleted where the database is not the one that knows its files.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.blobs import Blobs
from app.config import Settings
from app.db import reading, transaction
from app.jobs.installation import belong_together
from app.jobs.kept import kept_of_deleted
from app.orm import DatasetRow, JobRow, ReleaseRow, TenantRow, now
from app.scratch import sweep
from app.states import JobState
from app.trail import WORKER, Kind, record

STAGED_SECONDS = 600.0
UNOWNED = timedelta(hours=1)
"""An upload has its row so soon after its files at the latest."""
ENDED = timedelta(minutes=1)
DATASETS, JOBS = "datasets", "jobs"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reaped:
    """How many were deleted."""

    folders: int
    staged: int
    files: int


def reap(settings: Settings, database: Engine, blobs: Blobs, *, at: datetime | None = None) -> Reaped:
    """Delete what nobody owns, as of now or of the time `at`."""
    at = at or now()
    return Reaped(
        folders=sweep(settings),
        staged=blobs.discard_staged(STAGED_SECONDS),
        files=sum(blobs.delete_all(keys) for keys in _unowned(database, blobs, at)),
    )


def _unowned(database: Engine, blobs: Blobs, at: datetime) -> Iterator[set[str]]:
    """The keys of the files of the store that go, folder by folder.

    They are listed before their owners are asked: what comes later, for whatever use, is not among them.
    """
    folders: dict[tuple[str, str, str], datetime] = {}
    files: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for key, put in blobs.listed():
        place = tuple(key.split("/", 3)[:3])
        if len(place) == 3 and place[1] in {DATASETS, JOBS}:
            folder = (place[0], place[1], place[2])
            folders[folder] = max(folders.get(folder, put), put)
            files[folder].add(key)
    if folders and not belong_together(database, blobs, {tenant for tenant, _, _ in folders}):
        return
    for folder, newest in folders.items():
        with reading(database) as session:
            kept = _kept(session, folder, newest, at)
        if kept is not None and files[folder] - kept:
            _note(database, folder, len(files[folder] - kept))
            yield files[folder] - kept


def _note(database: Engine, folder: tuple[str, str, str], files: int) -> None:
    """Say in the audit log that files go, before they do; where the tenant was erased it says so already."""
    tenant_id, _, owner = folder
    with transaction(database) as session:
        if session.get(TenantRow, tenant_id) is not None:
            record(session, tenant_id, WORKER, Kind.FILES_REAPED, owner, files=files)


def _kept(session: Session, folder: tuple[str, str, str], newest: datetime, at: datetime) -> set[str] | None:
    """The keys to keep in a folder, or None where all are."""
    _, kind, owner = folder
    row = session.get(DatasetRow, owner) if kind == DATASETS else session.get(JobRow, owner)
    if row is None:
        return set() if newest < at - UNOWNED else None
    if isinstance(row, DatasetRow):
        return _kept_of_dataset(session, row)
    return _kept_of_job(session, row, at)


def _kept_of_dataset(session: Session, row: DatasetRow) -> set[str] | None:
    """The uploaded bytes may be read anew until a job is sent."""
    if row.deleted_at is not None:
        return set()
    has_job = session.scalar(select(JobRow.id).where(JobRow.dataset_id == row.id).limit(1)) is not None
    return {row.table_key, row.preview_key} if has_job else None


def _kept_of_job(session: Session, job: JobRow, at: datetime) -> set[str] | None:
    if job.state in {JobState.FAILED, JobState.CANCELLED}:
        return set() if (job.finished_at or at) < at - ENDED else None
    if job.state != JobState.FINISHED:
        return None
    if session.get_one(DatasetRow, job.dataset_id).deleted_at is not None:
        return kept_of_deleted(session, job.dataset_id)
    deleted = session.scalar(select(ReleaseRow).where(ReleaseRow.job_id == job.id, ReleaseRow.deleted_at.is_not(None)))
    gone = () if deleted is None else ("csv", "synthetic", "report", "page")
    return {artifact["key"] for name, artifact in job.artifacts.items() if name not in gone}
