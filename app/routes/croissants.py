"""/v1/releases/{id}/croissant"""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Response

from app.context import Backend, Caller
from app.croissant import FILE
from app.routes.common import BackendOf, Reader
from app.routes.files import attachment
from app.services import croissants

JSON_LD = "application/ld+json"
CONTENT: dict[int | str, dict[str, Any]] = {
    200: {"description": "Croissant 1.0 metadata", "content": {JSON_LD: {"schema": {"type": "object"}}}}
}

router = APIRouter(prefix="/v1")


@router.get("/releases/{release_id}/croissant", response_class=Response, responses=CONTENT, tags=["releases"])
def get_croissant(backend: BackendOf, caller: Reader, release_id: str) -> Response:
    """Metadata of a released table for machine learning tools, in the format Croissant."""
    return croissant_answer(backend, caller, release_id)


def croissant_answer(backend: Backend, caller: Caller, release_id: str) -> Response:
    """The metadata as a file."""
    found = croissants.croissant_of(backend, caller, release_id)
    text = json.dumps(found, ensure_ascii=False, indent=1)
    return Response(text, media_type=JSON_LD, headers=attachment(FILE))
