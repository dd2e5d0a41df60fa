"""Each scope opens the routes that are listed here, and no other: a new route without a line here fails the test."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.auth import create_key
from app.states import ROLE_SCOPES, Role, Scope, scopes_of
from tests.app.routes.test_tenancy import UPLOADS, operations
from tests.app.routes.test_uploads import is_problem
from tests.app.routes.test_uses import ARCHIVE, asked_of, finished, things
from tests.support.people import add_person, key_of
from tests.support.web import Web

READS = """
GET /v1/datasets
GET /v1/datasets/{dataset_id}
GET /v1/jobs
GET /v1/jobs/{job_id}
GET /v1/jobs/{job_id}/events
GET /v1/jobs/{job_id}/result
GET /v1/models
GET /v1/models/{model_id}
GET /v1/releases/{release_id}/data
GET /v1/releases/{release_id}/data.{suffix}
GET /v1/releases/{release_id}/certificate
GET /v1/releases/{release_id}/croissant
GET /v1/certificate-keys
"""
READS_AND_REVIEWS = """
GET /v1/releases
GET /v1/releases/{release_id}
GET /v1/reports/{report_id}
GET /v1/reports/{report_id}.{suffix}
"""
REVIEWS = """
POST /v1/releases/{release_id}/decision
POST /v1/releases/{release_id}/withdrawal
"""
WRITES = """
POST /v1/synthesize
POST /v1/datasets
DELETE /v1/datasets/{dataset_id}
PATCH /v1/datasets/{dataset_id}/schema
PATCH /v1/datasets/{dataset_id}/reading
PATCH /v1/datasets/{dataset_id}/retention
GET /v1/connections
POST /v1/connections/{connection_id}/datasets
POST /v1/releases/{release_id}/deliveries
POST /v1/jobs
POST /v1/jobs/quote
POST /v1/jobs/{job_id}/cancel
POST /v1/models/{model_id}/samples
POST /v1/uses
"""
AUDITS = "GET /v1/audit"
ADMINISTERS = """
POST /v1/connections
DELETE /v1/connections/{connection_id}
DELETE /v1/releases/{release_id}
GET /v1/keys
POST /v1/keys
POST /v1/keys/{key_id}/rotation
DELETE /v1/keys/{key_id}
GET /v1/people
POST /v1/people
PATCH /v1/people/{person_id}
POST /v1/people/{person_id}/reset
GET /v1/webhooks
POST /v1/webhooks
DELETE /v1/webhooks/{webhook_id}
"""
OPERATORS = "GET /v1/installation"
EVERYBODYS = """
GET /healthz
GET /readyz
"""
OPENS = {
    Scope.READ: READS + READS_AND_REVIEWS,
    Scope.WRITE: WRITES,
    Scope.REAL_DATA: "",  # beside `read`: it decides whether the result of a use is given out
    Scope.REVIEW: READS_AND_REVIEWS + REVIEWS,
    Scope.AUDIT: f"\n{AUDITS}\n",
}
ALL = "\n".join((READS, READS_AND_REVIEWS, REVIEWS, WRITES, AUDITS, ADMINISTERS, OPERATORS, EVERYBODYS))


def lines(text: str) -> set[str]:
    return {line for line in text.splitlines() if line}


def test_every_route_has_a_rule(web: Web) -> None:
    with web.client() as client:
        assert {f"{method} {path}" for method, path in operations(client)} == lines(ALL)


@pytest.mark.parametrize("scope", OPENS)
def test_a_scope_opens_its_own_routes_and_no_other(web: Web, scope: Scope) -> None:
    key = create_key(web.backend.engine, web.admin.tenant_id, [scope])
    opened = set()
    with web.client(key) as client:
        for method, path in operations(client):
            target = re.sub(r"\{\w+\}", "x_0", path.replace("{suffix}", "json" if "report" in path else "csv"))
            body = {"content": b"a,b\n1,2\n"} if path in UPLOADS else {"json": {}}
            answer = client.request(method, target, **({} if method == "GET" else body))
            assert answer.status_code != 401, path
            if answer.status_code != 403:
                opened.add(f"{method} {path}")
    assert opened == lines(OPENS[scope]) | lines(EVERYBODYS)


def test_every_scope_but_that_of_administrators_is_in_the_matrix() -> None:
    assert set(OPENS) == set(Scope) - {Scope.ADMIN}


def test_the_right_to_real_data_comes_with_no_role_from_before() -> None:
    assert {role for role, scopes in ROLE_SCOPES.items() if Scope.REAL_DATA in scopes} == {Role.REAL_DATA_READER}
    assert scopes_of([Role.UPLOADER]) == {Scope.READ, Scope.WRITE}


@pytest.mark.parametrize("use", ["adapt", "change"])
def test_a_result_with_real_records_takes_the_scope_real_data(web: Web, tmp_path: Path, use: str) -> None:
    ids, engine, tenant = things(web, tmp_path), web.backend.engine, web.admin.tenant_id
    asked = {
        "adapt": {"use": "adapt", "dataset_id": ..., "like": ...},
        "change": {"use": "change", "release_id": ..., "conditions": {"city": "Oslo"}},
    }[use]
    path = f"/v1/jobs/{finished(web, ids, asked)}/result"
    sender = create_key(engine, tenant, [Scope.READ, Scope.WRITE, Scope.REVIEW, Scope.AUDIT])
    uploader, holder = add_person(web, Role.UPLOADER), add_person(web, Role.REAL_DATA_READER)
    for key in (sender, key_of(web, uploader, Scope.READ, Scope.WRITE, Scope.REAL_DATA)):
        with web.client(key) as client:
            refused = client.get(path)
            assert "the scope real_data" in is_problem(refused, 403)["detail"]
            assert 'scope="real_data"' in refused.headers["www-authenticate"]
            assert client.head(path).status_code == 403
    for key in (create_key(engine, tenant, [Scope.READ, Scope.REAL_DATA]), key_of(web, holder, *Scope)):
        with web.client(key) as client:
            assert client.get(path).content == ARCHIVE
            is_problem(client.post("/v1/uses", json=asked_of(ids, asked)), 403)


def test_nobody_gives_themselves_the_right_to_real_data(web: Web) -> None:
    uploader = key_of(web, add_person(web, Role.UPLOADER), Scope.READ, Scope.WRITE)
    with web.client(uploader) as client:
        is_problem(client.post("/v1/keys", json={"scopes": ["real_data"]}), 403)
