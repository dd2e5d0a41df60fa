"""Data sets: read from an upload, corrected, deleted."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from sqlalchemy.orm import Session

from app import store, views
from app.auth import require_valid
from app.blobs import Stored
from app.config import Settings
from app.context import Backend, Caller
from app.data_keys import dataset_key
from app.db import reading, transaction
from app.errors import ConflictError, NotFoundError
from app.idempotency import Answer, Turn, fingerprint, once
from app.intake.model import Intake, IntakeLimits, ReadOptions
from app.intake.run import ingest_in_child
from app.jobs import people
from app.jobs.kept import kept_of_deleted
from app.orm import DatasetRow, JobRow, new_id, now
from app.services import quotas
from app.services.releases import erase_results, sign_decision
from app.states import JobKind, JobState, ReleaseState, Scope, move_release
from app.trail import Kind, record
from app.uploads import Upload, require_file
from app.wire import Dataset, Page

INTAKE_SECONDS = 1_800.0
DELETED_REASON = "the data set was deleted before a decision"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """A received file with what was said of it."""

    upload: Upload
    name: str
    read: ReadOptions
    retention_days: int | None = None
    """How many days after the training the records go; None where they stay."""
    gone: threading.Event | None = None
    """Set once nobody waits for the result any more."""
    origin: Mapping[str, str] = field(default_factory=dict)
    """The connection and the table that it was read from; nothing for an upload."""
    notes: tuple[str, ...] = ()
    """What a person has to know of how it was read."""

    def said(self) -> tuple[str | int | None, ...]:
        """All that was said beside file and name, for the fingerprint of the request."""
        kept = () if self.retention_days is None else ("retention_days", self.retention_days)
        return (*self.read.said(), *kept)


@dataclass(frozen=True, kw_only=True, slots=True)
class NewDataset:
    """A table that was read and is not stored yet."""

    id: str
    name: str
    upload: Upload
    read: ReadOptions
    """What was said of how to read it."""
    intake: Intake
    compared: people.Compared
    origin: Mapping[str, str] = field(default_factory=dict)
    retention_days: int | None = None


def create(backend: Backend, caller: Caller, sent: Sent, key: str | None) -> Answer:
    """201 and the new data set, or the answer that was given to the same upload before."""
    request = fingerprint("POST /v1/datasets", sent.upload.sha256, sent.name, *sent.said())
    with once(backend.engine, caller.tenant_id, key, request) as turn:
        if turn.before is not None:
            return with_preview(backend, caller, turn.before)
        return create_in(turn, backend, caller, sent)


def create_in(turn: Turn, backend: Backend, caller: Caller, sent: Sent) -> Answer:
    """201 and the new data set, in the turn of its request."""
    quotas.require_room_for_bytes(backend, caller, sent.upload.bytes)
    new = read_upload(backend, caller, sent)
    with stored(backend, caller, new, keep_upload=True) as row, transaction(backend.engine) as session:
        quotas.require_room_for_dataset(session, backend.settings, caller.tenant_id, row.rows)
        add(session, caller, row, new)
        body = views.dataset(row).model_dump(mode="json")
        answer = turn.record(session, Answer(status=201, body=body, location=f"/v1/datasets/{row.id}"))
    return with_preview(backend, caller, answer)


def with_preview(backend: Backend, caller: Caller, answer: Answer) -> Answer:
    """The answer with the first records, which are cells of the table and therefore not kept with it."""
    try:
        return replace(answer, body=get(backend, caller, answer.body["id"]).model_dump(mode="json"))
    except NotFoundError:
        return answer  # deleted since


def read_upload(backend: Backend, caller: Caller, sent: Sent) -> NewDataset:
    """The upload as a table, read in a child process, and compared with the tenant's others.

    Raises an IntakeError where it is not one, and UnauthorizedError where the caller has lost key, account or session
    while the file came or was read, either of which takes long.
    """
    upload = sent.upload
    require_file(upload)
    require_valid(backend.engine, caller)
    intake = ingest_in_child(
        backend.readers,
        upload.path,
        upload.folder / "table.parquet",
        filename=upload.filename or sent.name,
        limits=limits_of(backend.settings),
        options=sent.read,
        key=people.key_of(backend.engine, backend.blobs.keys.master, caller.tenant_id),
        timeout_s=INTAKE_SECONDS,
        cancel=sent.gone,
    )
    require_valid(backend.engine, caller)
    compared = people.compare(backend.engine, caller.tenant_id, intake.sketches, upload_sha256=upload.sha256)
    return NewDataset(
        id=new_id("dataset"),
        name=sent.name,
        upload=upload,
        read=sent.read,
        intake=replace(intake, warnings=(*sent.notes, *intake.warnings)),
        compared=compared,
        origin=sent.origin,
        retention_days=sent.retention_days,
    )


def limits_of(settings: Settings) -> IntakeLimits:
    """How much one table may be."""
    return IntakeLimits(
        max_bytes=settings.max_upload_bytes,
        max_decompressed_bytes=settings.max_decompressed_bytes,
        max_columns=settings.max_columns,
        max_rows=settings.max_rows,
        max_cpu_seconds=settings.intake_cpu_seconds,
    )


def add(session: Session, caller: Caller, row: DatasetRow, new: NewDataset) -> None:
    """Add the row of a new table, and remember with which others it shares people."""
    session.add(row)
    session.flush()
    people.remember(session, row, new.intake.sketches, new.compared)
    record(
        session,
        row.tenant_id,
        caller.actor,
        Kind.DATASET_CREATED,
        row.id,
        rows=row.rows,
        columns=len(row.table_schema),
        upload_bytes=row.upload_bytes,
        upload_sha256=row.upload_sha256,
        table_sha256=row.table_sha256,
        **new.origin,
        retention_days=row.retention_days,
    )


def note_read(backend: Backend, caller: Caller, row: DatasetRow, purpose: str) -> None:
    """Write into the audit log, before it happens, that real records of the data set are read."""
    with transaction(backend.engine) as session:
        record(session, row.tenant_id, caller.actor, Kind.DATASET_READ, row.id, purpose=purpose)


@contextmanager
def stored(backend: Backend, caller: Caller, new: NewDataset, *, keep_upload: bool = False) -> Iterator[DatasetRow]:
    """The row of a table whose files are stored. They are removed again where the block raises.

    The upload itself is kept where it may be read anew, see `app.services.rereading`.
    """
    row = DatasetRow(
        id=new.id,
        tenant_id=caller.tenant_id,
        name=new.name,
        upload_sha256=new.upload.sha256,
        upload_bytes=new.upload.bytes,
        retention_days=new.retention_days,
    )
    with table_stored(backend, row, new, folder_of(caller.tenant_id, new.id)):
        if keep_upload:
            backend.blobs.put(upload_key(caller.tenant_id, new.id), new.upload.path)
        yield row


@contextmanager
def table_stored(backend: Backend, row: DatasetRow, new: NewDataset, folder: str) -> Iterator[None]:
    """Inside of the block the row is that of the new table, whose files are stored in `folder`.

    They are removed again where the block raises.
    """
    intake = new.intake
    try:
        table = backend.blobs.put(f"{folder}/table.parquet", new.upload.folder / "table.parquet")
        preview = backend.blobs.put_bytes(f"{folder}/preview.json", json.dumps(intake.preview).encode())
        row.rows = intake.rows
        row.table_schema = intake.schema.to_json()
        row.source = {
            "format": intake.format.value,
            "encoding": intake.encoding,
            "delimiter": intake.delimiter,
            "warnings": list(intake.warnings),
            "filename": new.upload.filename,
            "reading": new.read.to_json(),
        }
        row.table_key, row.table_sha256 = table.key, table.sha256
        row.preview_key, row.preview_sha256 = preview.key, preview.sha256
        yield
    except BaseException:
        backend.blobs.delete_prefix(folder)
        raise


def described(backend: Backend, caller: Caller, dataset_id: str) -> Dataset:
    """The data set, without a record of it."""
    with reading(backend.engine) as session:
        return views.dataset(store.dataset(session, caller.tenant_id, dataset_id))


def get(backend: Backend, caller: Caller, dataset_id: str) -> Dataset:
    """The data set; with its first records for those who may send data, since they are real people's."""
    with reading(backend.engine) as session:
        row = store.dataset(session, caller.tenant_id, dataset_id)
    shown = None
    if caller.may(Scope.WRITE) and row.preview_sha256 is not None and row.records_erased_at is None:
        note_read(backend, caller, row, "preview")
        shown = json.loads(backend.blobs.read(row.preview_key, row.preview_sha256))
    return views.dataset(row, preview=shown)


