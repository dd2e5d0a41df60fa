"""The rows of the database: one mapped class per table. Every row belongs to a tenant, but for workers,
operators' keys and the installation.
"""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.names import folded
from app.states import Priority, Queue

Json = dict[str, Any]
ALL_QUEUES = ",".join(Queue)
RUNNING_JOBS = "tenant_running_jobs"
"""The one limit of a tenant that workers keep."""


class UtcDateTime(TypeDecorator[datetime]):
    """A point in time, stored and read back in UTC. SQLite forgets the zone, so it is put back here."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """The value in UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """The value with its zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


def new_id(prefix: str) -> str:
    """A fresh id: the prefix, 56 bits of time in microseconds, 72 random bits. Ids sort by age; none can be guessed."""
    return f"{prefix}_{time.time_ns() // 1000:014x}{secrets.token_hex(9)}"


class Base(DeclarativeBase):
    """The root of all mapped classes."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime,
        Json: JSON,
        list[str]: JSON,
        str: String(200),
        int: BigInteger,
    }


def _folded_holder(context: Any) -> str:  # noqa: ANN401 - SQLAlchemy's own
    given = context.get_current_parameters()
    return folded(given.get("person") or given["id"])


class TenantRow(Base):
    """A customer. Tenants never see each other."""

    __tablename__ = "tenants"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)


class PersonRow(Base):
    """The account of a person who uses the service. Not one of those whom the tables are about."""

    __tablename__ = "people"
    __table_args__ = (Index(None, "issuer", "subject", unique=True),)

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), index=True)
    name: Mapped[str]
    folded: Mapped[str] = mapped_column(Text)
    """`app.names.folded` of the name; neither of the two ever changes."""
    email: Mapped[str] = mapped_column(String(254), unique=True)
    """In lower case. Nobody else in the installation has it: it is what one signs in with."""
    roles: Mapped[list[str]]
    password_hash: Mapped[str | None]
    code_sha256: Mapped[str | None] = mapped_column(unique=True)
    """Of the code that sets the password, once."""
    code_expires_at: Mapped[datetime | None]
    invited_by: Mapped[str]
    """The name of whoever gave the last code: they could have set the password themselves."""
    created_at: Mapped[datetime] = mapped_column(default=now)
    disabled_at: Mapped[datetime | None]
    last_sign_in_at: Mapped[datetime | None]
    issuer: Mapped[str | None] = mapped_column(Text)
    """Of the OpenID provider that the person signs in at; None for whoever signs in by password."""
    subject: Mapped[str | None] = mapped_column(String(255))
    """Who it is there. Issuer and subject together are one person, whatever name and address say."""


class ApiKeyRow(Base):
    """An API key: only the SHA-256 of its secret is kept."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), index=True)
    secret_sha256: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[list[str]]
    person: Mapped[str] = mapped_column(default="", server_default="")
    """The name of who holds it. Where nobody is named, the key, which hands it on when it is rotated."""
    folded: Mapped[str] = mapped_column(Text, default=_folded_holder)
    """`app.names.folded` of the holder."""
    person_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"), index=True)
    """The account that it belongs to: it may do no more than that person, and ends with the account."""
    name: Mapped[str] = mapped_column(default="", server_default="")
    """What it is for, as its maker said."""
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    rotated_to: Mapped[str | None]
    """The key that has taken its place."""
    last_used_at: Mapped[datetime | None]
    """Within a minute."""


class OperatorKeyRow(Base):
    """A key of whoever operates the installation, or a session of one, see `app.operators`. It is of no tenant."""

    __tablename__ = "operator_keys"

    id: Mapped[str] = mapped_column(primary_key=True)
    secret_sha256: Mapped[str]
    name: Mapped[str]
    """Who holds it, as its maker said."""
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("operator_keys.id"))
    """The key whose session it is; None for a key."""
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class WebSessionRow(Base):
    """A signed-in browser, see `app.sessions`. Neither the cookie nor a key's token can be read from it."""

    __tablename__ = "web_sessions"

    id: Mapped[str] = mapped_column(primary_key=True)
    """The SHA-256 of the cookie."""
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"))
    key_id: Mapped[str | None] = mapped_column(ForeignKey("api_keys.id"), index=True)
    """None where a person signed in by password."""
    person_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"), index=True)
    sealed_token: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The API key's token, encrypted under the cookie."""
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]


