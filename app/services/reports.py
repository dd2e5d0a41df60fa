"""Reports: read as they were published, or rendered for somebody else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from app import store
from app.blobs import Stored
from app.context import Backend, Caller
from app.db import reading, transaction
from app.errors import NotFoundError
from app.report.audience import Audience
from app.report.audience import Kind as Format
from app.report.run import rendered
from app.trail import Kind, record


def report_file(
    backend: Backend, caller: Caller, report_id: str, kind: Format, audience: Audience = Audience.INTERNAL
) -> Stored:
    """The file of a report that is given out as this kind for this audience, or that it is rendered from.

    Raises NotFoundError where the hash of its page is not known.
    """
    html = is_stored(kind, audience) and kind is Format.HTML
    with transaction(backend.engine) as session:
        row = store.report(session, caller.tenant_id, report_id)
        key, sha256 = (row.html_key, row.html_sha256) if html else (row.json_key, row.json_sha256)
        if sha256 is None:
            raise NotFoundError("expected a report whose page has a known hash, got one from before: read it as JSON")
        note_report_read(session, caller, row.id, kind.value, audience)
    return Stored(key=key, sha256=sha256)


def note_report_read(
    session: Session, caller: Caller, report_id: str, form: str, audience: Audience = Audience.INTERNAL
) -> None:
    """Write into the audit log in which form a report is shown."""
    facts = {"form": form, "audience": audience.value}
    record(session, caller.tenant_id, caller.actor, Kind.REPORT_READ, report_id, **facts)


def is_stored(kind: Format, audience: Audience) -> bool:
    """Whether a report lies there as a file; any other is rendered when it is asked for."""
    return audience is Audience.INTERNAL and kind is not Format.PDF


def rendered_report(backend: Backend, file: Stored, audience: Audience, kind: Format) -> bytes:
    """The report whose document is this file, for this audience and of this kind.

    Raises ArtifactChangedError where the file is another one, NotAcceptableError where it is of another version, and
    RenditionError where it could not be rendered.
    """
    raw = backend.blobs.read(file.key, file.sha256)
    return rendered(raw, audience, kind, cache=backend.settings.home.resolve() / "cache" / "fonts")


def report_document(
    backend: Backend, caller: Caller, report_id: str, *, shown_in: str | None = None
) -> Mapping[str, Any]:
    """The report as it was written. `shown_in` tells the audit log of the page that shows all of its figures.

    Raises ArtifactChangedError where the file is another one.
    """
    with (reading if shown_in is None else transaction)(backend.engine) as session:
        row = store.report(session, caller.tenant_id, report_id)
        if shown_in is not None:
            note_report_read(session, caller, row.id, shown_in)
    document: Mapping[str, Any] = json.loads(backend.blobs.read(row.json_key, row.json_sha256))
    return document


def report_bytes(backend: Backend, caller: Caller, report_id: str) -> bytes:
    """The page of a report. Raises as `report_file` does, and ArtifactChangedError where the file is another one."""
    file = report_file(backend, caller, report_id, Format.HTML)
    return backend.blobs.read(file.key, file.sha256)
