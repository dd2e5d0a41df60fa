"""/v1/releases and /v1/reports"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any, Literal

from anyio.to_thread import run_sync
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

import app
from app.blobs import Blobs, Stored
from app.context import Backend, Caller
from app.report.audience import Audience, Kind
from app.routes.common import (
    Administrator,
    BackendOf,
    Cursor,
    IdempotencyKey,
    Limit,
    Reader,
    ReaderOrReviewer,
    Reviewer,
    respond,
)
from app.routes.files import attachment, begun, negotiate, serve
from app.routes.uploads import BINARY
from app.services import releases, reports
from app.spreadsheet import for_spreadsheet
from app.states import ReleaseState
from app.uploads import in_turn
from app.wire import DecisionRequest, Page, Release, WithdrawalRequest

JSON, HTML, PDF = "application/json", "text/html", "application/pdf"
KINDS = {JSON: Kind.JSON, HTML: Kind.HTML, PDF: Kind.PDF}
TYPES = {Kind.JSON: JSON, Kind.HTML: f"{HTML}; charset=utf-8", Kind.PDF: PDF}
CSV, PARQUET = "text/csv", "application/vnd.apache.parquet"
HTML_HEADERS = {
    # a report is one page with its pictures in it; nothing in it may run or be fetched
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
HEADERS: dict[Kind, dict[str, str]] = {
    Kind.JSON: {},
    Kind.HTML: HTML_HEADERS,
    Kind.PDF: {"X-Content-Type-Options": "nosniff", "Content-Disposition": 'inline; filename="report.pdf"'},
}
REPORT_CONTENT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The report",
        "content": {JSON: {"schema": {"type": "object"}}, HTML: {"schema": BINARY}, PDF: {"schema": BINARY}},
    }
}
FILE_CONTENT = {CSV: {"schema": BINARY}, PARQUET: {"schema": BINARY}}
DATA_CONTENT: dict[int | str, dict[str, Any]] = {
    200: {"description": "The synthetic table", "content": FILE_CONTENT},
    206: {"description": "A part of it", "content": FILE_CONTENT},
    304: {"description": "The client has it already"},
}
Accept = Annotated[str | None, Header(include_in_schema=False)]
AudienceOf = Annotated[
    Audience,
    Query(description="`shareable`: for whoever receives the file, with nothing in it that discloses the real rows."),
]

router = APIRouter(prefix="/v1")


@router.get("/reports/{report_id}.{suffix}", response_class=Response, responses=REPORT_CONTENT, tags=["reports"])
async def get_report_as(
    request: Request,
    backend: BackendOf,
    caller: ReaderOrReviewer,
    report_id: str,
    suffix: Kind,
    audience: AudienceOf = Audience.INTERNAL,
) -> Response:
    """The report in the format that the suffix names."""
    return await report_answer(request, backend, caller, report_id, audience, suffix)


@router.get("/reports/{report_id}", response_class=Response, responses=REPORT_CONTENT, tags=["reports"])
async def get_report(
    request: Request,
    backend: BackendOf,
    caller: ReaderOrReviewer,
    report_id: str,
    audience: AudienceOf = Audience.INTERNAL,
    accept: Accept = None,
) -> Response:
    """The report, as JSON, HTML or PDF by the Accept header."""
    kind = KINDS[negotiate(accept, tuple(KINDS))]
    return await report_answer(request, backend, caller, report_id, audience, kind)


async def report_answer(
    request: Request, backend: Backend, caller: Caller, report_id: str, audience: Audience, kind: Kind
) -> Response:
    """The report for this audience: the file as it was published, or one that is rendered from it now."""
    is_stored = reports.is_stored(kind, audience)
    file = await run_sync(reports.report_file, backend, caller, report_id, kind, audience)
    tag = f'"{file.sha256}"' if is_stored else f'"{file.sha256}.{audience}.{kind}.{app.__version__}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Accept, Authorization"} | HEADERS[kind]
    if is_stored:
        size, chunks = await run_sync(_report_bytes, backend.blobs, file)
        return StreamingResponse(chunks, media_type=TYPES[kind], headers={**headers, "Content-Length": str(size)})
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    work = partial(reports.rendered_report, backend, file, audience, kind)
    made = await in_turn(request, backend.renditions, caller.tenant_id, lambda _gone: work())
    return Response(made, media_type=TYPES[kind], headers=headers)


def _report_bytes(blobs: Blobs, file: Stored) -> tuple[int, Iterator[bytes]]:
    """How many bytes the report has, and these."""
    found = blobs.verified(file.key, file.sha256)
    return found.size, begun(found)


@router.get("/releases", tags=["releases"])
def list_releases(
    backend: BackendOf,
    caller: ReaderOrReviewer,
    cursor: Cursor = None,
    limit: Limit = 50,
    state: ReleaseState | None = None,
) -> Page[Release]:
    """The releases, in one state or in any, newest first."""
    return releases.listed(backend, caller, cursor, limit, state)


@router.get("/releases/{release_id}", tags=["releases"])
def get_release(backend: BackendOf, caller: ReaderOrReviewer, release_id: str) -> Release:
    """One release."""
    return releases.get(backend, caller, release_id)


@router.post("/releases/{release_id}/decision", response_model=Release, tags=["releases"])
def decide_release(
    backend: BackendOf, caller: Reviewer, release_id: str, body: DecisionRequest, key: IdempotencyKey = None
) -> Response:
    """Approve or reject a release that is in review."""
    return respond(releases.decide(backend, caller, release_id, body, key))


@router.post("/releases/{release_id}/withdrawal", response_model=Release, tags=["releases"])
def withdraw_release(
    backend: BackendOf, caller: Reviewer, release_id: str, body: WithdrawalRequest, key: IdempotencyKey = None
) -> Response:
    """Take a released table back: nobody gets it any more. Later tables are still attacked together with it."""
    return respond(releases.withdraw(backend, caller, release_id, body, key))


@router.delete("/releases/{release_id}", status_code=204, tags=["releases"])
def delete_release(backend: BackendOf, caller: Administrator, release_id: str) -> None:
    """Delete the table and the report of a release that is neither released nor in review."""
    releases.delete(backend, caller, release_id)


@router.get("/releases/{release_id}/data.{suffix}", response_class=Response, responses=DATA_CONTENT, tags=["releases"])
def get_release_data_as(
    request: Request, backend: BackendOf, caller: Reader, release_id: str, suffix: Literal["csv", "parquet"]
) -> Response:
    """The synthetic table of a released release, in the format that the suffix names."""
    return data_answer(request, backend, caller, release_id, parquet=suffix == "parquet")


@router.get("/releases/{release_id}/data", response_class=Response, responses=DATA_CONTENT, tags=["releases"])
def get_release_data(
    request: Request,
    backend: BackendOf,
    caller: Reader,
    release_id: str,
    wanted: Annotated[Literal["csv", "spreadsheet", "parquet"] | None, Query(alias="format")] = None,
    accept: Accept = None,
) -> Response:
    """The synthetic table of a released release, as CSV or Parquet by `format` or the Accept header.

    The format `spreadsheet` is CSV with an apostrophe before each cell that a spreadsheet program would run as a
    formula. It is always sent whole.
    """
    if wanted == "spreadsheet":
        return spreadsheet_answer(backend, caller, release_id)
    parquet = wanted == "parquet" if wanted else negotiate(accept, (CSV, PARQUET)) == PARQUET
    return data_answer(request, backend, caller, release_id, parquet=parquet)


def data_answer(request: Request, backend: Backend, caller: Caller, release_id: str, *, parquet: bool) -> Response:
    """The file of a release, where it is released."""
    file = releases.download(backend, caller, release_id, parquet=parquet)
    blobs: Blobs = backend.blobs
    return serve(request, blobs, key=file.key, etag=file.sha256, media_type=file.media_type, filename=file.filename)


def spreadsheet_answer(backend: Backend, caller: Caller, release_id: str) -> Response:
    """The CSV file of a release without cells that a spreadsheet program would run, where it is released."""
    file = releases.download(backend, caller, release_id, parquet=False)
    chunks = begun(backend.blobs.verified(file.key, file.sha256))
    records = for_spreadsheet(chunks, releases.delimiter(backend, caller, release_id))
    headers = attachment(f"{file.filename.removesuffix('.csv')}.spreadsheet.csv") | {"Vary": "Authorization"}
    return StreamingResponse(records, media_type=file.media_type, headers=headers)
