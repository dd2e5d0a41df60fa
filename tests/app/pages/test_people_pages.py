"""People in the browser: a code, a password, a session; people and keys for whoever may."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from app import accounts, sessions
from app.auth import create_key, keys_of
from app.db import transaction
from app.orm import JobRow, PersonRow, ReleaseRow, ReportRow
from app.pages.routers import ROUTERS
from app.pages.sign_in import DEVICE_COOKIE
from app.services import jobs
from app.states import ReleaseState, Role, Scope
from app.wire_jobs import JobRequest
from tests.app.pages.test_job_pages import end_sessions
from tests.app.pages.test_pages import REASON, browser, decide, token_in
from tests.app.report.reader import Reader
from tests.support.forms import fields_of
from tests.support.people import PASSWORD, add_person, key_of
from tests.support.reports import document_bytes
from tests.support.rows import add_dataset, add_release
from tests.support.web import Web

OTHER = "nine red foxes before noon"
MARKUP = '<script>alert("x")</script>'


def sign_in(client: httpx2.Client, email: str, password: str = PASSWORD, **more: str) -> httpx2.Response:
    form = {"form_token": token_in(client.get("/sign-in").text, "form_token"), "email": email, "password": password}
    return client.post("/sign-in", data=form | more)


@contextmanager
def person_in(web: Web, person: PersonRow) -> Iterator[httpx2.Client]:
    with browser(web) as client:
        assert sign_in(client, person.email).status_code == 303
        yield client


def post(client: httpx2.Client, path: str, page: str | None = None, **form: str) -> httpx2.Response:
    csrf = token_in(client.get(page or path).text, "csrf")
    return client.post(path, data={"csrf": csrf} | form)


def shown_once(html: str) -> str:
    found = re.search(r'class="once hash">([^<]+)<', html)
    assert found, html[:2000]
    return found.group(1)


def test_from_the_code_to_a_decision_that_carries_the_name(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW, report=document_bytes())
    with browser(web, web.admin) as admin, browser(web) as client:
        form = {"name": "Grace Hopper", "email": "grace@example.org", "role_reviewer": "1"}
        made = post(admin, "/people", **form)
        code = shown_once(made.text)
        assert code not in admin.get("/people").text
        assert "sent to nobody" in made.text
        set_form = {"form_token": token_in(client.get("/set-password").text, "form_token"), "code": code}
        differ = client.post("/set-password", data=set_form | {"password": OTHER, "again": PASSWORD})
        assert (differ.status_code, "differ" in differ.text) == (422, True)
        set_form["form_token"] = token_in(differ.text, "form_token")
        done = client.post("/set-password", data=set_form | {"password": PASSWORD, "again": PASSWORD})
        assert "Your password is set" in done.text
        assert 'value="grace@example.org"' in done.text
        set_form["form_token"] = token_in(client.get("/set-password").text, "form_token")
        assert client.post("/set-password", data=set_form | {"password": OTHER, "again": OTHER}).status_code == 401
        assert sign_in(client, "grace@example.org").headers["location"] == "/releases"
        assert ">Grace Hopper</a>" in client.get("/releases").text
        assert "/people" not in client.get("/releases").text
        assert decide(client, release.id).status_code == 303
        html = client.get(f"/releases/{release.id}").text
        row = next(
            each for each in accounts.people_of(web.backend.engine, web.admin.tenant_id) if "grace" in each.email
        )
        assert "Approved by Grace Hopper" in html
        assert row.id in html
        assert "by Grace Hopper" in client.get("/releases?state=all").text
    with web.client() as api:
        envelope = api.get(f"/v1/releases/{release.id}/certificate").json()
    decision = json.loads(base64.b64decode(envelope["payload"]))["predicate"]["decision"]
    assert (decision["name"], decision["person"], decision["by"]) == ("Grace Hopper", row.id, row.id)


def test_the_report_says_who_decided_and_over_the_api_it_is_the_file_as_it_was(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW, report=document_bytes())
    page = b"<!doctype html><body><header><h1>Report</h1></header><main></main></body>"
    stored = web.backend.blobs.put_bytes(f"{release.tenant_id}/jobs/{release.job_id}/2-report/page.html", page)
    with transaction(web.backend.engine) as session:
        row = session.get_one(ReportRow, release.report_id)
        row.html_key, row.html_sha256 = stored.key, stored.sha256
    person = add_person(web, Role.ADMIN, name=f"Grace {MARKUP}")
    with person_in(web, person) as client:
        path = f"/reports/{release.report_id}"
        assert client.get(path).content == page
        decide(client, release.id, "reject", REASON + MARKUP)
        answer = client.get(path)
        assert person.id in answer.text
        assert "<script" not in answer.text
        assert f"Rejected by Grace {MARKUP}" in Reader(answer.text).text
        assert "sandbox" in answer.headers["content-security-policy"]
    with web.client() as api:
        assert api.get(f"/v1{path}.html").content == page


def test_a_key_without_an_account_says_so_beside_its_decision(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW, report=document_bytes())
    key = create_key(web.backend.engine, web.admin.tenant_id, [Scope.REVIEW], person="Somebody Said")
    with browser(web, key) as client:
        decide(client, release.id, "reject", REASON)
        html = client.get(f"/releases/{release.id}").text
        assert "Rejected by Somebody Said" in html
        assert "belongs to nobody" in html


@pytest.mark.parametrize("email", ["nobody@example.org", "", "x" * 5000, "a\0b@example.org", "\u0430@example.org"])
def test_whoever_is_nobody_is_refused_as_a_wrong_password_is(web: Web, email: str) -> None:
    person = add_person(web, Role.ANALYST)
    with browser(web) as client:
        wrong, unknown = sign_in(client, person.email, OTHER), sign_in(client, email)
        assert (wrong.status_code, unknown.status_code) == (401, 401)
        said = [Reader(each.text).text for each in (wrong, unknown)]
        assert said[0] == said[1]
        assert "lookalike_session" not in client.cookies


def test_a_session_begins_with_a_cookie_that_nobody_knew_before(web: Web) -> None:
    person = add_person(web, Role.ANALYST)
    with browser(web) as client:
        client.cookies.set("lookalike_session", "fixed-by-a-stranger", domain="127.0.0.1", path="/")
        answer = sign_in(client, person.email)
        first = answer.cookies["lookalike_session"]
        assert first != "fixed-by-a-stranger"
        headers = " ".join(answer.headers.get_list("set-cookie")).lower()
        assert headers.count("httponly") >= 2
        assert headers.count("samesite=strict") >= 2
    with browser(web) as client:  # signing in again ends the session before
        client.cookies.set("lookalike_session", first)
        assert client.get("/releases").status_code == 200
        form = token_in(client.get("/sign-in").text, "form_token")
        client.post("/sign-in", data={"form_token": form, "email": person.email, "password": PASSWORD})
    with browser(web) as client:
        client.cookies.set("lookalike_session", first)
        assert client.get("/releases").status_code == 303


def test_a_form_to_sign_in_or_set_a_password_that_another_site_sends_is_not_taken(web: Web) -> None:
    person = add_person(web, Role.ANALYST)
    with browser(web) as client:
        for path in ("/sign-in", "/set-password"):
            form = {"email": person.email, "password": PASSWORD, "again": PASSWORD, "form_token": "x", "code": "x"}
            assert client.post(path, data=form).status_code == 403
        assert "lookalike_session" not in client.cookies


def test_the_own_password_is_changed_by_whoever_knows_it_and_other_sessions_end(web: Web) -> None:
    person = add_person(web, Role.ANALYST)
    with person_in(web, person) as here, person_in(web, person) as there:
        new = {"password": OTHER, "again": OTHER}
        assert post(here, "/account", current="wrong", **new).status_code == 401
        assert post(here, "/account", current=PASSWORD, **dict.fromkeys(new, "short")).status_code == 422
        assert there.get("/releases").status_code == 200
        device = here.cookies[DEVICE_COOKIE]
        assert post(here, "/account", current=PASSWORD, **new).headers["location"] == "/account"
        assert here.get("/account").status_code == 200
        assert here.cookies[DEVICE_COOKIE] != device
        assert there.get("/releases").status_code == 303
        assert sign_in(there, person.email).status_code == 401
        assert sign_in(there, person.email, OTHER).status_code == 303
    with browser(web, key_of(web, person, Scope.READ)) as by_key:
        assert "Present password" not in by_key.get("/account").text
        csrf = token_in(by_key.get("/releases").text, "csrf")
        assert by_key.post("/account", data={"csrf": csrf, "current": OTHER, **new}).status_code == 403


def test_whoever_is_disabled_or_reset_is_signed_out_at_once(web: Web) -> None:
    for action in ("disable", "reset"):
        person = add_person(web, Role.ANALYST)
        with browser(web, web.admin) as admin, person_in(web, person) as client:
            assert client.get("/releases").status_code == 200
            assert post(admin, f"/people/{person.id}", "/people", action=action).status_code in (200, 303)
            assert client.get("/releases").status_code == 303
            assert sign_in(client, person.email).status_code == 401


def test_administrators_give_roles_and_enable_and_see_who_is_who(web: Web) -> None:
    person = add_person(web, Role.ANALYST, name="Katherine Johnson")
    with browser(web, web.admin) as admin, person_in(web, person) as client:
        assert "Katherine Johnson" in admin.get("/people").text
        assert client.get("/people").status_code == 403
        post(admin, f"/people/{person.id}", "/people", action="roles", role_admin="1", role_reviewer="1")
        assert client.get("/people").status_code == 200, "roles hold for open sessions"
        assert post(client, f"/people/{person.id}", "/people", action="disable").status_code == 409
        assert post(admin, f"/people/{person.id}", "/people", action="roles").status_code == 422
        post(admin, f"/people/{person.id}", "/people", action="disable")
        post(admin, f"/people/{person.id}", "/people", action="enable")
        assert sign_in(client, person.email).status_code == 303
        assert post(admin, "/people/person_none", "/people", action="reset").status_code == 404
        assert post(admin, f"/people/{person.id}", "/people", action="nonsense").status_code == 303
    with browser(web, web.stranger) as stranger:
        assert "Katherine" not in stranger.get("/people").text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "Ada\u202e"}, "bidirectional"),
        ({"email": "ada"}, "e-mail address"),
        ({"role_reviewer": ""}, "roles"),
    ],
)
def test_a_person_that_cannot_be_is_refused_and_what_was_typed_is_kept(web: Web, fields: dict, words: str) -> None:
    form = {"name": "Ada", "email": "kept@example.org", "role_reviewer": "1"} | fields
    with browser(web, web.admin) as admin:
        answer = post(admin, "/people", **form)
        assert answer.status_code == 422
        assert words in answer.text
        assert "\u202e" not in answer.text
        assert f'value="{form["email"]}"' in answer.text


def test_the_forms_of_people_and_keys_are_as_they_were_typed_after_signing_in_again(web: Web) -> None:
    person = add_person(web, Role.REVIEWER, name="Grace Hopper")
    people = ("/people", {"name": "<b>Ada", "email": "ada@example.org", "role_auditor": "1"}, "<b>Ada")
    roles = (f"/people/{person.id}", {"role_uploader": "1", "action": "roles"}, "uploader")
    keys = ("/keys", {"name": "laptop", "person": "Mary", "scope_read": "1", "expires": "2031-01-31"}, "laptop")
    with browser(web, web.admin) as client:
        for path, typed, _ in (people, roles, keys):
            back = signed_in_again(web, client, path, typed)
            assert "You are signed in again" in back.text
            shown = client.post(path, data=fields_of(back.text, path))
            assert shown.status_code == 200
            kept = {name: value for name, value in typed.items() if name != "action"}
            assert kept.items() <= fields_of(shown.text, path).items()
            assert Reader(shown.text).named("b") == []
        assert "Mary" not in client.get("/keys").text
        assert "<b>Ada" not in {each.name for each in accounts.people_of(web.backend.engine, person.tenant_id)}
        assert accounts.person_of(web.backend.engine, web.admin.tenant_id, person.id).roles == ["reviewer"]


def signed_in_again(web: Web, client: httpx2.Client, path: str, typed: dict[str, str]) -> httpx2.Response:
    """The answer to signing in by key after the session ended while this form was filled in."""
    end_sessions(web)
    ended = client.post(path, data={"csrf": "x"} | typed)
    assert ended.status_code == 401
    return client.post("/sign-in", data=fields_of(ended.text, "/sign-in") | {"key": web.admin.token})


def test_neither_passwords_nor_a_mere_button_are_kept_over_signing_in(web: Web) -> None:
    person = add_person(web, Role.REVIEWER)
    passwords = {"current": PASSWORD, "password": OTHER, "again": OTHER, "username": person.email}
    with browser(web, web.admin) as client:
        for path, typed in (("/account", passwords), (f"/people/{person.id}", {"action": "disable"})):
            end_sessions(web)
            ended = client.post(path, data={"csrf": "x"} | typed)
            assert (ended.status_code, "nothing was changed" in ended.text) == (401, True)
            assert "kept" not in fields_of(ended.text, "/sign-in")
            assert OTHER not in ended.text
            back = client.post("/sign-in", data=fields_of(ended.text, "/sign-in") | {"key": web.admin.token})
            assert (back.status_code, back.headers["location"]) == (303, path)
            assert client.get(path).status_code == 200
    assert accounts.person_of(web.backend.engine, person.tenant_id, person.id).disabled_at is None


SESSIONLESS = {"/sign-in", "/sign-out", "/set-password", "/installation"}
"""Forms that need no session, or end it."""


def test_no_form_loses_what_was_typed_where_the_session_ends(web: Web) -> None:
    routes = [route for router in ROUTERS for route in router.routes if "POST" in route.methods]
    paths = {re.sub(r"{\w+}", "x", route.path) for route in routes} - SESSIONLESS
    assert len(paths) > 8
    with browser(web) as client:
        for path in paths:
            ended = client.post(path, data={"reason": "typed & kept", "password": OTHER, "name": "typed & kept"})
            assert ended.status_code == 401
            assert "typed &amp; kept" in ended.text or "typed \\u0026 kept" in ended.text, path
            assert OTHER not in ended.text


def test_names_of_people_and_keys_never_become_markup(web: Web, tmp_path: Path) -> None:
    person = add_person(web, Role.ADMIN, name=f"Ada {MARKUP}")
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW, report=document_bytes())
    with person_in(web, person) as client:
        made = post(client, "/keys", name=MARKUP, scope_read="1")
        assert decide(client, release.id).status_code == 303
        pages = [made, *(client.get(path) for path in ("/account", "/people", "/keys", f"/releases/{release.id}"))]
        for page in pages:
            assert page.status_code == 200
            assert "<script" not in page.text
            assert Reader(page.text).unbalanced == []
            assert "default-src 'none'" in page.headers["content-security-policy"]


def test_people_make_rotate_and_revoke_their_own_keys_and_see_no_others(web: Web) -> None:
    person, other = add_person(web, Role.ANALYST), add_person(web, Role.ANALYST, name="Grace Hopper")
    foreign = key_of(web, other, Scope.READ)
    day = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()
    with person_in(web, person) as client:
        made = post(client, "/keys", name="laptop", scope_read="1", expires=day)
        token = shown_once(made.text)
        page = client.get("/keys").text
        assert "laptop" in page
        assert token not in page
        assert foreign.key_id not in page
        assert httpx2.get(
            f"{web.url}/v1/jobs", headers={"Authorization": f"Bearer {token}"}, trust_env=False
        ).is_success
        key_id = f"key_{token.split('_')[1]}"
        fresh = shown_once(post(client, f"/keys/{key_id}", "/keys", action="rotate").text)
        assert post(client, f"/keys/key_{fresh.split('_')[1]}", "/keys", action="revoke").status_code == 303
        for action, status in (("rotate", 403), ("revoke", 404)):
            assert post(client, f"/keys/{foreign.key_id}", "/keys", action=action).status_code == status
        for more in ({"scope_write": "1"}, {"scope_admin": "1"}, {"person": "Somebody"}):
            assert post(client, "/keys", scope_read="1", **more).status_code == 403
        for bad in ({}, *({"scope_read": "1", "expires": day} for day in ("2020-01-01", "soon", "9" * 14))):
            assert post(client, "/keys", **bad).status_code == 422
        mine = {row.id: row for row in keys_of(web.backend.engine, person.tenant_id, person.id)}
        assert mine[key_id].expires_at is not None
        assert mine[key_id].expires_at <= datetime.now(UTC) + timedelta(hours=24)
    with browser(web, foreign) as by_key:
        assert by_key.get("/keys").status_code == 403, "a key that leaks makes no others"
    with browser(web, web.admin) as admin:
        assert foreign.key_id in admin.get("/keys").text
        assert post(admin, f"/keys/{foreign.key_id}", "/keys", action="rotate").status_code == 403
        assert post(admin, f"/keys/{foreign.key_id}", "/keys", action="revoke").status_code == 303


def test_four_eyes_know_a_person_behind_session_and_key(web: Web, tmp_path: Path) -> None:
    person = add_person(web, Role.ADMIN, name="Mary Jackson")
    release = add_release(
        web, tmp_path, ReleaseState.IN_REVIEW, four_eyes=True, report=document_bytes(),
        created_by=key_of(web, person, Scope.WRITE).key_id,
    )  # fmt: skip
    with person_in(web, person) as client:
        assert 'value="approve"' not in client.get(f"/releases/{release.id}").text
        answer = decide(client, release.id)
        assert answer.status_code == 403
        assert "you sent this job" in answer.text
    with transaction(web.backend.engine) as session:
        assert session.get_one(ReleaseRow, release.id).state == "in_review"


def test_a_job_that_a_person_sends_is_theirs(web: Web, tmp_path: Path) -> None:
    person, dataset = add_person(web, Role.UPLOADER), add_dataset(web, tmp_path)
    with person_in(web, person) as client:
        caller = sessions.resume(web.backend.engine, client.cookies["lookalike_session"]).caller
    answer = jobs.create(web.backend, caller, JobRequest(dataset_id=dataset.id), None)
    with transaction(web.backend.engine) as session:
        assert session.get_one(JobRow, answer.body["id"]).created_by == person.id
