"""Traces of requests and stages to an OpenTelemetry collector, where one is set. Without it nothing of it is loaded.

A span holds the template of a route, a method, a status, a stage, an outcome and ids of ours: no path, query, header,
file name, name of a column or cell. It is written when it is over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import app
from app.config import Settings

Facts = Mapping[str, str | int]
EXTRA = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
"""What `lookalike[traces]` installs."""


class TracesError(ValueError):
    """Settings of traces for which packages are missing, with what to install."""


@dataclass(frozen=True, slots=True)
class Traces:
    """Where spans go; nowhere where no collector is set."""

    tracer: Any = None
    parent_of: Callable[[str], Any] = lambda _sent: None
    close: Callable[[], None] = lambda: None
    """Sends what waits."""

    def note(self, name: str, seconds: float, facts: Facts, *, failed: bool = False, parent: str = "") -> None:
        """A span that ends now and took so long. `parent` is the header `traceparent` of whoever asked for it."""
        if self.tracer is None:
            return
        from opentelemetry.trace import SpanKind, StatusCode  # noqa: PLC0415 - an extra

        end = time.time_ns()
        kind = SpanKind.SERVER if "http.route" in facts else SpanKind.INTERNAL
        begun = end - int(seconds * 1e9)
        span = self.tracer.start_span(
            name, context=self.parent_of(parent), kind=kind, attributes=dict(facts), start_time=begun
        )
        if failed:
            span.set_status(StatusCode.ERROR)
        span.end(end)


def require_extra(settings: Settings) -> None:
    """Raises TracesError where a collector is set, and the extra is missing. Loads none of it."""
    if settings.traces_endpoint and not all(map(_is_there, EXTRA)):
        raise TracesError(
            "expected the packages that send traces beside LOOKALIKE_TRACES_ENDPOINT, got an installation without: "
            'pip install "lookalike[traces]"'
        )


def open_traces(settings: Settings, role: str) -> Traces:
    """What this process sends its spans with. Raises TracesError as `require_extra` does."""
    require_extra(settings)
    if not settings.traces_endpoint:
        return Traces()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - an extra
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    about = {"service.name": "lookalike", "service.version": app.__version__, "lookalike.process": role}
    provider = TracerProvider(resource=Resource.create(about), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.traces_endpoint, timeout=5)))
    propagator = TraceContextTextMapPropagator()

    def parent_of(sent: str) -> Any:  # noqa: ANN401 - the extra's own
        return propagator.extract({"traceparent": sent})

    return Traces(provider.get_tracer("lookalike"), parent_of, provider.shutdown)


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # a package around it is missing
        return False
