"""Traces reach a collector over OTLP/HTTP, and nothing of a tenant is in them."""

from __future__ import annotations

import asyncio
import gzip
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from app.blobs import open_blobs
from app.cli.exits import CommandError
from app.cli.serve import read_settings
from app.config import Settings
from app.jobs import attempts
from app.jobs.worker_context import WorkerContext
from app.jobs.workflow import run_stage
from app.task import Failure, Task
from app.traces import Traces, TracesError, open_traces
from tests.support.jobs import open_shop
from tests.support.web import serve

MARKER = "MARKER-of-a-tenant"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@contextmanager
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """A collector that takes OTLP/HTTP: its address, and the bodies that came."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            bodies.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/traces", bodies
    finally:
        server.shutdown()
        server.server_close()


def spans(bodies: list[bytes]) -> list[Span]:
    found = [ExportTraceServiceRequest.FromString(body) for body in bodies]
    return [span for each in found for of in each.resource_spans for s in of.scope_spans for span in s.spans]


def facts(span: Span) -> dict[str, object]:
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


def test_requests_are_traced_by_the_template_of_their_route(sqlite_settings: Settings) -> None:
    with collector() as (url, bodies):
        with (
            serve(sqlite_settings.model_copy(update={"traces_endpoint": url})) as web,
            web.client() as client,
        ):
            headers = {"traceparent": PARENT, "tracestate": f"x={MARKER}", "X-Secret": MARKER, "User-Agent": MARKER}
            said = client.get(f"/v1/datasets/{MARKER}", params={"q": MARKER}, headers=headers)
            client.get(f"/{MARKER}")
            client.post("/v1/datasets", content=f"{MARKER},b\n1,2\n".encode(), params={"name": f"{MARKER}.csv"})
        found = {span.name: span for span in spans(bodies)}
    assert set(found) == {"GET /v1/datasets/{dataset_id}", "GET unmatched", "POST /v1/datasets"}
    span = found["GET /v1/datasets/{dataset_id}"]
    assert facts(span) == {
        "http.request.method": "GET",
        "http.route": "/v1/datasets/{dataset_id}",
        "http.response.status_code": 404,
        "lookalike.request": said.headers["x-request-id"],
    }
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == tuple(PARENT.split("-")[1:3])
    assert span.end_time_unix_nano > span.start_time_unix_nano
    assert MARKER.encode() not in b"".join(bodies)


def test_stages_are_traced_with_how_they_ended(sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async def attempt(_: WorkerContext, task: Task) -> Failure:
        return Failure(code="bad_table", detail=MARKER)

    monkeypatch.setattr(attempts, "_attempt", attempt)
    with collector() as (url, bodies), open_shop(sqlite_settings) as shop:
        traces = open_traces(shop.settings.model_copy(update={"traces_endpoint": url}), "worker")
        context = WorkerContext(
            settings=shop.settings, database=shop.engine, blobs=open_blobs(shop.settings), traces=traces
        )
        job_id = shop.job(enqueue=False)
        asyncio.run(run_stage(context, job_id, "train"))
        traces.close()
        (span,) = spans(bodies)
    assert (span.name, span.status.code) == ("stage train", Status.STATUS_CODE_ERROR)
    assert facts(span) == {
        "lookalike.job": job_id,
        "lookalike.stage": "train",
        "lookalike.attempt": 1,
        "lookalike.outcome": "bad_table",
    }
    assert MARKER.encode() not in b"".join(bodies)


def test_without_a_collector_nothing_is_loaded_and_without_the_extra_that_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert open_traces(Settings(), "api").tracer is None
    Traces().note("a stage", 1.0, {})
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk", None)
    with pytest.raises(TracesError, match=r"lookalike\[traces\]"):
        open_traces(Settings(traces_endpoint="http://127.0.0.1:9/v1/traces"), "api")
    monkeypatch.setenv("LOOKALIKE_TRACES_ENDPOINT", "http://127.0.0.1:9/v1/traces")
    with pytest.raises(CommandError, match=r'pip install "lookalike\[traces\]"$'):
        read_settings(None)
    with pytest.raises(ValueError, match="traces_endpoint"):
        Settings(traces_endpoint="file:///etc/passwd")
