"""What goes around every request: its id, its line in the log and its place in the metrics."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.log import FIELDS, REQUEST, accepted_request_id
from app.metrics import PROBES, UNMATCHED, RequestMetrics

HEADER = b"x-request-id"
logger = logging.getLogger("lookalike.access")


class RequestMiddleware:
    """Gives each request an id, its own where it brought a valid one, and says it in the answer."""

    def __init__(self, app: ASGIApp, metrics: RequestMetrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        method, begun = scope["method"], time.perf_counter()
        request_id = accepted_request_id(_sent(scope["headers"]))
        status, seconds = 0, 0.0

        async def named(message: Message) -> None:
            nonlocal status, seconds
            if message["type"] == "http.response.start":
                status, seconds = message["status"], time.perf_counter() - begun
                message = {**message, "headers": [*message.get("headers", ()), (HEADER, request_id.encode())]}
            await send(message)

        token = REQUEST.set(request_id)
        try:
            await self.app(scope, receive, named)
        finally:
            route = getattr(scope.get("route"), "path", None)
            if status:
                self.metrics.count(method, route, status, seconds)
            if scope["path"] not in PROBES or status >= 400:
                _log(method, route or UNMATCHED, status, seconds)
            REQUEST.reset(token)


def _sent(headers: Iterable[tuple[bytes, bytes]]) -> str:
    return next((value.decode("latin-1") for name, value in headers if name == HEADER), "")


def _log(method: str, route: str, status: int, seconds: float) -> None:
    """One line, with the template of the route: paths and queries hold names that people chose."""
    fields = {"method": method, "route": route, "status": status, "ms": round(seconds * 1000, 1)}
    logger.info("request" if status else "request without an answer", extra={FIELDS: fields})