def listed(backend: Backend, caller: Caller, cursor: str | None, limit: int) -> Page[Dataset]:
    """The tenant's data sets, newest first."""
    with reading(backend.engine) as session:
        return views.page(store.datasets(session, caller.tenant_id, cursor, limit + 1), limit, views.dataset)


def erase_upload(backend: Backend, tenant_id: str, dataset_id: str) -> None:
    """Erase the uploaded bytes, whose table is kept: a data set that has a job is not read anew."""
    backend.blobs.delete(upload_key(tenant_id, dataset_id))


def expect_unchanged(current: DatasetRow, table_key: str) -> None:
    """Raises ConflictError where the table of the data set is another one by now."""
    if current.table_key != table_key:
        raise ConflictError("expected a data set that nobody else reads anew, got one that was read meanwhile")


def expect_unused(session: Session, caller: Caller, dataset_id: str) -> None:
    """Raises ConflictError where a job has used the data set."""
    used = (JobState.FINISHED.value, *store.ACTIVE)
    if store.jobs_of_dataset(session, caller.tenant_id, dataset_id, used):
        raise ConflictError("expected a data set that no job has used yet, got one that has jobs; upload it again")


def table_of(row: DatasetRow) -> Stored:
    """The stored table of a data set."""
    return Stored(key=row.table_key, sha256=row.table_sha256)


