"""The form that sends a use of records, and the way to its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from app.context import Backend, Caller
from app.errors import InvalidRequestError, NotFoundError
from app.idempotency import Answer
from app.pages.common import Form, FormOf, Reading, Writing, go, looked_at, moment, page
from app.pages.forms import Faults, FormRoute, fresh, given, noted, once
from app.pages.options import OF_RULES, conditions, filled, lines_of, of_rules
from app.routes.common import BackendOf
from app.routes.uses import result_answer
from app.services import datasets, jobs, releases, uses
from app.sessions import WebSession
from app.states import ReleaseState
from app.wire_jobs import RuleOptions, UseRequest

MOST = 100
USES: Mapping[str, str] = {
    "complete": "complete: draw empty cells and missing columns",
    "impute": "impute: fill missing cells, several times",
    "odd": "odd: score how odd each record is",
    "change": "change: set a column, and let others follow",
    "adapt": "adapt: make records like those of another data set",
    "coreset": "coreset: choose few records that teach a model much",
}
PLAIN = (
    "use",
    "dataset_id",
    "model_id",
    "release_id",
    "like",
    "times",
    "rows",
    "max_minutes",
    "seed",
    "priority",
    "target",
)
NAMES = (*PLAIN, "conditions", *RuleOptions.model_fields)
NAMED: Mapping[str, Callable[[Backend, Caller, str], object]] = {
    "dataset_id": datasets.described,
    "model_id": jobs.get_model,
    "release_id": releases.get,
    "like": datasets.described,
}
"""The fields that name something, and what finds it."""

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
        for name, get in NAMED.items():
            with noted(faults, NAMES):
                _expect_there(backend, session, name, form.get(name, "").strip(), get)
        asked = given(form, PLAIN) | of_rules(form, lines_of(form.get("without_rules", "")))
        if not faults:
            with noted(faults, NAMES):
                asked |= _conditions(backend, session, form)
        if not faults:
            with noted(faults, NAMES):
                answer = _created(backend, session, UseRequest.model_validate(asked), once(form))
                return go(request, f"/jobs/{answer.body['id']}")
    return _form_page(backend, session, form, faults)


@router.get("/jobs/{job_id}/result")
def result(request: Request, backend: BackendOf, session: Reading, job_id: str) -> Response:
    """What a use has given."""
    return result_answer(request, backend, session.caller, job_id)


def _expect_there(
    backend: Backend, session: WebSession, name: str, key: str, get: Callable[[Backend, Caller, str], object]
) -> None:
    """Raises InvalidRequestError, which loses nothing that was typed, where the field names what is not there."""
    try:
        if key:
            get(backend, session.caller, key)
    except NotFoundError:
        raise InvalidRequestError(f"{name}: expected one that is there, got one that is not, or is no more") from None


def _created(backend: Backend, session: WebSession, request: UseRequest, key: str | None) -> Answer:
    """The job. Raises InvalidRequestError where the data set behind the model or the release is gone."""
    try:
        return uses.create(backend, session.caller, request, key)
    except NotFoundError:
        field = "model_id" if request.release_id is None else "release_id"
        raise InvalidRequestError(f"{field}: expected one whose data set is there, got one whose is gone") from None


def _conditions(backend: Backend, session: WebSession, form: Form) -> dict[str, object]:
    """The conditions that were typed, which name columns that the model knows.

    Raises InvalidRequestError where there is no model.
    """
    text, model_id, release_id = (form.get(name, "").strip() for name in ("conditions", "model_id", "release_id"))
    if not text:
        return {}
    if release_id:
        model_id = releases.get(backend, session.caller, release_id).model_id
    if not model_id:
        raise InvalidRequestError("model_id: expected the model, or a release, whose columns the conditions name")
    _expect_there(backend, session, "release_id" if release_id else "model_id", model_id, jobs.get_model)
    dataset_id = jobs.get_model(backend, session.caller, model_id).dataset_id
    return {"conditions": conditions(text, datasets.described(backend, session.caller, dataset_id).columns)}


def _filled(backend: Backend, session: WebSession, job_id: str) -> Form:
    """The form that asks for the same."""
    job = jobs.get(backend, session.caller, job_id)
    use = job.options.use
    if use is None:
        return {}
    of_release = use.release_id is not None
    asked = filled(job.options, ())
    same = ("rows", "seed", "priority", "max_minutes", "conditions", "rules", *OF_RULES)
    found = {
        **{name: asked.get(name) for name in same},
        **use.model_dump(),
        "target": job.options.target,
        "without_rules": "\n".join(job.options.without_rules),
        "dataset_id": None if of_release else job.dataset_id,
        "model_id": None if of_release else job.model_id,
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