class DatasetRow(Base):
    """An uploaded table, kept as Parquet under `table_key`."""

    __tablename__ = "datasets"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), index=True)
    name: Mapped[str]
    upload_sha256: Mapped[str]
    upload_bytes: Mapped[int]
    rows: Mapped[int]
    table_schema: Mapped[list[dict[str, str]]] = mapped_column(JSON)
    """`TableSchema.to_json()`, as proposed or as the user corrected it."""
    source: Mapped[Json]
    """Format, encoding, delimiter and warnings of the upload."""
    table_key: Mapped[str]
    table_sha256: Mapped[str]
    preview_key: Mapped[str]
    preview_sha256: Mapped[str | None]
    """None for data sets from before: their preview is not shown."""
    created_at: Mapped[datetime] = mapped_column(default=now)
    deleted_at: Mapped[datetime | None]
    retention_days: Mapped[int | None]
    """So long its records stay after the last training; None for as long as the data set. See `app.jobs.retention`."""
    records_erased_at: Mapped[datetime | None]
    """When its records went. Reports and releases stay."""


class TenantKeyRow(Base):
    """The key under which a tenant's records are hashed. It is made for the first data set and never changes.

    It is wrapped by the master key, see `app.wrapped`.
    """

    __tablename__ = "tenant_keys"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    records: Mapped[bytes] = mapped_column(LargeBinary)


class RecordSketchRow(Base):
    """A sketch of the records of a data set, see `app.sketches`: keyed hashes of some of them, no value.

    It outlives the table: without it, to delete a data set and upload it again would be to begin anew.
    """

    __tablename__ = "record_sketches"

    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), index=True)
    upto: Mapped[int]
    """All hashes below it are kept."""
    hashes: Mapped[bytes] = mapped_column(LargeBinary)
    counts: Mapped[bytes] = mapped_column(LargeBinary)


class SharedPeopleRow(Base):
    """Two data sets of a tenant with more records in common than chance explains. Each such pair has a row both
    ways.
    """

    __tablename__ = "shared_people"

    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id"), primary_key=True)
    other_id: Mapped[str] = mapped_column(ForeignKey("datasets.id"), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"))


class ModelRow(Base):
    """A trained generator."""

    __tablename__ = "models"
    __table_args__ = (Index(None, "tenant_id", "id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"))
    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id"), index=True)
    job_id: Mapped[str] = mapped_column(index=True)
    """The job that trained it; its artifacts hold the weights and the sealed split."""
    created_at: Mapped[datetime] = mapped_column(default=now)


class JobRow(Base):
    """One run of the way of a table, or of its later part."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index(None, "tenant_id", "id"),
        Index(None, "tenant_id", "state", "id"),
        Index(None, "dataset_id", "state", "id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"))
    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id"))
    model_id: Mapped[str | None] = mapped_column(ForeignKey("models.id"))
    """For a `sample` job the model to draw from; for a `synthesize` job the model that it trained."""
    created_by: Mapped[str]
    """The key or the person that sent it; never changed. Triggers hold it, see `migrations.four_eyes`."""
    kind: Mapped[str]
    state: Mapped[str] = mapped_column(index=True)
    stage: Mapped[str | None]
    """The stage that runs now, or ran last."""
    fraction: Mapped[float] = mapped_column(default=0.0)
    """How much of the whole job is done, 0 to 1."""
    attempt: Mapped[int] = mapped_column(default=0)
    """Counts the starts of stages. Only the process that holds the present number may publish."""
    losses: Mapped[int] = mapped_column(default=0, server_default="0")
    """How many attempts at the present stage were lost one after another, with nothing published in between."""
    in_hand: Mapped[bool] = mapped_column(default=False, server_default=false())
    """True from the begin of an attempt until it ends or a worker that stops in order puts it down."""
    priority: Mapped[str] = mapped_column(default=Priority.NORMAL.value, server_default=Priority.NORMAL.value)
    """`app.states.Priority`."""
    options: Mapped[Json]
    """`app.wire_jobs.JobOptions` as JSON, without the priority."""
    artifacts: Mapped[Json] = mapped_column(default=dict)
    """The key of every published file, by name."""
    error: Mapped[Json | None]
    """`{code, detail}` of a failed job."""
    release_id: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class JobEventRow(Base):
    """One line of a job's event stream, in order of `id`."""

    __tablename__ = "job_events"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"))
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), index=True)
    kind: Mapped[str]
    """`reading`, `state`, `stage`, `progress`, `lost`."""
    data: Mapped[Json]
    at: Mapped[datetime] = mapped_column(default=now)


