"""Every refusal and every failure as an RFC 9457 problem document, without a word of the data in it."""

from __future__ import annotations

import errno
import logging
import re
import secrets
import traceback
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, TimeoutError  # noqa: A004 - of its pool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import ServiceError, StorageFullError
from privacy.errors import PrivacyError
from synth.errors import SynthError

MEDIA_TYPE = "application/problem+json"
logger = logging.getLogger("lookalike.web")


class ProblemResponse(JSONResponse):
    """A problem document."""

    media_type = MEDIA_TYPE


class InvalidFieldsError(ServiceError):
    """Fields of the request that are missing, unknown or out of bounds."""

    code = "invalid_fields"
    status = 422
    title = "The request is not valid"


def invalid_fields(errors: Sequence[Mapping[str, Any]]) -> InvalidFieldsError:
    """The refusal that names each wrong field and what was expected there; never what came, which may be data."""
    fields = [{"field": ".".join(str(part) for part in e["loc"]), "message": str(e["msg"])} for e in errors]
    names = ", ".join(field["field"] or "the whole" for field in fields[:5])
    return InvalidFieldsError(f"expected valid fields, got {len(fields)} wrong: {names}", members={"errors": fields})


def from_validation(error: ValidationError, prefix: str) -> InvalidFieldsError:
    """The refusal for a part of the request that was validated by hand."""
    return invalid_fields([{"loc": (prefix, *e["loc"]), "msg": e["msg"]} for e in error.errors(include_input=False)])


def problem(
    status: int, code: str, title: str, detail: str, *, members: Mapping[str, object] | None = None
) -> ProblemResponse:
    """The answer that carries one problem."""
    fields = {"type": f"urn:lookalike:problem:{code}", "title": title, "status": status, "detail": detail, "code": code}
    return ProblemResponse({**fields, **(members or {})}, status_code=status)


def of_service(error: ServiceError) -> Response:
    """The answer to a refusal."""
    response = problem(error.status, error.code, error.title, error.detail, members=error.members)
    response.headers.update(error.headers)
    return response


def _of_service(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ServiceError)  # noqa: S101 - registered for this class only
    return of_service(error)


def _of_room(_request: Request, error: Exception) -> Response:
    code = re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__).lower().removesuffix("_error")
    return problem(422, f"invalid_{code}", "The request is not valid", str(error))


def _of_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    return _of_service(request, invalid_fields(error.errors()))


def _of_http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    status = HTTPStatus(error.status_code)
    said = error.detail if error.detail != status.phrase else status.description or status.phrase
    response = problem(error.status_code, status.name.lower(), status.phrase, said)
    response.headers.update(error.headers or {})
    return response


def _of_database(_request: Request, error: Exception) -> Response:
    """A database that is away is no defect of ours; anything else that it says is."""
    away = isinstance(error, OperationalError | InterfaceError | TimeoutError)
    if not (away or getattr(error, "connection_invalidated", False)):
        return _of_incident(error)
    if "full" in str(getattr(error, "orig", "")):
        return _of_service(_request, StorageFullError("expected room in the database, got none left"))
    detail = "expected a database that answers, got none or one that is too busy; try again later"
    response = problem(503, "database_away", "The database cannot be reached", detail)
    response.headers["Retry-After"] = "5"
    return response


def _of_system(_request: Request, error: Exception) -> Response:
    if getattr(error, "errno", None) in {errno.ENOSPC, errno.EDQUOT}:
        return _of_service(_request, StorageFullError("expected room for the upload, got none left"))
    return _of_incident(error)


def _of_disconnect(_request: Request, _error: Exception) -> Response:
    return problem(400, "malformed_body", "The body is not well formed", "expected the whole body, got a part of it")


def _of_incident(error: Exception) -> ProblemResponse:
    """The answer to a defect of ours. The log gets the kind and the place; the error's words may quote the data."""
    incident = secrets.token_hex(8)
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    where = " < ".join(f"{Path(f.filename).name}:{f.lineno}:{f.name}" for f in reversed(frames))
    logger.error("incident %s: %s at %s", incident, type(error).__name__, where)
    return problem(
        500,
        "internal_error",
        "The service failed",
        f"the request could not be served; name incident {incident} when you report it",
        members={"instance": f"urn:lookalike:incident:{incident}"},
    )


class IncidentMiddleware:
    """Answers what nobody caught, so that no server prints the words of an exception."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:  # noqa: BLE001 - the last frame that is ours
            response = _of_incident(error)
            if started:  # the answer cannot be taken back: break the connection, without the words
                raise ConnectionAbortedError("the answer broke off") from None
            await response(scope, receive, send)


HANDLERS: Mapping[type[Exception], Callable[[Request, Exception], Response]] = {
    ServiceError: _of_service,
    SynthError: _of_room,
    PrivacyError: _of_room,
    RequestValidationError: _of_validation,
    HTTPException: _of_http,
    DBAPIError: _of_database,
    TimeoutError: _of_database,
    OSError: _of_system,
    ClientDisconnect: _of_disconnect,
}
"""How each kind of error is answered; any other is a defect of ours."""


def answer_to(request: Request, error: Exception) -> Response:
    """The problem document that answers this error."""
    handler = next((handle for kind, handle in HANDLERS.items() if isinstance(error, kind)), None)
    return _of_incident(error) if handler is None else handler(request, error)


def install(app: FastAPI) -> None:
    """Have every error of `app` answered as a problem document."""
    for kind, handle in HANDLERS.items():
        app.add_exception_handler(kind, handle)
    app.add_middleware(IncidentMiddleware)
