"""The description of the API that clients are generated from."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.problems import MEDIA_TYPE
from app.wire import Problem
from app.wire_jobs import JobOptions

EVERYWHERE = {
    "400": "The body is not well formed",
    "401": "No valid API key",
    "403": "The caller lacks a scope",
    "404": "No such thing, or another tenant's",
    "406": "Not available in the format asked for",
    "409": "Not possible in the present state",
    "413": "Too much data",
    "415": "Not a kind of file that is read",
    "416": "The range is outside the file",
    "422": "The request is not valid",
    "429": "Too many requests, jobs within a day, or wrong keys or passwords",
    "500": "The service failed",
    "503": "Too much to do, or database or storage are away: try again later",
    "507": "The storage is full, or the tenant's part of it",
}
PUBLIC = ("/healthz", "/readyz")
METHODS = ("get", "post", "put", "patch", "delete")


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document: every operation with the problems that it may answer."""
    if app.openapi_schema:
        return app.openapi_schema
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes, tags=app.openapi_tags
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for body in (Problem, JobOptions):
        described = body.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(described.pop("$defs", {}))
        schemas[body.__name__] = described
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    components["responses"] = {
        f"Problem{status}": {
            "description": words,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status, words in EVERYWHERE.items()
    }
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                _add_problems(path, methods[method])
    app.openapi_schema = document
    return document


def _add_problems(path: str, operation: dict[str, Any]) -> None:
    statuses = ("500",) if path in PUBLIC else EVERYWHERE
    answers = operation.setdefault("responses", {})
    answers.pop("422", None)
    for status in statuses:
        answers.setdefault(status, {"$ref": f"#/components/responses/Problem{status}"})