class ReportRow(Base):
    """A report: its JSON and HTML are files, its hash is kept here."""

    __tablename__ = "reports"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), index=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), index=True)
    json_key: Mapped[str]
    html_key: Mapped[str]
    json_sha256: Mapped[str]
    html_sha256: Mapped[str | None]
    """None where it is not known: the page is not served then."""
    created_at: Mapped[datetime] = mapped_column(default=now)
    deleted_at: Mapped[datetime | None]


class ReleaseRow(Base):
    """A synthetic table with the verdict on it, and who let it go."""

    __tablename__ = "releases"
    __table_args__ = (
        Index(None, "tenant_id", "id"),
        Index(None, "tenant_id", "state", "id"),
        Index(None, "dataset_id", "state", "id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"))
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), unique=True)
    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id"))
    model_id: Mapped[str] = mapped_column(ForeignKey("models.id"))
    report_id: Mapped[str] = mapped_column(ForeignKey("reports.id"))
    state: Mapped[str]
    verdict: Mapped[str]
    policy: Mapped[str]
    reasons: Mapped[list[str]]
    four_eyes: Mapped[bool]
    """True where another person than the sender has to approve. Triggers hold it, see `migrations.four_eyes`."""
    rows: Mapped[int]
    parquet_key: Mapped[str]
    parquet_sha256: Mapped[str]
    csv_key: Mapped[str]
    csv_sha256: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
    earlier: Mapped[int] = mapped_column(default=0)
    """How many tables from some of the same people were released when the audit began. It knew of no later ones."""
    decided_by: Mapped[str | None]
    """The key or the person that decided."""
    decided_by_name: Mapped[str | None]
    decided_by_person: Mapped[str | None]
    """The person who decided or whose key it was; None for a key of nobody's account."""
    decided_at: Mapped[datetime | None]
    decision_reason: Mapped[str | None] = mapped_column(String(2000))
    withdrawn_by: Mapped[str | None]
    withdrawn_by_name: Mapped[str | None]
    withdrawn_by_person: Mapped[str | None]
    withdrawn_at: Mapped[datetime | None]
    withdrawal_reason: Mapped[str | None] = mapped_column(String(2000))
    deleted_at: Mapped[datetime | None]


class InstallationRow(Base):
    """The one row that says which installation this database is of, see `app.jobs.installation`."""

    __tablename__ = "installation"

    id: Mapped[str] = mapped_column(primary_key=True)


