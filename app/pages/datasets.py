"""Data sets: the list, what was read of one, and its erasure with what that reaches."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from app.context import Backend
from app.pages.common import Form, FormOf, Reading, Writing, go, looked_at, page
from app.pages.evidence import STATES
from app.pages.forms import Faults, FormRoute, noted
from app.pages.kinds import counted
from app.routes.common import BackendOf, Cursor
from app.services import datasets, retention
from app.services.reach import reach
from app.sessions import WebSession
from app.states import Scope
from app.wire import RetentionRequest

PAGE = 25
COLUMNS = 200
"""So many columns are shown on one page."""

router = APIRouter(route_class=FormRoute, include_in_schema=False)


@router.get("/datasets")
def listed(backend: BackendOf, session: Reading, cursor: Cursor = None) -> Response:
    """The data sets, newest first."""
    found = datasets.listed(backend, session.caller, cursor, PAGE)
    return page("datasets.html", session=session, found=found, may_write=session.caller.may(Scope.WRITE))


@router.get("/datasets/{dataset_id}")
def show(backend: BackendOf, session: Reading, dataset_id: str, start: int = 0) -> Response:
    """What was read: warnings, the first records, and each column with the reason for its kind."""
    return _shown(backend, session, dataset_id, start)


@router.get("/datasets/{dataset_id}/retention")
def show_retention(backend: BackendOf, session: Writing, dataset_id: str) -> Response:
    """The data set, on whose page the form is."""
    return _shown(backend, session, dataset_id, 0)


@router.post("/datasets/{dataset_id}/retention")
def keep_for(request: Request, backend: BackendOf, session: Writing, dataset_id: str, form: FormOf) -> Response:
    """Say how long the records stay."""
    faults = Faults(status=200)
    if not looked_at(session, form):
        with noted(faults, RetentionRequest.model_fields):
            days = RetentionRequest.model_validate({"retention_days": form.get("retention_days", "").strip() or None})
            retention.keep_for(backend, session.caller, dataset_id, days.retention_days)
            return go(request, f"/datasets/{dataset_id}")
    return _shown(backend, session, dataset_id, 0, form, faults)


def _shown(
    backend: Backend,
    session: WebSession,
    dataset_id: str,
    start: int,
    form: Form | None = None,
    faults: Faults | None = None,
) -> Response:
    dataset = datasets.get(backend, session.caller, dataset_id)
    start = min(max(start, 0), max(len(dataset.columns) - 1, 0)) // COLUMNS * COLUMNS
    faults = faults or Faults(status=200)
    days = "" if dataset.retention_days is None else str(dataset.retention_days)
    return page(
        "dataset.html",
        faults.status,
        session=session,
        form={"retention_days": days} if form is None else form,
        faults=faults,
        goes_at=retention.goes_at(backend, session.caller, dataset_id),
        dataset=dataset,
        start=start,
        counted=counted(dataset),
        columns=dataset.columns[start : start + COLUMNS],
        step=COLUMNS,
        reach=reach(backend, session.caller, dataset_id),
        states=STATES,
        may_write=session.caller.may(Scope.WRITE),
    )


@router.get("/datasets/{dataset_id}/delete")
def ask(backend: BackendOf, session: Writing, dataset_id: str) -> Response:
    """What deleting reaches, and a form that wants the name typed."""
    return _ask(backend, session, dataset_id, {}, Faults(status=200))


@router.post("/datasets/{dataset_id}/delete")
def delete(request: Request, backend: BackendOf, session: Writing, dataset_id: str, form: FormOf) -> Response:
    """Delete the data set, where its name was typed."""
    look = looked_at(session, form)
    dataset = datasets.described(backend, session.caller, dataset_id)
    faults = Faults(status=200)
    if not look:
        if not _is_name(form.get("name", ""), dataset.name):
            faults.status = 422
            faults.add("name", "expected the name of the data set as it stands above; nothing was deleted", ("name",))
        else:
            with noted(faults, ("name",)):
                datasets.delete(backend, session.caller, dataset_id)
                return go(request, "/datasets")
    return _ask(backend, session, dataset_id, form, faults)


def _is_name(typed: str, name: str) -> bool:
    """Whether the name was typed. What nobody can type, or see, need not be: spaces and hidden characters."""
    return _letters(typed) == _letters(name)


def _letters(text: str) -> str:
    return "".join(character for character in text if character.isprintable() and not character.isspace())


def _ask(backend: Backend, session: WebSession, dataset_id: str, form: Form, faults: Faults) -> Response:
    return page(
        "delete.html",
        faults.status,
        session=session,
        dataset=datasets.described(backend, session.caller, dataset_id),
        reach=reach(backend, session.caller, dataset_id),
        states=STATES,
        form=form,
        faults=faults,
    )
