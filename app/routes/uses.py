"""/v1/uses, and the results of its jobs"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from app.context import Backend, Caller
from app.routes.common import BackendOf, IdempotencyKey, Reader, Writer, respond
from app.routes.files import serve
from app.routes.uploads import BINARY
from app.services import uses
from app.wire_jobs import Job, UseRequest

ZIP = {"application/zip": {"schema": BINARY}}
CONTENT: dict[int | str, dict[str, Any]] = {
    200: {"description": "The tables, each with the mark of what is in it", "content": ZIP},
    206: {"description": "A part of it", "content": ZIP},
    304: {"description": "The client has it already"},
}

router = APIRouter(prefix="/v1")


@router.post("/uses", status_code=202, response_model=Job, tags=["uses"])
def create_use(backend: BackendOf, caller: Writer, body: UseRequest, key: IdempotencyKey = None) -> Response:
    """Complete, impute, score, change or carry over records, or choose few that teach a model much.

    The result is real data wherever records of a data set went in, and is never a release.
    """
    return respond(uses.create(backend, caller, body, key))


@router.get("/jobs/{job_id}/result", response_class=Response, responses=CONTENT, tags=["uses"])
def get_result(request: Request, backend: BackendOf, caller: Reader, job_id: str) -> Response:
    """What a use has given, as a ZIP archive.

    For keys with the scopes `read` and `real_data`. Few records of a release are for whoever may get the release.
    """
    return result_answer(request, backend, caller, job_id)


def result_answer(request: Request, backend: Backend, caller: Caller, job_id: str) -> Response:
    """The archive of a use that has finished."""
    file = uses.result(backend, caller, job_id)
    return serve(
        request, backend.blobs, key=file.key, etag=file.sha256, media_type=file.media_type, filename=file.filename
    )
