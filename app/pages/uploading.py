"""Sending a table and saying how to read it, and reading it anew in another way."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Event
from typing import Any

from fastapi import APIRouter, Request, Response

from app.context import Backend
from app.errors import PayloadTooLargeError
from app.idempotency import Answer
from app.intake.model import ENCODINGS, MAX_FOOTER, MAX_HEADER_ROWS
from app.pages.common import Form, FormOf, Writing, believed, go, looked_at, page
from app.pages.forms import Faults, FormRoute, fresh, given, noted, once
from app.routes.common import BackendOf
from app.routes.uploads import FileQuery, Reading
from app.services import datasets, rereading
from app.services.datasets import Sent
from app.sessions import WebSession
from app.uploads import in_turn, receive
from app.wire import Dataset

SIGNS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|", "point": "."}
"""What a form calls the signs between fields and before decimals."""
CODED = ("delimiter", "decimal")
FIELDS = tuple(FileQuery.model_fields)
PARTS = ("csrf", "once", *FIELDS)
WORDS: Mapping[str, Any] = {
    "encodings": [(name, name) for name in dict.fromkeys(ENCODINGS.values())],
    "most_header_rows": MAX_HEADER_ROWS,
    "most_footer": MAX_FOOTER,
}

router = APIRouter(route_class=FormRoute, include_in_schema=False)


@router.get("/datasets/new")
def show(backend: BackendOf, session: Writing) -> Response:
    """The form to upload a table."""
    return _upload_form(backend, session, {}, Faults(status=200))


@router.post("/datasets/new")
async def upload(request: Request, backend: BackendOf, session: Writing) -> Response:
    """Receive a table, read it, and go on to what was read."""
    faults = Faults()
    form: dict[str, str] = {}
    with noted(faults, (*FIELDS, "file")):
        backend.turns.refuse_if_full(session.caller.tenant_id)
        settings = backend.settings
        async with receive(request, settings.scratch, settings.max_upload_bytes, PARTS, form) as received:
            form |= received.texts
            believed(session, form)
            query = FileQuery.model_validate(_said(form))
            reading = query.reading()

            def work(gone: Event) -> Answer:
                sent = Sent(
                    upload=received,
                    name=query.called(received),
                    read=reading,
                    retention_days=query.retention_days,
                    gone=gone,
                )
                return datasets.create(backend, session.caller, sent, once({**form, "file": received.sha256}))

            answer = await in_turn(request, backend.turns, session.caller.tenant_id, work)
            return go(request, f"/datasets/{answer.body['id']}")
    if faults.status == PayloadTooLargeError.status:
        most = backend.settings.max_upload_bytes
        faults.general.clear()
        faults.add("file", f"expected a file of at most {most:,} bytes, got a larger one", ("file",))
    return _upload_form(backend, session, form, faults)


@router.get("/datasets/{dataset_id}/reading")
def show_reading(backend: BackendOf, session: Writing, dataset_id: str) -> Response:
    """The form to read the uploaded file anew."""
    dataset = datasets.described(backend, session.caller, dataset_id)
    names = {sign: name for name, sign in SIGNS.items()}
    said = {name: str(value) for name, value in dataset.reading.items()}
    form = {name: names.get(value, value) if name in CODED else value for name, value in said.items()}
    return _reading_form(session, dataset, form, Faults(status=200))


@router.post("/datasets/{dataset_id}/reading")
async def read_anew(request: Request, backend: BackendOf, session: Writing, dataset_id: str, form: FormOf) -> Response:
    """Read the file anew, and go on to what was read."""
    look = looked_at(session, form)
    faults = Faults(status=200)
    if not look:
        with noted(faults, Reading.model_fields):
            wanted = Reading.model_validate(_said({**form, "name": ""}))
            backend.turns.refuse_if_full(session.caller.tenant_id)
            said = {name: getattr(wanted, name) for name in Reading.model_fields}

            def work(gone: Event) -> Dataset:
                return rereading.read_anew(backend, session.caller, dataset_id, said, gone)

            await in_turn(request, backend.turns, session.caller.tenant_id, work)
            return go(request, f"/datasets/{dataset_id}")
    return _reading_form(session, datasets.described(backend, session.caller, dataset_id), form, faults)


def _said(form: Form) -> dict[str, Any]:
    """What the form says of the file; fields left empty say nothing."""
    said = given(form, FIELDS)
    return {name: SIGNS.get(str(value), value) if name in CODED else value for name, value in said.items()}


def _upload_form(backend: Backend, session: WebSession, form: Form, faults: Faults) -> Response:
    return page(
        "upload.html",
        faults.status,
        session=session,
        scripts=True,
        form=form,
        faults=faults,
        once=fresh(),
        limit=backend.settings.max_upload_bytes,
        **WORDS,
    )


def _reading_form(session: WebSession, dataset: Dataset, form: Form, faults: Faults) -> Response:
    return page("reading.html", faults.status, session=session, dataset=dataset, form=form, faults=faults, **WORDS)
