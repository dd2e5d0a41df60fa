"""Jobs, their events, and what comes out of them: reports and releases."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, false
from sqlalchemy.orm import Mapped, mapped_column

from app.orm.base import Base, Json, now
from app.states import Priority


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
