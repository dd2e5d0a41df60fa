"""Data sets, what tells whether two of them are about the same people, and the models that were trained on them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from app.orm.base import Base, Json, now


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
