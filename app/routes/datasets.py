"""/v1/datasets and /v1/synthesize"""

from __future__ import annotations

from threading import Event
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.routes.common import BackendOf, Cursor, IdempotencyKey, Limit, Reader, Writer, respond
from app.routes.uploads import FileQuery, Reading, SynthesizeQuery, file_body, refuse_options
from app.services import corrections, datasets, jobs, rereading, retention
from app.services.datasets import Sent
from app.uploads import in_turn, receive
from app.wire import Dataset, Page, RetentionRequest, SchemaRequest
from app.wire_jobs import Job

router = APIRouter(prefix="/v1")


@router.post("/synthesize", status_code=202, response_model=Job, tags=["jobs"], openapi_extra=file_body(options=True))
async def synthesize(
    request: Request,
    backend: BackendOf,
    caller: Writer,
    query: Annotated[SynthesizeQuery, Query()],
    key: IdempotencyKey = None,
) -> Response:
    """Upload a table and have it synthesized: a data set and a job in one call."""
    reading = query.reading()
    jobs.check_request(backend, caller, query.options(None))
    backend.turns.refuse_if_full(caller.tenant_id)
    async with receive(request, backend.settings.scratch, backend.settings.max_upload_bytes) as upload:
        options = query.options(upload.options)
        jobs.check_request(backend, caller, options)

        def work(gone: Event) -> Response:
            sent = Sent(
                upload=upload, name=query.called(upload), read=reading, retention_days=query.retention_days, gone=gone
            )
            return respond(jobs.synthesize(backend, caller, sent, options, key))

        return await in_turn(request, backend.turns, caller.tenant_id, work)


@router.post(
    "/datasets", status_code=201, response_model=Dataset, tags=["datasets"], openapi_extra=file_body(options=False)
)
async def create_dataset(
    request: Request,
    backend: BackendOf,
    caller: Writer,
    query: Annotated[FileQuery, Query()],
    key: IdempotencyKey = None,
) -> Response:
    """Upload a table. The answer holds the proposed schema, which may be corrected before a job."""
    reading = query.reading()
    backend.turns.refuse_if_full(caller.tenant_id)
    async with receive(request, backend.settings.scratch, backend.settings.max_upload_bytes) as upload:
        refuse_options(upload.options)

        def work(gone: Event) -> Response:
            sent = Sent(
                upload=upload, name=query.called(upload), read=reading, retention_days=query.retention_days, gone=gone
            )
            return respond(datasets.create(backend, caller, sent, key))

        return await in_turn(request, backend.turns, caller.tenant_id, work)


@router.get("/datasets", tags=["datasets"])
def list_datasets(backend: BackendOf, caller: Reader, cursor: Cursor = None, limit: Limit = 50) -> Page[Dataset]:
    """The data sets, newest first."""
    return datasets.listed(backend, caller, cursor, limit)


@router.get("/datasets/{dataset_id}", tags=["datasets"])
def get_dataset(backend: BackendOf, caller: Reader, dataset_id: str) -> Dataset:
    """One data set, with a preview of its first records."""
    return datasets.get(backend, caller, dataset_id)


@router.patch("/datasets/{dataset_id}/schema", tags=["datasets"])
def correct_schema(backend: BackendOf, caller: Writer, dataset_id: str, body: SchemaRequest) -> Dataset:
    """Correct the kind or the role of columns, as long as no job has used them."""
    return corrections.correct_schema(backend, caller, dataset_id, body)


@router.patch("/datasets/{dataset_id}/reading", tags=["datasets"])
async def read_anew(request: Request, backend: BackendOf, caller: Writer, dataset_id: str, body: Reading) -> Dataset:
    """Read the uploaded file anew in another way, as long as no job has been sent; null takes back what was said.

    The schema is proposed anew, so corrections of columns come after.
    """
    backend.turns.refuse_if_full(caller.tenant_id)

    def work(gone: Event) -> Dataset:
        return rereading.read_anew(backend, caller, dataset_id, body.model_dump(exclude_unset=True), gone)

    return await in_turn(request, backend.turns, caller.tenant_id, work)


@router.patch("/datasets/{dataset_id}/retention", tags=["datasets"])
def keep_for(backend: BackendOf, caller: Writer, dataset_id: str, body: RetentionRequest) -> Dataset:
    """Say how many days after the last training the real records go; null keeps them as long as the data set.

    Reports and releases stay.
    """
    return retention.keep_for(backend, caller, dataset_id, body.retention_days)


@router.delete("/datasets/{dataset_id}", status_code=204, tags=["datasets"])
def delete_dataset(backend: BackendOf, caller: Writer, dataset_id: str) -> None:
    """Delete the table, its models and all files of its jobs, except reports and released tables."""
    datasets.delete(backend, caller, dataset_id)
