"""The forms that send a job: one on a data set, and one that draws more records from a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from anyio import from_thread
from fastapi import APIRouter, Request, Response

from app.context import Backend
from app.pages.common import Form, FormOf, Writing, go, looked_at, page
from app.pages.forms import Faults, FormRoute, fresh, noted, once
from app.pages.options import OF_GENERATOR, OF_RULES, PLAIN, chosen, filled, switched_off, training, wanted
from app.routes.common import BackendOf
from app.services import datasets, jobs, policies, quotes
from app.sessions import WebSession
from app.uploads import in_turn
from app.wire import Column, Dataset
from app.wire_jobs import Job, JobRequest, SampleRequest
from app.wire_quotes import Quote
from privacy import limits

NAMES = (
    *PLAIN,
    *OF_RULES,
    "rules",
    "without_rules",
    "conditions",
    "mix",
    "target",
    "person",
    "order",
    "secrets",
    "source",
    "ask",
    "generator",
    "dataset",
)
DATASETS = 100

router = APIRouter(route_class=FormRoute, include_in_schema=False)


@router.get("/jobs/new")
def show(backend: BackendOf, session: Writing, dataset: str = "", like: str = "") -> Response:
    """The form on a data set; with `like` it is filled in as another job was."""
    job = jobs.get(backend, session.caller, like) if like else None
    dataset_id = job.dataset_id if job else dataset
    if not dataset_id:
        found = datasets.listed(backend, session.caller, None, DATASETS)
        return page("job_dataset.html", session=session, found=found)
    held = datasets.described(backend, session.caller, dataset_id)
    form = filled(job.options, held.columns) if job else {}
    return _job_form(session, held, form, Faults(status=200), like=job)


@router.post("/jobs/new")
def create(request: Request, backend: BackendOf, session: Writing, form: FormOf) -> Response:
    """Send the job, and go on to it."""
    look = looked_at(session, form)
    held = datasets.described(backend, session.caller, form.get("dataset", ""))
    faults, quote = Faults(status=200), None
    if not look:
        with noted(faults, NAMES, dict.fromkeys(OF_GENERATOR, "generator")):
            asked = wanted(form, held.columns, faults)
            for role in ("target", "person", "order"):
                asked |= chosen(form, role, held.columns)
            sent = JobRequest.model_validate({**asked, **training(form), "dataset_id": held.id})
            if form.get("quote") and not faults:
                quote = _quoted(request, backend, session, sent)
            elif not faults:
                answer = jobs.create(backend, session.caller, sent, once(form))
                return go(request, f"/jobs/{answer.body['id']}")
    return _job_form(session, held, form, faults, quote=quote)


def _quoted(request: Request, backend: Backend, session: WebSession, sent: JobRequest) -> Quote:
    """What the job would take and lose, once it is the tenant's turn."""

    async def asked() -> Quote:
        caller = session.caller
        return await in_turn(
            request, backend.turns, caller.tenant_id, lambda gone: quotes.quote(backend, caller, sent, gone)
        )

    return from_thread.run(asked)


@router.get("/models/{model_id}/samples")
def show_sample(backend: BackendOf, session: Writing, model_id: str, like: str = "") -> Response:
    """The form on a model; with `like` it is filled in as another job was."""
    held = _dataset_of(backend, session, model_id)
    form = filled(jobs.get(backend, session.caller, like).options, held.columns) if like else {}
    return _sample_form(session, model_id, held, form, Faults(status=200))


@router.post("/models/{model_id}/samples")
def sample(request: Request, backend: BackendOf, session: Writing, model_id: str, form: FormOf) -> Response:
    """Send the job, and go on to it."""
    look = looked_at(session, form)
    held = _dataset_of(backend, session, model_id)
    faults = Faults(status=200)
    if not look:
        with noted(faults, NAMES):
            sent = SampleRequest.model_validate(wanted(form, held.columns, faults))
            if not faults:
                answer = jobs.sample(backend, session.caller, model_id, sent, once(form))
                return go(request, f"/jobs/{answer.body['id']}")
    return _sample_form(session, model_id, held, form, faults)


def _dataset_of(backend: Backend, session: WebSession, model_id: str) -> Dataset:
    """The data set of a model. Raises NotFoundError where there is no such model, or its data set was deleted."""
    return datasets.described(backend, session.caller, jobs.get_model(backend, session.caller, model_id).dataset_id)


def _job_form(
    session: WebSession,
    held: Dataset,
    form: Form,
    faults: Faults,
    *,
    like: Job | None = None,
    quote: Quote | None = None,
) -> Response:
    learnt = [(place, column) for place, column in enumerate(held.columns) if column.kind != "identifier"]
    ordering = [(place, column) for place, column in learnt if column.kind != "categorical"]
    naming = [(place, column) for place, column in enumerate(held.columns) if column.kind != "datetime"]
    roles = {column.role: column.name for column in held.columns}
    # of a table whose column names people their number is told once the job is sent
    counted = _is_policy(form) and "person" not in roles and not form.get("person")
    short = policies.shortage(form.get("policy") or "internal", held.rows) if counted else None
    return page(
        "job_form.html",
        faults.status,
        session=session,
        dataset=held,
        like=like,
        quote=quote,
        roles=roles,
        naming=naming,
        ordering=ordering,
        short=short,
        switched_off=switched_off(form),
        **_shared(form, faults, learnt),
    )


def _sample_form(session: WebSession, model_id: str, held: Dataset, form: Form, faults: Faults) -> Response:
    learnt = [(place, column) for place, column in enumerate(held.columns) if column.kind != "identifier"]
    return page(
        "sample_form.html",
        faults.status,
        session=session,
        dataset=held,
        model_id=model_id,
        **_shared(form, faults, learnt),
    )


def _shared(form: Form, faults: Faults, learnt: Sequence[tuple[int, Column]]) -> Mapping[str, Any]:
    return {
        "form": form,
        "faults": faults,
        "once": fresh(),
        "learnt": learnt,
        "policies": [(name, f"{name}: {limits.load_policy(name).title}") for name in limits.policies()],
    }


def _is_policy(form: Form) -> bool:
    return form.get("policy", "internal") in limits.policies()
