"""/v1/releases/{id}/certificate and /v1/certificate-keys"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from app.certificate import ENVELOPE_FILE
from app.context import Backend, Caller
from app.routes.common import BackendOf, Reader
from app.routes.files import attachment
from app.services import certificates
from app.wire import PublicKeys

ENVELOPE = "application/vnd.dsse.envelope.v1+json"
CONTENT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A DSSE envelope with an in-toto statement",
        "content": {ENVELOPE: {"schema": {"type": "object"}}},
    }
}

router = APIRouter(prefix="/v1")


@router.get("/releases/{release_id}/certificate", response_class=Response, responses=CONTENT, tags=["releases"])
def get_certificate(backend: BackendOf, caller: Reader, release_id: str) -> Response:
    """The signed certificate of a released release."""
    return certificate_answer(backend, caller, release_id)


def certificate_answer(backend: Backend, caller: Caller, release_id: str) -> Response:
    """The certificate as a file."""
    signed = certificates.certificate_of(backend, caller, release_id)
    return Response(signed, media_type=ENVELOPE, headers=attachment(ENVELOPE_FILE))


@router.get("/certificate-keys", tags=["releases"])
def list_certificate_keys(backend: BackendOf, _caller: Reader) -> PublicKeys:
    """The public keys that check certificates of this installation, those of earlier ones included."""
    return PublicKeys(keys=certificates.public_keys(backend))
