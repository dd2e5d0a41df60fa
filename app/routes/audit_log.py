"""/v1/audit, for auditors and administrators of a tenant"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from app.routes.common import Auditor, BackendOf, Cursor, Limit
from app.services import audit_log
from app.trail import Kind
from app.wire import AuditEvent, Page

router = APIRouter(prefix="/v1", tags=["audit"])


@router.get("/audit")
def list_audit_events(
    backend: BackendOf,
    caller: Auditor,
    cursor: Cursor = None,
    limit: Limit = 50,
    kind: Kind | None = None,
    subject: Annotated[
        str | None,
        Query(max_length=200, pattern=r"^[\x21-\x7e]+$", description="Id of the thing that the events are about."),
    ] = None,
) -> Page[AuditEvent]:
    """What happened to the tenant's things: every change of them and every read of real records, newest first."""
    return audit_log.listed(backend, caller, cursor, limit, kind=kind, subject=subject)
