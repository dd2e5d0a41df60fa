"""The one reaper: deletes every file whose owner is dead, gone or done with it. Real data must not outlive its use.

what                                owner                                   deleted
folders of uploads and attempts     the process that holds their lock       when it is dead
half-written files of the store     whoever writes to them                  ten minutes after the last byte
files of a data set                 its row                                 when it is deleted, or an hour after
                                                                            they came, if there never was one
the bytes of an upload              its data set                            once it has a job
files of a job                      the job, until it fails, is cancelled   a minute after that; what a finished job
                                    or its data set is deleted              did not publish at once
the result of a use                 all that it was made of                 when one of them is deleted, erased or
                                                                            withdrawn

requests about values of records    the day in which they count             after 24 hours
records of a data set               its row                                 so many days after its training as it says
data keys                           the data set, job or tenant             with the last file that was encrypted under
                                    that they are named after               them, see `app.data_keys`

Of the store nothing of that is deleted where the database is not the one that knows its files.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from app.blobs import Blobs
from app.config import DAY, Settings
from app.db import reading, transaction
from app.jobs.installation import belong_together
from app.jobs.kept import kept_of_deleted, kept_of_expired
from app.jobs.retention import expire
from app.orm import DatasetRow, JobRow, ReleaseRow, TableCheckRow, TenantRow, now
from app.pipeline import GIVEN_OUT
from app.scratch import sweep
from app.states import JobState
from app.trail import WORKER, Kind, record
from app.used import is_gone, uses_dataset

STAGED_SECONDS = 600.0
UNOWNED = timedelta(hours=1)
"""An upload has its row so soon after its files at the latest."""
SEEN_SECONDS = 240.0
"""And so soon after a worker has first seen its files without one, whatever the clocks say."""
ENDED = timedelta(minutes=1)
DATASETS, JOBS = "datasets", "jobs"
Folder = tuple[str, str, str]
"""Tenant, kind and id of the owner."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reaped:
    """How many were deleted."""

    folders: int
    staged: int
    files: int
    expired: int = 0
    """Data sets whose retention has ended."""
    keys: int = 0
    """Data keys that nothing needs any more."""


