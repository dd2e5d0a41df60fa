"""What the service needs to run: its workers, what it remembers of requests, and settings of its tenants."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.orm.base import Base, Json, now
from app.states import Queue

ALL_QUEUES = ",".join(Queue)
RUNNING_JOBS = "tenant_running_jobs"
"""The one limit of a tenant that workers keep."""


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
    """A request about values of records within the last 24 hours, see `app.services.table_checks`."""

    __tablename__ = "table_checks"
    __table_args__ = (Index(None, "tenant_id", "dataset_id", "at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"))
    dataset_id: Mapped[str]
    """Of a data set that was deleted, or of one that was never stored because the request was refused, too."""
    at: Mapped[datetime]


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
