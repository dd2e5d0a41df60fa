"""What routes share: who calls, with which resources, and which page of a list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Header, Query, Request, Response
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app import auth, operators
from app.context import Backend, Caller
from app.db import Tenancy
from app.errors import UnauthorizedError
from app.idempotency import Answer
from app.issued import sha256_of
from app.orm import OperatorKeyRow
from app.states import Scope

bearer = HTTPBearer(auto_error=False, scheme_name="apiKey", description="An API key: lk_<prefix>_<secret>")


async def backend_of(request: Request) -> Backend:  # asynchronous, though it waits for nothing: that costs no thread
    """The resources that the lifespan opened; their database shows the rows of the caller's tenant once that is known.

    FastAPI asks once for each request, so that whoever finds out binds it for all.
    """
    backend: Backend = request.app.state.backend
    request.state.tenancy = Tenancy()
    return replace(backend, engine=request.state.tenancy.bind(backend.engine))


BackendOf = Annotated[Backend, Depends(backend_of)]


def caller_with(*scopes: Scope) -> Callable[..., Caller]:
    """A dependency that gives the caller, if its key has one of the scopes."""

    def authorized(
        request: Request, backend: BackendOf, key: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
    ) -> Caller:
        caller = authenticated(request, backend, None if key is None else key.credentials)
        auth.demand(caller, *scopes)
        return caller

    return authorized


def authenticated(request: Request, backend: Backend, token: str | None) -> Caller:
    """Who holds the token.

    Raises UnauthorizedError, TooManyGuessesError where wrong ones came too often, and TooManyRequestsError where this
    one did.
    """
    address = request.client.host if request.client else ""
    digest = sha256_of(token or "")
    if token:
        backend.guesses.refuse_if_many(address, digest)
    try:
        caller = auth.authenticate(backend.engine, token)
    except UnauthorizedError:
        if token:
            backend.guesses.note_wrong(address)
        raise
    backend.guesses.note_right(digest)
    backend.rates.take(caller.actor_id)
    request.state.tenancy.tenant_id = caller.tenant_id
    return caller


def operating(request: Request, backend: Backend, token: str) -> OperatorKeyRow:
    """The operator's key. Raises as `authenticated`."""
    address, digest = request.client.host if request.client else "", sha256_of(token)
    backend.guesses.refuse_if_many(address, digest)
    try:
        key = operators.authenticate(backend.engine, token)
    except UnauthorizedError:
        backend.guesses.note_wrong(address)
        raise
    backend.guesses.note_right(digest)
    backend.rates.take(key.parent_id or key.id)
    return key


Reader = Annotated[Caller, Depends(caller_with(Scope.READ))]
Writer = Annotated[Caller, Depends(caller_with(Scope.WRITE))]
Reviewer = Annotated[Caller, Depends(caller_with(Scope.REVIEW))]
Auditor = Annotated[Caller, Depends(caller_with(Scope.AUDIT))]
Administrator = Annotated[Caller, Depends(caller_with(Scope.ADMIN))]
ReaderOrReviewer = Annotated[Caller, Depends(caller_with(Scope.READ, Scope.REVIEW))]
"""Whoever decides on a release may read it and its report."""

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="A name for this request. Sent again with it, the request is not done again but answered again.",
    ),
]
Cursor = Annotated[
    str | None, Query(pattern=r"^[a-z]+_[0-9a-f]+$", max_length=100, description="`next` of the page before.")
]
Limit = Annotated[int, Query(ge=1, le=200, description="How many items at most.")]


def respond(answer: Answer) -> Response:
    """The answer to a POST, with its Location and whether it was given before."""
    headers = {"Location": answer.location} if answer.location else {}
    if answer.replayed:
        headers["Idempotency-Replayed"] = "true"
    return JSONResponse(answer.body, status_code=answer.status, headers=headers)
