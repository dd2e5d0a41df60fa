"""The size of request bodies, counted while they come, and how often one address may ask."""

from __future__ import annotations

from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import TooManyRequestsError
from app.guesses import network_of
from app.metrics import PROBES
from app.multipart import MAX_PART_BYTES
from app.rates import Rates

UPLOAD_PATHS = frozenset({"/v1/datasets", "/v1/synthesize", "/datasets/new"})
JSON_BYTES = 1024 * 1024
"""The largest body that is held in memory."""


class BodyLimitMiddleware:
    """Breaks off a body that is larger than its route takes with 413."""

    def __init__(self, app: ASGIApp, upload_bytes: int) -> None:
        self.app = app
        self.upload_bytes = upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self.upload_bytes + MAX_PART_BYTES if scope["path"] in UPLOAD_PATHS else JSON_BYTES
        count = 0

        async def counted() -> Message:
            nonlocal count
            message = await receive()
            count += len(message.get("body", b""))
            if count > limit:
                raise HTTPException(413, f"expected a body of at most {limit} bytes, got more")
            return message

        await self.app(scope, counted, send)


class RateMiddleware:
    """Answers an address that asks too often with 429; an IPv6 network of 64 bits counts as one. Probes are free."""

    def __init__(self, app: ASGIApp, rates: Rates, refuse: Callable[[Request, Exception], Response]) -> None:
        self.app = app
        self.rates = rates
        self.refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["path"] not in PROBES:
            try:
                self.rates.take(network_of((scope.get("client") or ("", 0))[0]))
            except TooManyRequestsError as error:
                await self.refuse(Request(scope), error)(scope, receive, send)
                return
        await self.app(scope, receive, send)
