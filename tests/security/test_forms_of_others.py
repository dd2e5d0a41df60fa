"""What another site writes into a form is neither kept over signing in nor sent by a press of one button."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app import accounts
from app.states import ReleaseState, Role
from tests.app.pages.test_pages import REASON, browser, state_of, token_in
from tests.app.pages.test_people_pages import sign_in
from tests.support.forms import fields_of
from tests.support.people import PASSWORD, add_person
from tests.support.reports import document_bytes
from tests.support.rows import add_release
from tests.support.web import Web

FORM = "application/x-www-form-urlencoded"


def test_what_was_kept_is_never_acted_on_before_it_was_seen(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW, report=document_bytes())
    admin, uploader = add_person(web, Role.ADMIN), add_person(web, Role.UPLOADER, name="Mallory Mall")
    wanted = {
        f"/releases/{release.id}": {"action": "approve", "reason": REASON},
        f"/people/{uploader.id}": {"action": "roles", "role_admin": "1"},
        "/people": {"name": "Somebody Else", "email": "else@example.org", "role_admin": "1"},
        "/keys": {"scope_admin": "1"},
        f"/keys/{web.reader.key_id}": {"action": "revoke"},
        "/sign-out": {},
    }
    for then, fields in wanted.items():
        with browser(web) as client:
            shown = client.post("/sign-in", data={"then": then, "kept": json.dumps(fields)})
            known = {"email": admin.email, "password": PASSWORD, "key": ""}
            back = client.post("/sign-in", data=fields_of(shown.text, "/sign-in") | known)
            if then != "/sign-out":  # nobody is led back there
                # the page of people and that of keys show what was kept once more; the others refuse it
                shown_again = then.startswith(("/people", "/keys"))
                assert client.post(then, data=fields_of(back.text, then)).status_code == (
                    200 if shown_again else 403
                ), then
            assert client.get("/people").status_code == 200
    people = accounts.people_of(web.backend.engine, uploader.tenant_id)
    assert {(row.name, *row.roles) for row in people} == {("Ada Lovelace", "admin"), ("Mallory Mall", "uploader")}
    assert state_of(web, release.id)[0] == "in_review"
    with web.client(web.reader) as api:
        assert api.get("/v1/releases").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain"},
    ],
)
def test_a_form_that_another_site_sends_is_neither_shown_nor_kept(web: Web, headers: dict[str, str]) -> None:
    body = "then=/releases/release_x&kept=%7B%22rows%22%3A%22WORDS%22%7D&reason=WORDS&email=WORDS&csrf=x"
    paths = ("/sign-in", "/set-password", "/releases/release_x", "/jobs/new", "/datasets/new", "/people", "/sign-out")
    with browser(web) as client:
        for path in paths:
            answer = client.post(path, content=body, headers={"Content-Type": FORM} | headers)
            assert answer.status_code == 403, path
            assert "WORDS" not in answer.text
            assert "another site" in answer.text


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_a_form_of_ours_is_taken_as_browsers_send_it(web: Web, site: str) -> None:
    with browser(web) as client:
        for headers in ({"Sec-Fetch-Site": site, "Origin": "null"}, {"Origin": web.url}):
            form = {"form_token": token_in(client.get("/sign-in").text, "form_token"), "key": web.admin.token}
            assert client.post("/sign-in", data=form, headers=headers).status_code == 303


@pytest.mark.parametrize("kept", ["[" * 200_000, '{"rows": "\\ud800", "\\udfff": "1"}'])
def test_what_no_form_has_written_breaks_no_page(web: Web, kept: str) -> None:
    person = add_person(web, Role.UPLOADER)
    with browser(web) as client:
        answer = sign_in(client, person.email, kept=kept, then="/jobs/new")
        assert "You are signed in again" in answer.text


@pytest.mark.parametrize(
    ("content", "status"), [("&".join(f"a{i}=x" for i in range(5_000)), 400), ("x=" + "y" * 1_200_000, 413)]
)
def test_a_form_that_is_no_form_of_ours_is_refused_as_a_page_signed_in_or_not(
    web: Web, content: str, status: int
) -> None:
    with browser(web) as nobody, browser(web, web.admin) as admin:
        for client in (nobody, admin):
            answer = client.post("/jobs/new", content=content, headers={"Content-Type": FORM})
            assert (answer.status_code, answer.headers["content-type"][:9]) == (status, "text/html")
