"""People over the API, and what each role may do on every route and page that there is or will be."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from app import accounts, sessions
from app.auth import IssuedKey
from app.credentials import Known
from app.errors import UnauthorizedError
from app.orm import PersonRow
from app.pages.common import COOKIE
from app.pages.routers import ROUTERS
from app.services import people
from app.states import ROLE_SCOPES, ReleaseState, Role, Scope
from app.wire_people import PersonRequest
from tests.app.routes.test_tenancy import BODIES, NEEDS_NO_KEY, UPLOADS, operations
from tests.app.routes.test_uploads import is_problem
from tests.support.people import PASSWORD, add_person, key_of
from tests.support.rows import add_release
from tests.support.web import Web

ADA = {"name": "Ada Lovelace", "email": "ada@example.org", "roles": ["reviewer"]}
ADMIN = {Role.ADMIN}
REVIEWS = ADMIN | {Role.REVIEWER}
WRITES = ADMIN | {Role.UPLOADER}
READS = WRITES | {Role.ANALYST, Role.REAL_DATA_READER, Role.AUDITOR}
SEES = READS | REVIEWS
ROUTES = {
    "POST /v1/synthesize": WRITES,
    "POST /v1/datasets": WRITES,
    "GET /v1/datasets": READS,
    "GET /v1/datasets/{dataset_id}": READS,
    "PATCH /v1/datasets/{dataset_id}/schema": WRITES,
    "PATCH /v1/datasets/{dataset_id}/reading": WRITES,
    "PATCH /v1/datasets/{dataset_id}/retention": WRITES,
    "DELETE /v1/datasets/{dataset_id}": WRITES,
    "POST /v1/jobs": WRITES,
    "GET /v1/jobs": READS,
    "GET /v1/jobs/{job_id}": READS,
    "GET /v1/jobs/{job_id}/events": READS,
    "POST /v1/jobs/{job_id}/cancel": WRITES,
    "GET /v1/models": READS,
    "GET /v1/models/{model_id}": READS,
    "POST /v1/models/{model_id}/samples": WRITES,
    "GET /v1/reports/{report_id}": SEES,
    "GET /v1/reports/{report_id}.{suffix}": SEES,
    "GET /v1/releases": SEES,
    "GET /v1/releases/{release_id}": SEES,
    "POST /v1/releases/{release_id}/decision": REVIEWS,
    "POST /v1/releases/{release_id}/withdrawal": REVIEWS,
    "DELETE /v1/releases/{release_id}": ADMIN,
    "GET /v1/releases/{release_id}/data": READS,
    "GET /v1/releases/{release_id}/data.{suffix}": READS,
    "GET /v1/releases/{release_id}/certificate": READS,
    "GET /v1/releases/{release_id}/croissant": READS,
    "GET /v1/certificate-keys": READS,
    "GET /v1/keys": ADMIN,
    "POST /v1/keys": ADMIN,
    "POST /v1/keys/{key_id}/rotation": ADMIN,
    "DELETE /v1/keys/{key_id}": ADMIN,
    "GET /v1/people": ADMIN,
    "POST /v1/people": ADMIN,
    "PATCH /v1/people/{person_id}": ADMIN,
    "POST /v1/people/{person_id}/reset": ADMIN,
    "GET /v1/audit": ADMIN | {Role.AUDITOR},
    "GET /v1/webhooks": ADMIN,
    "POST /v1/webhooks": ADMIN,
    "DELETE /v1/webhooks/{webhook_id}": ADMIN,
    "POST /v1/jobs/quote": WRITES,
    "POST /v1/uses": WRITES,
    "GET /v1/jobs/{job_id}/result": READS,  # that of real records takes `real_data` besides
    "GET /v1/connections": WRITES,
    "POST /v1/connections": ADMIN,
    "DELETE /v1/connections/{connection_id}": ADMIN,
    "POST /v1/connections/{connection_id}/datasets": WRITES,
    "POST /v1/releases/{release_id}/deliveries": WRITES,
    "GET /v1/installation": frozenset(),  # of no tenant: it takes an operator's key
}
"""Who may. A route that is not here fails the test."""
PAGES = {
    "GET /": SEES,
    **{
        f"{method} {path}": WRITES
        for method in ("GET", "POST")
        for path in (
            "/datasets/new",
            "/datasets/{dataset_id}/reading",
            "/datasets/{dataset_id}/schema",
            "/datasets/{dataset_id}/retention",
            "/datasets/{dataset_id}/delete",
            "/jobs/new",
            "/jobs/{job_id}/cancel",
            "/models/{model_id}/samples",
            "/uses/new",
        )
    },
    **{
        f"GET {path}": READS
        for path in ("/datasets", "/datasets/{dataset_id}", "/jobs", "/jobs/compare", "/jobs/{job_id}", "/models")
    },
    "GET /jobs/{job_id}/result": READS,
    "GET /releases": SEES,
    "GET /releases/{release_id}": SEES,
    "POST /releases/{release_id}": REVIEWS,
    "GET /reports/{report_id}.{suffix}": SEES,
    "GET /compare": SEES,
    "GET /reports/{report_id}": SEES,
    "GET /releases/{release_id}/data.{suffix}": READS,
    "GET /releases/{release_id}/certificate.json": READS,
    "GET /releases/{release_id}/croissant.json": READS,
    "GET /account": SEES,
    "POST /account": SEES,
    "GET /audit": ADMIN | {Role.AUDITOR},
    "GET /service": ADMIN,
    "GET /people": ADMIN,
    "POST /people": ADMIN,
    "GET /people/{person_id}": ADMIN,
    "POST /people/{person_id}": ADMIN,
    "GET /keys": SEES,
    "POST /keys": SEES,
    "GET /keys/{key_id}": SEES,
    "POST /keys/{key_id}": SEES,
    "POST /sign-out": SEES,
}
OPEN_PAGES = {
    "GET /assets/pages.css",
    "GET /assets/pages.js",
    "GET /assets/htmx.min.js",
    "GET /sign-in",
    "POST /sign-in",
    "GET /sign-in/openid",
    "GET /installation",  # no session of a tenant opens it: tests/security/test_operators.py
    "POST /installation",
    "GET /sign-in/openid/back",
    "GET /set-password",
    "POST /set-password",
}


@pytest.fixture(scope="module")
def staff(web: Web) -> dict[Role, PersonRow]:
    """One person of each role."""
    return {role: add_person(web, role, name=f"Some {role.value}") for role in Role}


def nothing(path: str) -> str:
    """The path with ids of nothing: whoever may gets another refusal than whoever may not."""
    suffix = "csv" if "/data." in path else "json"
    for name in (
        "dataset_id",
        "job_id",
        "model_id",
        "report_id",
        "release_id",
        "key_id",
        "person_id",
        "webhook_id",
        "connection_id",
    ):
        path = path.replace(f"{{{name}}}", "none_0")
    return path.replace("{suffix}", suffix)


def test_every_route_is_open_to_the_roles_of_the_table_and_to_no_other(web: Web, staff: dict[Role, PersonRow]) -> None:
    with web.client() as client:
        walked = {f"{method} {path}": (method, path) for method, path in operations(client)}
    assert {name for name in walked if name.split()[1] not in NEEDS_NO_KEY} == set(ROUTES)
    for role, person in staff.items():
        with web.client(key_of(web, person, *ROLE_SCOPES[role])) as client:
            for name, allowed in ROUTES.items():
                method, path = walked[name]
                body = {"content": b""} if path in UPLOADS else {"json": BODIES.get(path, {})}
                answer = client.request(method, nothing(path), **body)
                assert (answer.status_code != 403) == (role in allowed), (role, name, answer.status_code)
                assert answer.status_code != 401, (role, name)


def test_metrics_are_open_to_no_role_but_to_this_machine(web: Web, staff: dict[Role, PersonRow]) -> None:
    for role, person in staff.items():
        with web.client(key_of(web, person, *ROLE_SCOPES[role])) as client:
            is_problem(client.get("/metrics", headers={"Via": "1.1 proxy"}), 403)


def form_of(path: str, csrf: str) -> dict[str, dict[str, object]]:
    """What a browser sends of an empty form."""
    return {"files": {"csrf": (None, csrf)}} if path == "/datasets/new" else {"data": {"csrf": csrf}}


def by_session(web: Web, person: PersonRow) -> Iterator[httpx2.Client]:
    cookie = sessions.begin_by_password(
        web.backend.engine, Known(person_id=person.id, password_hash=str(person.password_hash))
    )
    with httpx2.Client(base_url=web.url, timeout=60, trust_env=False, cookies={COOKIE: cookie}) as client:
        yield client


def test_every_page_is_open_to_the_roles_of_the_table_and_to_no_other(web: Web, staff: dict[Role, PersonRow]) -> None:
    found = {f"{method} {route.path}" for router in ROUTERS for route in router.routes for method in route.methods}
    assert found == set(PAGES) | OPEN_PAGES
    for role, person in staff.items():
        for name, allowed in PAGES.items():
            method, path = name.split()
            for client in by_session(web, person):
                csrf = sessions.csrf_of(client.cookies[COOKIE])
                sent = form_of(path, csrf) if method == "POST" else {}
                answer = client.request(method, nothing(path), **sent)
                assert (answer.status_code != 403) == (role in allowed), (role, name, answer.status_code)
                if method == "POST" and role is Role.ADMIN:
                    assert client.request(method, nothing(path), data={"csrf": "x" * 64}).status_code in (303, 403)


def test_a_person_is_made_by_an_administrator_and_sets_the_password_with_the_code(web_on_both: Web) -> None:
    web = web_on_both
    with web.client() as client:
        answer = client.post("/v1/people", json=ADA)
        made = answer.json()
        assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
        assert (made["state"], made["roles"], made["invited_by"]) == ("invited", ["reviewer"], web.admin.key_id)
        assert made["id"].startswith("person_")
        (shown,) = (each for each in client.get("/v1/people").json()["items"] if each["id"] == made["id"])
        assert shown == {name: value for name, value in made.items() if name != "code"}
        is_problem(client.post("/v1/people", json=ADA | {"email": "ADA@example.org"}), 409)
        changed = client.patch(f"/v1/people/{made['id']}", json={"roles": ["analyst", "uploader"]}).json()
        assert changed["roles"] == ["analyst", "uploader"]
        assert client.patch(f"/v1/people/{made['id']}", json={"disabled": True}).json()["state"] == "disabled"
        assert client.patch(f"/v1/people/{made['id']}", json={"disabled": False}).json()["state"] == "invited"
        again = client.post(f"/v1/people/{made['id']}/reset").json()
        assert again["code"] != made["code"]
    with web.client(web.stranger) as client:
        assert client.get("/v1/people").json() == {"items": []}
        for attempt in (client.patch(f"/v1/people/{made['id']}", json={"disabled": True}),):
            is_problem(attempt, 404)


@pytest.mark.parametrize(
    "odd",
    [
        {"name": "Ada\u202eecalevoL"},
        {"name": "Ada\u200b"},
        {"name": ""},
        {"name": "x" * 101},
        {"email": "ada"},
        {"email": "\u0430da@example.org"},
        {"roles": []},
        {"roles": ["owner"]},
        {"password": PASSWORD},
    ],
)
def test_what_cannot_be_a_person_is_refused_and_not_quoted(web: Web, odd: dict) -> None:
    with web.client() as client:
        answer = client.post("/v1/people", json=ADA | odd)
        is_problem(answer, 422)
        assert not any(text in answer.text for text in ("ecalevoL", "\\u202e", "\u0430da", PASSWORD))


def test_administrators_do_not_shut_themselves_out(web: Web, staff: dict[Role, PersonRow]) -> None:
    admin = staff[Role.ADMIN]
    with web.client(key_of(web, admin, *ROLE_SCOPES[Role.ADMIN])) as client:
        for change in ({"disabled": True}, {"roles": ["analyst"]}):
            is_problem(client.patch(f"/v1/people/{admin.id}", json=change), 409)


def test_a_person_s_decision_carries_name_and_id(web: Web, tmp_path: Path) -> None:
    person = add_person(web, Role.ADMIN, name="Ngũgĩ <b>Wa</b>")
    key: IssuedKey = key_of(web, person, *ROLE_SCOPES[Role.ADMIN])
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW)
    path = f"/v1/releases/{release.id}"
    with web.client(key) as client:
        decided = client.post(f"{path}/decision", json={"action": "approve", "reason": "limits hold"}).json()
        withdrawn = client.post(f"{path}/withdrawal", json={"reason": "no longer needed"}).json()
    for by in ("decided_by", "withdrawn_by"):
        found = decided if by == "decided_by" else withdrawn
        assert (found[by], found[f"{by}_name"], found[f"{by}_person"]) == (key.key_id, person.name, person.id)


def test_two_administrators_do_not_shut_each_other_out_at_once(web_on_both: Web) -> None:
    web = web_on_both
    for change in ({"disabled": True}, {"roles": ["analyst"]}):
        pair = [add_person(web, Role.ADMIN, name=name) for name in ("Ada Lovelace", "Grace Hopper")]
        keys = [key_of(web, person, Scope.ADMIN) for person in pair]

        def shut_out(place: int, change: dict = change, pair: list = pair, keys: list = keys) -> int:
            with web.client(keys[place]) as client:
                return client.patch(f"/v1/people/{pair[1 - place].id}", json=change).status_code

        with ThreadPoolExecutor(2) as pool:
            statuses = sorted(pool.map(shut_out, range(2)))
        assert statuses[0] == 200
        assert statuses[1] in (401, 403)
        after = [accounts.person_of(web.backend.engine, person.tenant_id, person.id) for person in pair]
        assert [row.disabled_at is None and row.roles == ["admin"] for row in after].count(True) == 1


def test_whoever_is_shut_out_meanwhile_shuts_out_nobody(web_on_both: Web) -> None:
    web = web_on_both
    ada, grace = (add_person(web, Role.ADMIN, name=name) for name in ("Ada Lovelace", "Grace Hopper"))
    accounts.set_disabled(web.backend.engine, ada.tenant_id, ada.id, disabled=True)
    for request in (PersonRequest(disabled=True), PersonRequest(roles=[Role.ANALYST])):
        with pytest.raises(UnauthorizedError):
            people.change(web.backend, accounts.caller_of(ada), grace.id, request)
    assert accounts.person_of(web.backend.engine, ada.tenant_id, grace.id).disabled_at is None
