"""The review queue, the page of a release with its decision, its report and its data."""

from __future__ import annotations

from typing import Annotated, Literal

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError

from app import auth
from app.context import Backend
from app.errors import ConflictError, ForbiddenError, UnauthorizedError
from app.pages import common, sign_in
from app.pages.common import Form, FormOf, PageRoute, Reading, SignedIn, believed, page, part
from app.pages.evidence import STATES
from app.pages.release_page import missing_evidence, release_page
from app.report.audience import Audience, Kind
from app.routes.certificates import certificate_answer
from app.routes.common import BackendOf, Cursor
from app.routes.croissants import croissant_answer
from app.routes.releases import HTML_HEADERS, AudienceOf, data_answer, report_answer, spreadsheet_answer
from app.services import releases, reports
from app.sessions import WebSession
from app.states import ReleaseState, Scope
from app.wire import DecisionRequest, WithdrawalRequest

PAGE = 25
State = Annotated[ReleaseState | Literal["all"], Query()]

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/releases")
def queue(
    backend: BackendOf, session: SignedIn, cursor: Cursor = None, state: State = ReleaseState.IN_REVIEW
) -> Response:
    """Releases in one state, first of all those that wait for a decision."""
    wanted = None if state == "all" else ReleaseState(state)
    found = releases.listed(backend, session.caller, cursor, PAGE, wanted)
    names = releases.names(backend, session.caller, found.items)
    return page("queue.html", session=session, found=found, names=names, state=str(state), states=STATES)


@router.get("/releases/{release_id}")
def show(backend: BackendOf, session: SignedIn, release_id: str) -> Response:
    """A release: the verdict first, then the evidence, then the decision."""
    return release_page(backend, session, release_id)


@router.post("/releases/{release_id}")
def decide(request: Request, backend: BackendOf, release_id: str, form: FormOf) -> Response:
    """Approve, reject or withdraw. What was written is never lost: it comes back with whatever stood in the way."""
    try:
        session = common.signed_in(request, backend)
    except UnauthorizedError:
        then = sign_in.local(f"/releases/{release_id}")
        return sign_in.form_page(request, then=then, error=sign_in.ENDED, status=401, draft=form)
    believed(session, form)
    auth.demand(session.caller, Scope.REVIEW)
    try:
        wanted = _wanted(form)
    except ValidationError:
        said = "Not recorded: choose what to do, and give a reason of 3 to 2,000 characters."
        return release_page(backend, session, release_id, said=said, status=422, draft=form)
    approves = isinstance(wanted, DecisionRequest) and wanted.action == "approve"
    if approves and (why := missing_evidence(backend, session, release_id)):
        return release_page(backend, session, release_id, said=f"Not recorded. {why}", status=409, draft=form)
    try:
        if isinstance(wanted, WithdrawalRequest):
            releases.withdraw(backend, session.caller, release_id, wanted, None)
        else:
            releases.decide(backend, session.caller, release_id, wanted, None)
    except (ConflictError, ForbiddenError) as error:
        return release_page(backend, session, release_id, said=_refused(error), status=error.status, draft=form)
    return RedirectResponse(f"/releases/{release_id}", 303, headers=common.SECURITY)


def _wanted(form: Form) -> DecisionRequest | WithdrawalRequest:
    """What the form asks for. Raises ValidationError where it names nothing of it, or gives no reason."""
    reason = form.get("reason", "").strip()
    if form.get("action") == "withdraw":
        return WithdrawalRequest(reason=reason)
    return DecisionRequest.model_validate({"action": form.get("action"), "reason": reason})


def _refused(error: ConflictError | ForbiddenError) -> str:
    if type(error) is ConflictError:
        return "Not recorded: somebody decided on this release meanwhile, as it says below. Your words are still here."
    return f"Not recorded. {error.title}: {error.detail}."


@router.get("/reports/{report_id}.{suffix}")
async def report_as(
    request: Request,
    backend: BackendOf,
    session: SignedIn,
    report_id: str,
    suffix: Kind,
    audience: AudienceOf = Audience.INTERNAL,
) -> Response:
    """The report as a file: its document, its page or a PDF."""
    return await report_answer(request, backend, session.caller, report_id, audience, suffix)


@router.get("/reports/{report_id}")
async def report(
    request: Request,
    backend: BackendOf,
    session: SignedIn,
    report_id: str,
    audience: AudienceOf = Audience.INTERNAL,
) -> Response:
    """The whole report, the internal one with what was decided since. Over the API it is the file as it was made."""
    if audience is Audience.INTERNAL and (decided := await run_sync(_with_decision, backend, session, report_id)):
        return decided
    return await report_answer(request, backend, session.caller, report_id, audience, Kind.HTML)


def _with_decision(backend: Backend, session: WebSession, report_id: str) -> Response | None:
    """The page of a report with the decision below its verdict; None where nobody has decided."""
    release = releases.of_report(backend, session.caller, report_id)
    if release is None or release.decided_at is None:
        return None
    html = reports.report_bytes(backend, session.caller, report_id).decode()
    head, mark, rest = html.partition("</header>")
    headers = HTML_HEADERS | {"Cache-Control": "no-store"}
    return HTMLResponse(f"{head}{part('decision.html', release=release) if mark else ''}{mark}{rest}", headers=headers)


@router.get("/releases/{release_id}/data.{suffix}")
def data(
    request: Request,
    backend: BackendOf,
    session: Reading,
    release_id: str,
    suffix: Literal["csv", "spreadsheet.csv", "parquet"],
) -> Response:
    """The synthetic table, where it is released; with the suffix `spreadsheet.csv` no cell of it is a formula."""
    if suffix == "spreadsheet.csv":
        return spreadsheet_answer(backend, session.caller, release_id)
    return data_answer(request, backend, session.caller, release_id, parquet=suffix == "parquet")


@router.get("/releases/{release_id}/croissant.json")
def croissant(backend: BackendOf, session: Reading, release_id: str) -> Response:
    """Metadata of the synthetic table, where it is released."""
    return croissant_answer(backend, session.caller, release_id)


@router.get("/releases/{release_id}/certificate.json")
def certificate(backend: BackendOf, session: Reading, release_id: str) -> Response:
    """The signed certificate of a released release."""
    return certificate_answer(backend, session.caller, release_id)
