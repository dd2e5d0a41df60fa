"""The form that sends a use of records, and the way to its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request, Response

from app.context import Backend
from app.pages.common import Form, FormOf, Reading, Writing, go, looked_at, moment, page
from app.pages.forms import Faults, FormRoute, fresh, given, noted, once
from app.pages.options import conditions
from app.routes.common import BackendOf
from app.routes.uses import result_answer
from app.services import datasets, jobs, releases, uses
from app.sessions import WebSession
from app.states import ReleaseState
from app.wire import Column
from app.wire_jobs import UseRequest

MOST = 100
USES: Mapping[str, str] = {
    "complete": "complete: draw empty cells and missing columns",
    "impute": "impute: fill missing cells, several times",
    "odd": "odd: score how odd each record is",
    "change": "change: set a column, and let others follow",
    "adapt": "adapt: make records like those of another data set",
    "coreset": "coreset: choose few records that teach a model much",
}
PLAIN = ("use", "dataset_id", "model_id", "release_id", "like", "times", "rows", "max_minutes", "seed", "priority")
NAMES = (*PLAIN, "conditions")

router = APIRouter(route_class=FormRoute, include_in_schema=False)


@router.get("/uses/new")
def show(
    backend: BackendOf, session: Writing, dataset: str = "", model: str = "", release: str = "", like: str = ""
) -> Response:
    """The form, begun with a data set, a model or a release; with `like` filled in as another job was."""
    if like:
        return _form_page(backend, session, _filled(backend, session, like), Faults(status=200))
    form = {"dataset_id": dataset, "model_id": model, "release_id": release, "use": "coreset" if release else ""}
    return _form_page(backend, session, form, Faults(status=200))


@router.post("/uses/new")
def create(request: Request, backend: BackendOf, session: Writing, form: FormOf) -> Response:
    """Send the job, and go on to it."""
    look = looked_at(session, form)
    faults = Faults(status=200)
    if not look:
        with noted(faults, NAMES):
            asked = given(form, PLAIN)
            if text := form.get("conditions", "").strip():
                asked["conditions"] = conditions(text, _columns(backend, session, form))
            answer = uses.create(backend, session.caller, UseRequest.model_validate(asked), once(form))
            return go(request, f"/jobs/{answer.body['id']}")
    return _form_page(backend, session, form, faults)


@router.get("/jobs/{job_id}/result")
def result(request: Request, backend: BackendOf, session: Reading, job_id: str) -> Response:
    """What a use has given."""
    return result_answer(request, backend, session.caller, job_id)


def _columns(backend: Backend, session: WebSession, form: Form) -> Sequence[Column]:
    """Those that conditions may name: the columns that the model knows."""
    model_id = form.get("model_id", "")
    if release_id := form.get("release_id", ""):
        model_id = releases.get(backend, session.caller, release_id).model_id
    dataset_id = jobs.get_model(backend, session.caller, model_id).dataset_id
    return datasets.described(backend, session.caller, dataset_id).columns


def _filled(backend: Backend, session: WebSession, job_id: str) -> Form:
    """The form that asks for the same, but for conditions."""
    job = jobs.get(backend, session.caller, job_id)
    use = job.options.use
    if use is None:
        return {}
    of_release = use.release_id is not None
    found = {
        **use.model_dump(),
        "dataset_id": None if of_release else job.dataset_id,
        "model_id": None if of_release else job.model_id,
        "rows": job.options.rows,
        "seed": job.options.seed,
        "max_minutes": job.options.generator.max_minutes,
    }
    return {name: str(value) for name, value in found.items() if value is not None}


def _form_page(backend: Backend, session: WebSession, form: Form, faults: Faults) -> Response:
    return page(
        "use_form.html",
        faults.status,
        session=session,
        form=form,
        faults=faults,
        once=fresh(),
        uses=list(USES.items()),
        most=MOST,
        **_choices(backend, session),
    )


def _choices(backend: Backend, session: WebSession) -> dict[str, Any]:
    """The newest data sets, models and released tables, by what fields call them."""
    caller = session.caller
    held = datasets.listed(backend, caller, None, MOST).items
    models = jobs.listed_models(backend, caller, None, MOST).items
    released = releases.listed(backend, caller, None, MOST, ReleaseState.RELEASED).items
    names = releases.names(backend, caller, [*models, *released])
    kept = [each for each in held if each.records_erased_at is None]
    return {
        "datasets": [(each.id, f"{each.name}, {each.rows:,} records, {moment(each.created_at)}") for each in kept],
        "models": [
            (each.id, f"of {names.get(each.dataset_id, 'a deleted data set')}, {moment(each.created_at)}")
            for each in models
        ],
        "released": [
            (each.id, f"{names[each.dataset_id]}, {each.rows:,} records, {moment(each.created_at)}")
            for each in released
            if each.dataset_id in names
        ],
    }
