"""What goes around every request: its id, its line in the log and its place in the metrics."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.log import FIELDS, REQUEST, accepted_request_id
from app.metrics import METHODS, PROBES, UNMATCHED, RequestMetrics
from app.traces import Traces

HEADER, PARENT = b"x-request-id", b"traceparent"
logger = logging.getLogger("lookalike.access")


class RequestMiddleware:
    """Gives each request an id, its own where it brought a valid one, and says it in the answer."""

    def __init__(self, app: ASGIApp, metrics: RequestMetrics, traces: Traces) -> None:
        self.app = app
        self.traces = traces
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        method, begun = scope["method"], time.perf_counter()
        request_id = accepted_request_id(_sent(scope["headers"], HEADER))
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
                self._trace(scope, route or UNMATCHED, status, time.perf_counter() - begun)
            REQUEST.reset(token)

    def _trace(self, scope: Scope, route: str, status: int, seconds: float) -> None:
        """A span of the whole request, until its answer was sent."""
        method = scope["method"] if scope["method"] in METHODS else "other"
        facts: dict[str, str | int] = {"http.request.method": method, "http.route": route}
        facts |= {"http.response.status_code": status, "lookalike.request": REQUEST.get()}
        failed, parent = not status or status >= 500, _sent(scope["headers"], PARENT)
        self.traces.note(f"{method} {route}", seconds, facts, failed=failed, parent=parent)


def _sent(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> str:
    return next((value.decode("latin-1") for name, value in headers if name == wanted), "")


def _log(method: str, route: str, status: int, seconds: float) -> None:
    """One line, with the template of the route: paths and queries hold names that people chose."""
    fields = {"method": method, "route": route, "status": status, "ms": round(seconds * 1000, 1)}
    logger.info("request" if status else "request without an answer", extra={FIELDS: fields})
