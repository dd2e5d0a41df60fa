"""The description of the API is complete enough to be tested, and clients generated, from it."""

from __future__ import annotations

from pathlib import Path

import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.states import ReleaseState, Role
from tests.support.people import add_person
from tests.support.rows import add_release
from tests.support.web import Web

ALL = list(HealthCheck)
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 6
UPLOAD_EXAMPLES = 2
"""Fewer: every one that reaches intake starts a process."""
UPLOADS = ("/v1/datasets", "/v1/synthesize")


def test_no_request_that_fits_the_description_breaks_the_service(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW)
    document = schemathesis.openapi.from_url(f"{web.url}/v1/openapi.json")
    headers = {"Authorization": f"Bearer {web.admin.token}"}
    ours = {
        "dataset_id": release.dataset_id,
        "job_id": release.job_id,
        "model_id": release.model_id,
        "report_id": release.report_id,
        "release_id": release.id,
        "person_id": add_person(web, Role.ANALYST).id,
    }
    tried = 0
    operations = [found.ok() for found in document.get_all_operations()]
    for operation in sorted(operations, key=lambda operation: operation.method.upper() == "DELETE"):
        upload = operation.method.upper() == "POST" and operation.path in UPLOADS
        count = UPLOAD_EXAMPLES if upload else EXAMPLES

        @given(case=operation.as_strategy(), real=st.booleans())
        @settings(max_examples=count, deadline=None, derandomize=True, database=None, suppress_health_check=ALL)
        def try_out(case: schemathesis.Case, real: bool) -> None:
            if real:  # an id that exists gets further than one that was made up
                case.path_parameters.update({name: ours[name] for name in case.path_parameters if name in ours})
                if isinstance(case.body, dict) and "dataset_id" in case.body:
                    case.body["dataset_id"] = release.dataset_id
            case.call_and_validate(headers=headers, checks=CHECKS)

        try_out()
        tried += 1
    assert tried >= 20


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
