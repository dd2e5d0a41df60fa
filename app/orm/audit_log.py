"""The audit log: its events, and where the log of each tenant ends."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, Text, false
from sqlalchemy.orm import Mapped, mapped_column

from app.orm.base import Base


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
