"""Whoever operates the installation sees all of it and nothing of any tenant; nobody of a tenant sees it."""

from __future__ import annotations

import json
from pathlib import Path

import httpx2

from app import operators
from app.auth import IssuedKey
from app.cli.client import Client
from app.db import transaction
from app.jobs.heartbeat import Heart
from app.orm import OperatorKeyRow, now
from app.states import JobKind, JobState
from tests.app.pages.test_pages import browser, token_in
from tests.app.report.reader import Reader
from tests.app.routes.test_uploads import is_problem
from tests.support.rows import add_dataset, add_job
from tests.support.web import Web


def operator(web: Web) -> IssuedKey:
    token = operators.create(web.backend.engine, "Grace Hopper")
    return IssuedKey(tenant_id="", key_id="operator_" + token.split("_")[1], token=token)


def test_an_operator_sees_queues_and_workers_of_all_tenants_and_no_name(web_on_both: Web, tmp_path: Path) -> None:
    web, key = web_on_both, operator(web_on_both)
    jobs = [add_job(web, add_dataset(web, tmp_path), JobState.QUEUED)]
    jobs.append(add_job(web, add_dataset(web, tmp_path, tenant_id=web.stranger.tenant_id), JobState.QUEUED))
    for job in jobs:
        web.backend.queue.enqueue(job.id, job.tenant_id, JobKind.SYNTHESIZE)
    Heart(web.backend.engine, 7, queues="gpu").beat()
    with web.client(key) as client:
        answer = client.get("/v1/installation")
    found = answer.json()
    assert answer.status_code == 200
    assert (found["tenants"], found["jobs"]["queued"], found["jobs"]["failed"]) == (2, 2, 0)
    queues = {each["name"]: each for each in found["queues"]}
    assert sum(each["waiting"] for each in queues.values()) == 2
    assert (queues["gpu"]["is_served"], queues["cpu"]["is_served"]) == (True, False)
    assert [(each["slot"], each["queues"], each["lives"]) for each in found["workers"]] == [(7, ["gpu"], True)]
    assert found["disk"]["free_bytes"] > 0
    hidden = ("ours", "theirs", "people", "tenant_", "dataset_", "job_", str(web.settings.home))
    assert not [each for each in hidden if each in json.dumps(found)]
    with Client(web.url, key.token, direct=True) as client:
        assert client.get("/v1/installation")["workers"] == found["workers"]


def test_the_key_opens_nothing_else_and_no_key_of_a_tenant_opens_this(web: Web) -> None:
    key = operator(web)
    with web.client(key) as client:
        for path in ("/v1/datasets", "/v1/jobs", "/v1/people", "/v1/keys", "/v1/audit"):
            is_problem(client.get(path), 401)
    for other in (web.admin, web.stranger, web.reader):
        with web.client(other) as client:
            is_problem(client.get("/v1/installation"), 403)
        with browser(web, other) as client:
            assert client.get("/installation").headers["location"].startswith("/sign-in")
    for wrong in (f"{key.token}x", "lo_", "lo__", "lo_x_y", key.token.replace("lo_", "lk_")):
        with web.client(IssuedKey(tenant_id="", key_id="", token=wrong)) as client:
            is_problem(client.get("/v1/installation"), 401)


def test_the_page_has_a_session_of_its_own_that_ends_with_the_key(web: Web) -> None:
    key = operator(web)

    def sign_in(client: httpx2.Client) -> httpx2.Response:
        form = {"form_token": token_in(client.get("/sign-in").text, "form_token"), "key": key.token}
        return client.post("/sign-in", data=form)

    with httpx2.Client(base_url=web.url, timeout=60, trust_env=False, verify=False) as client:
        answer = sign_in(client)
        assert (answer.status_code, answer.headers["location"]) == (303, "/installation")
        cookie = client.cookies["lookalike_operator"]
        assert key.token not in cookie
        shown = client.get("/installation")
        page = Reader(shown.text)
        assert (shown.status_code, page.unbalanced) == (200, [])
        assert "Grace Hopper" in page.text
        assert client.get("/releases").status_code == 303, "it is no session of a tenant"
        again = IssuedKey(tenant_id="", key_id="", token=cookie)
        form = {"form_token": token_in(client.get("/sign-in").text, "form_token"), "key": again.token}
        assert client.post("/sign-in", data=form).status_code == 401, "a session begins no other"
        assert client.post("/installation", data={"csrf": "x"}).status_code == 403
        assert client.post("/installation", data={"csrf": token_in(shown.text, "csrf")}).status_code == 303
        client.cookies.set("lookalike_operator", cookie)
        assert client.get("/installation").status_code == 303
        client.cookies.clear()
        sign_in(client)
        with transaction(web.backend.engine) as session:
            session.query(OperatorKeyRow).filter_by(parent_id=key.key_id, revoked_at=None).update({"expires_at": now()})
        assert client.get("/installation").status_code == 303
        sign_in(client)
        operators.revoke(web.backend.engine, key.key_id)
        assert client.get("/installation").status_code == 303
        assert sign_in(client).status_code == 401
    with web.client(key) as client:
        is_problem(client.get("/v1/installation"), 401)


def test_of_a_key_only_its_hash_is_kept(web: Web) -> None:
    key = operator(web)
    row = next(each for each in operators.listed(web.backend.engine) if each.id == key.key_id)
    assert key.token.split("_", 2)[2] not in str(vars(row))