class Sightings:
    """Since when this process has seen what has no row, by a clock that only runs forward.

    The times of files alone would be wrong after a jump of a clock: an upload that is being stored has no row yet.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: dict[object, float] = {}
        self._now: dict[object, float] = {}

    def begin(self) -> None:
        """A sweep begins: what is not seen in it is forgotten."""
        self._since, self._now = self._now, {}

    def lasts(self, what: object) -> bool:
        """Whether it was seen without a row in the sweep before, SEEN_SECONDS ago or more."""
        self._now[what] = self._since.get(what, self._clock())
        return self._clock() - self._now[what] >= SEEN_SECONDS


def reap(
    settings: Settings, database: Engine, blobs: Blobs, *, at: datetime | None = None, seen: Sightings | None = None
) -> Reaped:
    """Delete what nobody owns, as of now or of the time `at`; with `seen`, what has no row at its second sight."""
    at = at or now()
    if seen is not None:
        seen.begin()
    expired = expire(database, at)
    _forget_checks(database, at)
    staged, found = blobs.discard_staged(STAGED_SECONDS), _found(blobs)
    files = keys = 0
    if not found.tenants or belong_together(database, blobs, found.tenants):
        keys = sum(_erase_if_unowned(database, blobs, name, made, at, seen) for name, made in found.keys.items())
        files = sum(blobs.delete_all(unowned) for unowned in _unowned(database, found, at, seen))
    return Reaped(folders=sweep(settings), staged=staged, files=files, expired=len(expired), keys=keys)


def _forget_checks(database: Engine, at: datetime) -> None:
    """Delete what counts for no request any more, also of tenants that send none."""
    with transaction(database) as session:
        session.execute(delete(TableCheckRow).where(TableCheckRow.at <= at - DAY))


@dataclass(frozen=True, slots=True)
class _Found:
    """What the store holds. It is listed before owners are asked: what comes later, for whatever use, is not in it."""

    newest: dict[Folder, datetime] = field(default_factory=dict)
    """When the newest file of each folder was put."""
    files: dict[Folder, set[str]] = field(default_factory=lambda: defaultdict(set))
    keys: dict[str, datetime] = field(default_factory=dict)
    """When each data key was made, by its name."""

    @property
    def tenants(self) -> set[str]:
        """Whose all that is."""
        return {tenant for tenant, _, _ in self.newest} | {name.partition("/")[0] for name in self.keys}


def _found(blobs: Blobs) -> _Found:
    found = _Found(keys=dict(blobs.data_keys()))
    for key, put in blobs.listed():
        place = tuple(key.split("/", 3)[:3])
        if len(place) == 3 and place[1] in {DATASETS, JOBS}:
            folder = (place[0], place[1], place[2])
            found.newest[folder] = max(found.newest.get(folder, put), put)
            found.files[folder].add(key)
    return found


def _unowned(database: Engine, found: _Found, at: datetime, seen: Sightings | None) -> Iterator[set[str]]:
    """The keys of the files of the store that go, folder by folder."""
    for folder, newest in found.newest.items():
        with reading(database) as session:
            kept = kept_keys(session, folder, newest, at, seen)
        if kept is not None and found.files[folder] - kept:
            _note(database, folder, len(found.files[folder] - kept))
            yield found.files[folder] - kept


def _erase_if_unowned(
    database: Engine, blobs: Blobs, name: str, made: datetime, at: datetime, seen: Sightings | None
) -> bool:
    """Whether a data key was erased, for what it is named after is gone or needs it no more."""
    with reading(database) as session:
        unowned = _is_unowned(session, name.rpartition("/")[2], made, at, seen)
    if unowned:
        blobs.erase(name)
    return unowned


def _is_unowned(session: Session, owner: str, made: datetime, at: datetime, seen: Sightings | None) -> bool:
    dataset, job = session.get(DatasetRow, owner), session.get(JobRow, owner)
    if dataset is not None:
        return dataset.deleted_at is not None or dataset.records_erased_at is not None
    if job is not None:
        if job.state == JobState.FINISHED and is_gone(session, job):
            return True
        return _has_failed(job, at) or _deleted_release(session, job) is not None
    return session.get(TenantRow, owner) is None and _lasts(owner, made, at, seen)


def _lasts(what: object, since: datetime, at: datetime, seen: Sightings | None) -> bool:
    """Whether what has no row is so old that none will come."""
    return since < at - UNOWNED and (seen is None or seen.lasts(what))


def _has_failed(job: JobRow, at: datetime) -> bool:
    """Whether a job failed or was cancelled, a while ago."""
    return job.state in {JobState.FAILED, JobState.CANCELLED} and (job.finished_at or at) < at - ENDED


def _deleted_release(session: Session, job: JobRow) -> ReleaseRow | None:
    return session.scalar(select(ReleaseRow).where(ReleaseRow.job_id == job.id, ReleaseRow.deleted_at.is_not(None)))


def _note(database: Engine, folder: tuple[str, str, str], files: int) -> None:
    """Say in the audit log that files go, before they do; where the tenant was erased it says so already."""
    tenant_id, _, owner = folder
    with transaction(database) as session:
        if session.get(TenantRow, tenant_id) is not None:
            record(session, tenant_id, WORKER, Kind.FILES_REAPED, owner, files=files)


def kept_keys(
    session: Session, folder: Folder, newest: datetime, at: datetime, seen: Sightings | None
) -> set[str] | None:
    """The keys to keep in a folder, or None where all are."""
    _, kind, owner = folder
    row = session.get(DatasetRow, owner) if kind == DATASETS else session.get(JobRow, owner)
    if row is None:
        return set() if _lasts(folder, newest, at, seen) else None
    if isinstance(row, DatasetRow):
        return _kept_of_dataset(session, row)
    return _kept_of_job(session, row, at)


def _kept_of_dataset(session: Session, row: DatasetRow) -> set[str] | None:
    """The uploaded bytes may be read anew until a job is sent."""
    if row.deleted_at is not None or row.records_erased_at is not None:
        return set()
    has_job = (
        session.scalar(select(JobRow.id).where(JobRow.tenant_id == row.tenant_id, uses_dataset(row.id)).limit(1))
        is not None
    )
    return {row.table_key, row.preview_key} if has_job else None


def _kept_of_job(session: Session, job: JobRow, at: datetime) -> set[str] | None:
    if job.state in {JobState.FAILED, JobState.CANCELLED}:
        return set() if _has_failed(job, at) else None
    if job.state != JobState.FINISHED:
        return None
    if is_gone(session, job):
        return set()
    dataset = session.get_one(DatasetRow, job.dataset_id)
    if dataset.deleted_at is not None:
        return kept_of_deleted(session, job.dataset_id)
    if dataset.records_erased_at is not None:
        return kept_of_expired(session, job.dataset_id)
    gone = () if _deleted_release(session, job) is None else GIVEN_OUT
    return {artifact["key"] for name, artifact in job.artifacts.items() if name not in gone}