def delete(backend: Backend, caller: Caller, dataset_id: str) -> None:
    """Delete the table, its preview, its models and all files of its jobs, except reports and released tables.

    With a released table its division of people stays, one byte for each record and no value: where the same table is
    uploaded again, the next one is attacked together with it. The sketches of the records stay, keyed hashes and no
    value: a table with some of the same people is told by them. Releases that wait for a decision are rejected. Raises
    ConflictError while a job runs. Deleting again finishes what an interrupted deletion has left.
    """
    with transaction(backend.engine) as session:
        row = store.dataset_even_if_deleted(session, caller.tenant_id, dataset_id)
        if store.jobs_of_dataset(session, caller.tenant_id, dataset_id, store.ACTIVE):
            raise ConflictError("expected a data set that no job works on, got one with a queued or running job")
        for release in store.releases_of_dataset(session, caller.tenant_id, dataset_id, ReleaseState.IN_REVIEW):
            release.state = move_release(ReleaseState(release.state), ReleaseState.REJECTED).value
            sign_decision(release, caller, DELETED_REASON)
            record(session, row.tenant_id, caller.actor, Kind.RELEASE_DECIDED, release.id, state=release.state)
        row.deleted_at = row.deleted_at or now()
        record(session, row.tenant_id, caller.actor, Kind.DATASET_DELETED, row.id)
        jobs = list(store.jobs_of_dataset(session, caller.tenant_id, dataset_id))
        keep = kept_of_deleted(session, dataset_id)
    backend.blobs.erase(dataset_key(caller.tenant_id, dataset_id))
    backend.blobs.delete_prefix(folder_of(caller.tenant_id, dataset_id))
    for job in jobs:
        if job.kind == JobKind.USE:
            erase_results(backend, caller, job)
        else:
            backend.blobs.delete_prefix(_job_folder(job), keep=keep)


def folder_of(tenant_id: str, dataset_id: str) -> str:
    """Under which prefix the files of a data set are stored."""
    return f"{tenant_id}/datasets/{dataset_id}"


def upload_key(tenant_id: str, dataset_id: str) -> str:
    """Where the bytes are that were uploaded, as long as they are kept."""
    return f"{folder_of(tenant_id, dataset_id)}/upload"


def _job_folder(job: JobRow) -> str:
    return f"{job.tenant_id}/jobs/{job.id}"
