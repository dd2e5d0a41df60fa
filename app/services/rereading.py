"""An upload that is read anew in another way, which repairs a misreading without sending the file again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from threading import Event
from typing import Any

from sqlalchemy.orm import Session

from app import store
from app.context import Backend, Caller
from app.db import reading, transaction
from app.errors import ConflictError, NotFoundError
from app.intake.model import ReadOptions
from app.jobs import people
from app.orm import DatasetRow
from app.services.datasets import (
    Sent,
    expect_unchanged,
    folder_of,
    get,
    note_read,
    read_upload,
    table_stored,
    upload_key,
)
from app.trail import Kind, record
from app.uploads import Upload, scratch_folder
from app.wire import Dataset

READ = ("rows", "table_schema", "source", "table_key", "table_sha256", "preview_key", "preview_sha256")
"""What a reading gives of a data set's row."""


def read_anew(backend: Backend, caller: Caller, dataset_id: str, said: Mapping[str, Any], gone: Event) -> Dataset:
    """The data set after its upload was read anew, with what is said now in place of what was said of it before.

    The schema is proposed anew. Raises ConflictError where the data set has a job or the upload is not kept, and
    an IntakeError, with the data set as it was, where the file cannot be read so.
    """
    with reading(backend.engine) as session:
        row = store.records(session, caller.tenant_id, dataset_id)
        _expect_no_job(session, caller, dataset_id)
    read = ReadOptions(**{**row.source.get("reading", {}), **said})
    note_read(backend, caller, row, "reading anew")
    with scratch_folder(backend.settings.scratch) as folder:
        upload = _kept_upload(backend, row, folder)
        new = read_upload(backend, caller, Sent(upload=upload, name=row.name, read=read, gone=gone))
        before = (row.table_key, row.preview_key)
        with (
            table_stored(backend, row, new, f"{folder_of(caller.tenant_id, dataset_id)}/{new.id}"),
            transaction(backend.engine) as session,
        ):
            people.alone(session, caller.tenant_id)  # before the data set, as an upload that shares people with it
            current = store.records(session, caller.tenant_id, dataset_id, lock=True)
            expect_unchanged(current, before[0])
            _expect_no_job(session, caller, dataset_id)
            for name in READ:
                setattr(current, name, getattr(row, name))
            people.remember(session, current, new.intake.sketches, new.compared)
            sha256 = row.table_sha256
            record(session, row.tenant_id, caller.actor, Kind.DATASET_READ_ANEW, row.id, table_sha256=sha256)
    for key in before:
        backend.blobs.delete(key)
    return get(backend, caller, dataset_id)


def _expect_no_job(session: Session, caller: Caller, dataset_id: str) -> None:
    """Raises ConflictError where a job was sent, also one that has ended: the upload is nobody's from then on."""
    if store.jobs_of_dataset(session, caller.tenant_id, dataset_id):
        raise ConflictError("expected a data set without jobs, got one that has some; upload the file again")


def _kept_upload(backend: Backend, row: DatasetRow, folder: Path) -> Upload:
    """The bytes that were uploaded. Raises ConflictError where they are not kept any more."""
    try:
        path = backend.blobs.fetch(upload_key(row.tenant_id, row.id), folder / "upload", row.upload_sha256)
    except NotFoundError:
        raise ConflictError(
            "expected a data set whose upload is kept, it is erased once a job is sent; upload the file again"
        ) from None
    return Upload(
        folder=folder,
        path=path,
        filename=row.source.get("filename"),
        bytes=row.upload_bytes,
        sha256=row.upload_sha256,
        texts={},
    )
