"""/v1/releases and /v1/reports"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from app.blobs import Blobs, Stored
from app.context import Backend, Caller
from app.errors import NotAcceptableError
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
from app.routes.files import negotiate, serve, verified
from app.routes.uploads import BINARY
from app.services import releases
from app.spreadsheet import for_spreadsheet
from app.states import ReleaseState
from app.wire import DecisionRequest, Page, Release, WithdrawalRequest

JSON, HTML = "application/json", "text/html"
CSV, PARQUET = "text/csv", "application/vnd.apache.parquet"
HTML_HEADERS = {
    # a report is one page with its pictures in it; nothing in it may run or be fetched
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
REPORT_CONTENT: dict[int | str, dict[str, Any]] = {
    200: {"description": "The report", "content": {JSON: {"schema": {"type": "object"}}, HTML: {"schema": BINARY}}}
}
FILE_CONTENT = {CSV: {"schema": BINARY}, PARQUET: {"schema": BINARY}}
DATA_CONTENT: dict[int | str, dict[str, Any]] = {
    200: {"description": "The synthetic table", "content": FILE_CONTENT},
    206: {"description": "A part of it", "content": FILE_CONTENT},
    304: {"description": "The client has it already"},
}
Accept = Annotated[str | None, Header(include_in_schema=False)]

router = APIRouter(prefix="/v1")


@router.get("/reports/{report_id}.{suffix}", response_class=Response, responses=REPORT_CONTENT, tags=["reports"])
def get_report_as(
    backend: BackendOf, caller: ReaderOrReviewer, report_id: str, suffix: Literal["json", "html", "pdf"]
) -> Response:
    """The report in the format that the suffix names."""
    if suffix == "pdf":
        raise NotAcceptableError("expected .json or .html, got .pdf: reports are not rendered as PDF yet")
    return report_answer(backend, caller, report_id, html=suffix == "html")


@router.get("/reports/{report_id}", response_class=Response, responses=REPORT_CONTENT, tags=["reports"])
def get_report(backend: BackendOf, caller: ReaderOrReviewer, report_id: str, accept: Accept = None) -> Response:
    """The report, as JSON or HTML by the Accept header."""
    return report_answer(backend, caller, report_id, html=negotiate(accept, (JSON, HTML)) == HTML)


def report_answer(backend: Backend, caller: Caller, report_id: str, *, html: bool) -> Response:
    """The report's file."""
    file = releases.report_file(backend, caller, report_id, html=html)
    size, chunks = verified(backend.blobs, file)
    headers = {"Content-Length": str(size), "Cache-Control": "private, no-cache", "Vary": "Accept, Authorization"}
    headers["ETag"] = f'"{file.sha256}"'
    return StreamingResponse(
        chunks, media_type=f"{HTML}; charset=utf-8" if html else JSON, headers=headers | (HTML_HEADERS if html else {})
    )


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
    _, chunks = verified(backend.blobs, Stored(key=file.key, sha256=file.sha256))
    records = for_spreadsheet(chunks, releases.delimiter(backend, caller, release_id))
    headers = {
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f'attachment; filename="{file.filename.removesuffix(".csv")}.spreadsheet.csv"',
        "X-Content-Type-Options": "nosniff",
        "Vary": "Authorization",
    }
    return StreamingResponse(records, media_type=file.media_type, headers=headers)