class WorkerRow(Base):
    """The heartbeat of the worker in a slot: whoever sees the count stand still knows that the worker hangs."""

    __tablename__ = "workers"

    slot: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    run: Mapped[str]
    """Which process: another one in the same slot has another."""
    beats: Mapped[int]
    host: Mapped[str]
    queues: Mapped[str] = mapped_column(default=ALL_QUEUES, server_default=ALL_QUEUES)
    """What it serves, joined by commas."""
    at: Mapped[datetime]
    gpu_used: Mapped[int | None]
    gpu_total: Mapped[int | None]
    """Memory of its GPU in bytes, None where it has none."""


class IdempotencyRow(Base):
    """The answer that was given to a POST, so that a repeated one gets it again."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (UniqueConstraint("tenant_id", "key"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"))
    key: Mapped[str]
    request_sha256: Mapped[str]
    status: Mapped[int | None]
    """None while the first request is still being served."""
    location: Mapped[str | None]
    response: Mapped[Json | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


class TenantLimitRow(Base):
    """A limit of one tenant in place of the installation's, see `app.services.quotas`."""

    __tablename__ = "tenant_limits"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int]


class TableCheckRow(Base):
    """How often values of a table were asked about lately, see `app.services.table_checks`."""

    __tablename__ = "table_checks"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    table_sha256: Mapped[str] = mapped_column(primary_key=True)
    full_at: Mapped[datetime]
    """When none of the requests that were counted counts any more."""


class WebhookRow(Base):
    """An address that is told what happens to a tenant's jobs and releases, see `app.webhooks`."""

    __tablename__ = "webhooks"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), index=True)
    url: Mapped[str] = mapped_column(String(2000))
    secret: Mapped[str]
    """What its messages are signed with, wrapped by the master key; shown once."""
    created_at: Mapped[datetime] = mapped_column(default=now)
    sent: Mapped[int]
    """The number of the last event of the audit log that needs no further message."""
    attempts: Mapped[int] = mapped_column(default=0)
    """At the next message, so far."""
    next_at: Mapped[datetime]
    last_status: Mapped[int | None]
    """What it answered last; None where it did not."""
    given_up: Mapped[int] = mapped_column(default=0)
    """How many messages it never took."""
    disabled_at: Mapped[datetime | None]
    """When it said that it is gone (410)."""


class ConnectionRow(Base):
    """A database or a bucket of a tenant's, see `app.services.connections`."""

    __tablename__ = "connections"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), index=True)
    name: Mapped[str]
    kind: Mapped[str]
    place: Mapped[Json]
    """Host, port, database, user and TLS, or what there is of a bucket; no secret."""
    secret: Mapped[str] = mapped_column(Text)
    """The password or the secret key, wrapped by the master key, see `app.wrapped`. It is never shown."""
    writable: Mapped[bool]
    """True where released tables may be written there; tables are read from the others."""
    created_at: Mapped[datetime] = mapped_column(default=now)


class StageTotalRow(Base):
    """How often a stage has ended in order, and how long that took altogether: for `GET /metrics`."""

    __tablename__ = "stage_totals"

    stage: Mapped[str] = mapped_column(primary_key=True)
    ended: Mapped[int]
    seconds: Mapped[float]


class AuditHeadRow(Base):
    """The end of a tenant's audit log. Whoever appends to it holds this row."""

    __tablename__ = "audit_heads"

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    """No foreign key: the log outlives its tenant."""
    number: Mapped[int]
    sha256: Mapped[str]
    closed: Mapped[bool] = mapped_column(server_default=false())
    """True once the tenant was erased."""


class AuditEventRow(Base):
    """One event of a tenant's audit log, see `app.trail`. Triggers refuse to change or delete it."""

    __tablename__ = "audit_events"
    __table_args__ = (Index(None, "tenant_id", "kind"), Index(None, "tenant_id", "subject"))

    tenant_id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """From 1, without gaps."""
    at: Mapped[datetime]
    kind: Mapped[str]
    subject: Mapped[str]
    details: Mapped[str | None] = mapped_column(Text)
    """Canonical JSON; None once the tenant was erased."""
    details_sha256: Mapped[str]
    sha256: Mapped[str]
