"""/v1/jobs and /v1/models"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from app import auth
from app.context import Backend, Caller
from app.errors import NotFoundError, UnauthorizedError
from app.orm import Json
from app.routes.common import BackendOf, Cursor, IdempotencyKey, Limit, Reader, Writer, respond
from app.services import jobs, quotes
from app.states import JobState
from app.uploads import in_turn
from app.wire import Model, Page
from app.wire_jobs import Job, JobRequest, SampleRequest
from app.wire_quotes import Quote

POLL_SECONDS = 0.3

router = APIRouter(prefix="/v1")


@router.post("/jobs", status_code=202, response_model=Job, tags=["jobs"])
def create_job(backend: BackendOf, caller: Writer, body: JobRequest, key: IdempotencyKey = None) -> Response:
    """Have a data set synthesized."""
    return respond(jobs.create(backend, caller, body, key))


@router.post("/jobs/quote", tags=["jobs"])
async def quote_job(request: Request, backend: BackendOf, caller: Writer, body: JobRequest) -> Quote:
    """What a job would take and lose, found by a trial on some records. Nothing is sent; it takes up to minutes."""
    backend.turns.refuse_if_full(caller.tenant_id)
    return await in_turn(
        request, backend.turns, caller.tenant_id, lambda gone: quotes.quote(backend, caller, body, gone)
    )


@router.get("/jobs", tags=["jobs"])
def list_jobs(
    backend: BackendOf, caller: Reader, cursor: Cursor = None, limit: Limit = 50, state: JobState | None = None
) -> Page[Job]:
    """The jobs, in one state or in any, newest first."""
    return jobs.listed(backend, caller, cursor, limit, state)


@router.get("/jobs/{job_id}", tags=["jobs"])
def get_job(backend: BackendOf, caller: Reader, job_id: str) -> Job:
    """One job."""
    return jobs.get(backend, caller, job_id)


def reader_of_job(backend: BackendOf, caller: Reader, job_id: str) -> Caller:
    """The caller, if the job is its tenant's: asked before the stream begins, while a 404 is still possible."""
    jobs.get(backend, caller, job_id)
    return caller


def _news(backend: Backend, caller: Caller, job_id: str, after: int) -> tuple[list[tuple[int, str, Json]], bool]:
    """As `jobs.news`, for a key that is still valid: a stream lasts as long as a job."""
    auth.require_valid(backend.engine, caller)
    return jobs.news(backend, caller, job_id, after)


@router.get("/jobs/{job_id}/events", response_class=EventSourceResponse, tags=["jobs"])
async def follow_job(
    backend: BackendOf,
    caller: Annotated[Caller, Depends(reader_of_job)],
    job_id: str,
    last_event_id: Annotated[
        int, Header(alias="Last-Event-ID", ge=0, lt=2**63, description="Go on after the event of this id.")
    ] = 0,
) -> AsyncIterator[ServerSentEvent]:
    """What happens to the job, as it happens: `state`, `stage`, `progress` and `note` events. Ends with the job."""
    after, over = last_event_id, False
    while not over:
        try:
            events, over = await run_sync(_news, backend, caller, job_id, after)
        except (NotFoundError, UnauthorizedError):
            return
        for event_id, kind, data in events:
            after = event_id
            yield ServerSentEvent(id=str(event_id), event=kind, data=data)
        if not events and not over:
            await anyio.sleep(POLL_SECONDS)


@router.post("/jobs/{job_id}/cancel", tags=["jobs"])
def cancel_job(backend: BackendOf, caller: Writer, job_id: str) -> Job:
    """Cancel a job that waits or runs. Cancelling again changes nothing."""
    return jobs.cancel(backend, caller, job_id)


@router.get("/models", tags=["models"])
def list_models(backend: BackendOf, caller: Reader, cursor: Cursor = None, limit: Limit = 50) -> Page[Model]:
    """The trained models, newest first."""
    return jobs.listed_models(backend, caller, cursor, limit)


@router.get("/models/{model_id}", tags=["models"])
def get_model(backend: BackendOf, caller: Reader, model_id: str) -> Model:
    """One model."""
    return jobs.get_model(backend, caller, model_id)


@router.post("/models/{model_id}/samples", status_code=202, response_model=Job, tags=["models"])
def sample_model(
    backend: BackendOf, caller: Writer, model_id: str, body: SampleRequest, key: IdempotencyKey = None
) -> Response:
    """Draw more records from a model. They are audited like the first ones."""
    return respond(jobs.sample(backend, caller, model_id, body, key))
