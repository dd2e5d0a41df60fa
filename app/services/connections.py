"""Databases and buckets of a tenant: registered by its administrators, read from, and written to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app import store
from app.auth import require_valid
from app.config import Settings
from app.context import Backend, Caller
from app.databases import allowed
from app.databases.bucket import Bucket
from app.databases.errors import SourceError
from app.databases.model import PORTS, DatabaseKind, Server, TableName
from app.databases.run import put_in_child, read_in_child, write_in_child
from app.db import reading, transaction
from app.errors import ConflictError, NotFoundError, NotReleasedError
from app.idempotency import Answer, fingerprint, once
from app.intake.errors import IntakeCancelledError
from app.intake.model import ReadOptions
from app.orm import ConnectionRow, ReleaseRow, new_id
from app.services import datasets, quotas
from app.services.releases import not_released
from app.states import ReleaseState
from app.trail import Fact, Kind, record
from app.uploads import Upload, clean_name, scratch_folder
from app.wire_connections import (
    BucketPlace,
    Connection,
    Connections,
    DatabasePlace,
    Delivery,
    DeliveryRequest,
    NewConnectionRequest,
    TableRequest,
)
from app.wrapped import connection_secret, wrap_connection

MOST = 100
CHUNK = 1 << 20
LOOK_SECONDS = 0.5
"""How often a delivery looks whether its release was withdrawn."""


def create(backend: Backend, caller: Caller, request: NewConnectionRequest) -> Connection:
    """A connection, whose secret is shown to nobody from now on.

    Raises HostNotAllowedError where the installation does not list the host, ConflictError where there are MOST.
    """
    _expect_allowed(backend.settings, request)
    connection_id = new_id("connection")
    secret = wrap_connection(backend.blobs.keys.master, connection_id, request.secret)
    with transaction(backend.engine) as session:
        quotas.hold(session, caller.tenant_id)
        mine = select(func.count()).select_from(ConnectionRow).where(ConnectionRow.tenant_id == caller.tenant_id)
        if (session.scalar(mine) or 0) >= MOST:
            raise ConflictError(f"expected at most {MOST} connections, got one more; delete one")
        row = ConnectionRow(
            id=connection_id,
            tenant_id=caller.tenant_id,
            name=request.name,
            kind=request.place.kind,
            place=request.place.model_dump(mode="json"),
            secret=secret,
            writable=request.writable,
        )
        session.add(row)
        session.flush()
        facts: dict[str, Fact] = {"place": _shown(request.place), "writable": row.writable}
        record(session, caller.tenant_id, caller.actor, Kind.CONNECTION_CREATED, row.id, **facts)
        return _view(row)


def listed(backend: Backend, caller: Caller) -> Connections:
    """All connections of the tenant, oldest first."""
    with reading(backend.engine) as session:
        mine = select(ConnectionRow).where(ConnectionRow.tenant_id == caller.tenant_id)
        return Connections(items=[_view(row) for row in session.scalars(mine.order_by(ConnectionRow.id))])


def delete(backend: Backend, caller: Caller, connection_id: str) -> None:
    """Delete a connection, with its secret. Raises NotFoundError where the tenant has none of this id."""
    with transaction(backend.engine) as session:
        row = _find(session, caller, connection_id)
        record(session, caller.tenant_id, caller.actor, Kind.CONNECTION_DELETED, row.id)
        session.delete(row)


def read_dataset(
    backend: Backend,
    caller: Caller,
    connection_id: str,
    request: TableRequest,
    key: str | None = None,
    gone: Event | None = None,
) -> Answer:
    """201 and the data set that a table of the database has become, or the answer to the same request before.

    Raises a SourceError where the table cannot be read, and what `datasets.create` raises. Nothing is left then.
    """
    asked = fingerprint("POST connection datasets", connection_id, request.model_dump())
    with reading(backend.engine) as session:
        _find(session, caller, connection_id)
    with once(backend.engine, caller.tenant_id, key, asked) as turn:
        if turn.before is not None:
            return datasets.with_preview(backend, caller, turn.before)
        quotas.require_room_for_bytes(backend, caller, 0)
        table = TableName(name=request.table, schema=request.schema_name)
        with transaction(backend.engine) as session:
            row = _find(session, caller, connection_id)
            if row.writable or row.kind == "s3":
                raise ConflictError("expected a connection to a database that tables are read from, got another one")
            record(session, caller.tenant_id, caller.actor, Kind.CONNECTION_READ, row.id, table=str(table))
            server = _server(backend, row)
        with scratch_folder(backend.settings.scratch) as folder:
            path = folder / "upload"
            notes = read_in_child(
                backend.readers,
                server,
                table,
                path,
                limits=datasets.limits_of(backend.settings),
                seconds=60 * backend.settings.source_minutes,
                cancel=gone,
            )
            sent = datasets.Sent(
                upload=_upload(path, f"{table.name}.parquet"),
                name=request.name or clean_name(table.name) or "table",
                read=ReadOptions(),
                gone=gone,
                retention_days=request.retention_days,
                origin={"connection": connection_id, "table": str(table)},
                notes=notes,
            )
            return datasets.create_in(turn, backend, caller, sent)


def deliver(backend: Backend, caller: Caller, release_id: str, request: DeliveryRequest) -> Delivery:
    """Write a released table into a new table of a database, or as a new file into a bucket: the whole or nothing.

    Raises NotReleasedError, also where the release is withdrawn meanwhile; ConflictError where the connection may not
    be written to, TableExistsError where there is one of this name, and other SourceErrors.
    """
    table = TableName(name=request.table, schema=request.schema_name)
    with transaction(backend.engine) as session:
        connection = _find(session, caller, request.connection_id)
        release = store.release(session, caller.tenant_id, release_id)
        if release.state != ReleaseState.RELEASED:
            raise not_released(release)
        if not connection.writable:
            raise ConflictError("expected a connection that was registered as writable, got one that is read from")
        facts = {"connection": connection.id, "table": str(table)}
        record(session, caller.tenant_id, caller.actor, Kind.RELEASE_DELIVERED, release.id, **facts)
        key, sha256, rows = release.parquet_key, release.parquet_sha256, release.rows
        session.expunge(connection)
    require_valid(backend.engine, caller)
    with _while_released(backend, caller, release_id) as withdrawn, scratch_folder(backend.settings.scratch) as folder:
        path = backend.blobs.fetch(key, folder / "table.parquet", sha256)
        if connection.kind == "s3":
            _put(backend, connection, f"{request.table}.parquet", path, withdrawn)
        else:
            rows = write_in_child(
                backend.readers,
                _server(backend, connection),
                table,
                path,
                limits=datasets.limits_of(backend.settings),
                seconds=60 * backend.settings.source_minutes,
                cancel=withdrawn,
            )
    return Delivery(release_id=release_id, connection_id=connection.id, table=str(table), rows=rows)


@contextmanager
def _while_released(backend: Backend, caller: Caller, release_id: str) -> Iterator[Event]:
    """An event that is set within a moment of the release being withdrawn. Raises NotReleasedError then, at the end.

    Between a last look and the end of the delivery there is a moment in which nobody can take it back: whoever asked
    for it is told that the table has gone out.
    """
    withdrawn, over, finished = Event(), Event(), False

    def look() -> ReleaseRow:
        with reading(backend.engine) as session:
            row = store.release(session, caller.tenant_id, release_id)
            if row.state != ReleaseState.RELEASED:
                withdrawn.set()
            session.expunge(row)
            return row

    def watch() -> None:
        while not withdrawn.is_set() and not over.wait(LOOK_SECONDS):
            with suppress(SQLAlchemyError, NotFoundError):
                look()

    watching = Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield withdrawn
        finished = True
    except IntakeCancelledError:
        pass
    finally:
        over.set()
        watching.join()
    row = look()
    if withdrawn.is_set():
        refused = not_released(row)
        gone_out = "The table was delivered before that could be stopped: delete it there. " if finished else ""
        raise NotReleasedError(f"{gone_out}{refused.detail}", members=refused.members)


def _find(session: Session, caller: Caller, connection_id: str) -> ConnectionRow:
    row = session.get(ConnectionRow, connection_id) if connection_id.isprintable() else None
    if row is None or row.tenant_id != caller.tenant_id:
        raise NotFoundError("expected the id of one of the tenant's connections, got another one")
    return row


def _expect_allowed(settings: Settings, request: NewConnectionRequest) -> None:
    """Raises HostNotAllowedError. What a name stands for is looked at whenever a connection is made."""
    listed_places = allowed.entries(settings.connections_allowed)
    if isinstance(request.place, BucketPlace):
        allowed.expect_origin(listed_places, f"s3://{request.place.bucket}")
        if request.place.endpoint is not None:
            allowed.expect_origin(listed_places, request.place.endpoint)
    else:
        allowed.expect_listed(listed_places, _at(request.place, ""))


def _server(backend: Backend, row: ConnectionRow) -> Server:
    """The server to connect to now, whose address was looked at. Raises HostNotAllowedError and MasterKeyError."""
    settings, password = backend.settings, _secret(backend, row)
    server = _at(DatabasePlace.model_validate(row.place), password)
    return allowed.pinned(allowed.entries(settings.connections_allowed), server)


def _secret(backend: Backend, row: ConnectionRow) -> str:
    return connection_secret(backend.blobs.keys.master, row.id, row.secret)


def _at(place: DatabasePlace, password: str) -> Server:
    kind = DatabaseKind(place.kind)
    return Server(
        kind=kind,
        host=place.host,
        port=place.port or PORTS[kind],
        database=place.database,
        user=place.user,
        password=password,
        tls=place.tls,
    )


def _put(backend: Backend, row: ConnectionRow, name: str, path: Path, withdrawn: Event) -> None:
    """Put a file into a bucket under a name that is not there yet."""
    place = BucketPlace.model_validate(row.place)
    listed_places = allowed.entries(backend.settings.connections_allowed)
    allowed.expect_origin(listed_places, f"s3://{place.bucket}")
    if place.endpoint is not None:
        allowed.expect_origin(listed_places, place.endpoint)
    if "/" in name or name.startswith("."):
        raise SourceError("expected a name without slashes that begins with no dot, got another one")
    bucket = Bucket(secret=_secret(backend, row), **place.model_dump(exclude={"kind"}))
    limits, seconds = datasets.limits_of(backend.settings), 60 * backend.settings.source_minutes
    put_in_child(backend.readers, bucket, name, path, limits=limits, seconds=seconds, cancel=withdrawn)


def _upload(path: Path, filename: str) -> Upload:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return Upload(
        folder=path.parent,
        path=path,
        filename=clean_name(filename),
        bytes=path.stat().st_size,
        sha256=digest.hexdigest(),
        texts={},
    )


def _shown(place: DatabasePlace | BucketPlace) -> str:
    if isinstance(place, BucketPlace):
        return f"s3://{place.bucket}"
    return f"{place.kind}://{place.host}:{place.port or PORTS[DatabaseKind(place.kind)]}/{place.database}"


def _view(row: ConnectionRow) -> Connection:
    return Connection.model_validate({name: getattr(row, name) for name in Connection.model_fields})
