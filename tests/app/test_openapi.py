"""The description of the API is complete enough to be tested, and clients generated, from it."""

from __future__ import annotations

from pathlib import Path

from tests.support.fuzz import things, try_operations, try_sequences
from tests.support.web import Web

FOUND = 6
"""A handful of sequences gets an answer from at least so many paths."""


def test_no_request_that_fits_the_description_breaks_the_service(web: Web, tmp_path: Path) -> None:
    """`python -m benchmarks.fuzz` tries more of them, and on PostgreSQL."""
    assert try_operations(web, things(web, tmp_path), examples=6, uploads=2) >= 20


def test_no_sequence_of_requests_breaks_the_service(web_on_both: Web, tmp_path: Path) -> None:
    called = try_sequences(web_on_both, things(web_on_both, tmp_path), examples=4)
    assert len({path for _, path, status in called if status == "2xx"}) >= FOUND


def test_every_operation_is_described(web: Web) -> None:
    with web.client() as client:
        document = client.get("/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert document["components"]["securitySchemes"]["apiKey"]["scheme"] == "bearer"
    names = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            names.append(operation["operationId"])
            assert operation["summary"], path
            if path.startswith("/v1"):
                assert operation["security"] == [{"apiKey": []}], path
                assert {"401", "403", "404", "422"} <= set(operation["responses"]), path
            if method in ("post", "patch"):
                assert "requestBody" in operation or path.endswith(("/cancel", "/reset")), path
    assert len(names) == len(set(names))
    upload = document["paths"]["/v1/synthesize"]["post"]["requestBody"]["content"]
    assert upload["application/octet-stream"]["schema"] == {"type": "string", "format": "binary"}
    assert set(upload["multipart/form-data"]["schema"]["properties"]) == {"file", "options"}
    assert "HTTPValidationError" not in document["components"]["schemas"]
