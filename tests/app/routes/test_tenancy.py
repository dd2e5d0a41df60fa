"""Another tenant's ids are ids of nothing, on every route that there is or will be."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.db import transaction
from app.orm import ConnectionRow, new_id
from app.states import JobState, ReleaseState, Role
from tests.app.routes.test_uploads import is_problem
from tests.support.people import add_person
from tests.support.rows import add_dataset, add_job, add_release
from tests.support.web import Web

BODIES = {
    "/v1/datasets/{dataset_id}/schema": {"columns": [{"name": "code", "kind": "numerical"}]},
    "/v1/datasets/{dataset_id}/reading": {"decimal": ","},
    "/v1/datasets/{dataset_id}/retention": {"retention_days": 1},
    "/v1/models/{model_id}/samples": {"rows": 1},
    "/v1/releases/{release_id}/decision": {"action": "approve", "reason": "I would like to"},
    "/v1/releases/{release_id}/withdrawal": {"reason": "I would like to"},
    "/v1/keys/{key_id}/rotation": {},
    "/v1/people/{person_id}": {"disabled": True},
    "/v1/connections/{connection_id}/datasets": {"table": "visits"},
    "/v1/releases/{release_id}/deliveries": {"connection_id": "connection_0", "table": "visits"},
}
LISTS = ("/v1/datasets", "/v1/jobs", "/v1/models", "/v1/releases")
UPLOADS = ("/v1/datasets", "/v1/synthesize")
NEEDS_NO_KEY = ("/healthz", "/readyz")


@pytest.fixture
def owned(web: Web, tmp_path: Path) -> dict[str, str]:
    """One of everything that a tenant can own, by the name of the path parameter."""
    release = add_release(web, tmp_path, ReleaseState.RELEASED)
    return {
        "dataset_id": add_dataset(web, tmp_path).id,
        "job_id": add_job(web, add_dataset(web, tmp_path), JobState.QUEUED).id,
        "model_id": release.model_id,
        "report_id": release.report_id,
        "release_id": release.id,
        "key_id": web.reader.key_id,
        "webhook_id": add_webhook(web),
        "connection_id": add_connection(web),
        "person_id": add_person(web, Role.ANALYST).id,
    }


def add_webhook(web: Web) -> str:
    with web.client() as client:
        return client.post("/v1/webhooks", json={"url": "https://hooks.example/"}).json()["id"]


def add_connection(web: Web) -> str:
    place = {"kind": "postgresql", "host": "db.example", "database": "clinic", "user": "ana", "tls": "verify"}
    row = ConnectionRow(
        id=new_id("connection"),
        tenant_id=web.admin.tenant_id,
        name="clinic",
        kind="postgresql",
        place=place,
        secret="",
        writable=False,
    )
    with transaction(web.backend.engine) as session:
        session.add(row)
    return row.id


def operations(client) -> list[tuple[str, str]]:
    paths = client.get("/v1/openapi.json").json()["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods]


def test_every_route_answers_404_to_another_tenant(web: Web, owned: dict[str, str]) -> None:
    walked = 0
    with web.client(web.stranger) as client:
        for method, path in operations(client):
            if "{" not in path:
                continue
            values = owned | {"suffix": "parquet" if "/data" in path else "json"}
            target = path.format(**values)
            is_problem(client.request(method, target, json=BODIES.get(path)), 404)
            walked += 1
        is_problem(client.post("/v1/jobs", json={"dataset_id": owned["dataset_id"]}), 404)
        for path in LISTS:
            assert client.get(path).json() == {"items": [], "next": None}
    assert walked >= 14
    with web.client() as client:  # and nothing has happened to the owner's things
        assert client.get(f"/v1/jobs/{owned['job_id']}").json()["state"] == "queued"
        assert client.get(f"/v1/datasets/{owned['dataset_id']}").status_code == 200


def test_the_owner_gets_through_on_the_same_routes(web: Web, owned: dict[str, str]) -> None:
    """Or else the test above would also pass where nothing is ever found."""
    with web.client() as client:
        for path in (
            f"/v1/datasets/{owned['dataset_id']}",
            f"/v1/jobs/{owned['job_id']}",
            f"/v1/models/{owned['model_id']}",
            f"/v1/reports/{owned['report_id']}",
            f"/v1/releases/{owned['release_id']}",
            f"/v1/releases/{owned['release_id']}/data",
        ):
            assert client.get(path).status_code == 200, path


def test_an_id_of_nothing_and_a_strange_id_are_not_told_apart(web_on_both: Web, tmp_path: Path) -> None:
    job = add_job(web_on_both, add_dataset(web_on_both, tmp_path), JobState.QUEUED).id
    with web_on_both.client(web_on_both.stranger) as client:
        theirs = client.get(f"/v1/jobs/{job}")
        assert client.get("/v1/jobs/job_0").json() == theirs.json()
        for odd in ("%00", "a%00b", "%F0%9F%A6%8A", "'--", "%25", "x" * 3000):
            is_problem(client.get(f"/v1/jobs/{odd}"), 404)


def test_every_route_wants_a_key(web: Web, owned: dict[str, str]) -> None:
    values = owned | {"suffix": "json"}
    with web.client() as client:
        for method, path in operations(client):
            if path in NEEDS_NO_KEY:
                continue
            target = path.format(**values) if "data." not in path else path.format(**values | {"suffix": "csv"})
            for key in ("", "Bearer", "Basic dTpw", "Bearer lk_0_0", f"Bearer {web.admin.token}x"):
                answer = client.request(method, target, json=BODIES.get(path, {}), headers={"Authorization": key})
                is_problem(answer, 401)
                assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_key_that_may_only_read_changes_nothing(web: Web, owned: dict[str, str]) -> None:
    with web.client(web.reader) as client:
        for method, path in operations(client):
            if method == "GET":
                continue
            body = {"content": b"a,b\n1,2\n"} if path in UPLOADS else {"json": BODIES.get(path, {})}
            problem = is_problem(client.request(method, path.format(**owned), **body), 403)
            assert problem["code"] == "forbidden"
        assert client.get(f"/v1/jobs/{owned['job_id']}").json()["state"] == "queued"
