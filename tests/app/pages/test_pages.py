"""The pages over HTTP: who may see them, what a form needs, and that nothing written is ever lost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import select, update

from app.auth import IssuedKey, create_key, revoke_key
from app.config import Settings
from app.db import migrate, transaction
from app.guesses import WINDOW_SECONDS
from app.jobs.release import REFUSED_BEFORE
from app.orm import ReleaseRow, WebSessionRow, now
from app.pages.sign_in import local
from app.states import ReleaseState, Role, Scope
from tests.app.report.reader import Reader
from tests.support.people import add_person, key_of
from tests.support.reports import document, document_bytes
from tests.support.rows import add_dataset, add_release
from tests.support.web import Web, serve

REASON = "I read the report and the limit is met."
HOSTILE = '<script>alert("x")</script>\'"&quot;\u202e'


def token_in(html: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]+)"', html)
    assert found, html[:500]
    return found.group(1)


@contextmanager
def browser(web: Web, key: IssuedKey | None = None) -> Iterator[httpx2.Client]:
    """A client that keeps cookies and follows nothing by itself, signed in with a key."""
    with httpx2.Client(base_url=web.url, timeout=60, trust_env=False) as client:
        if key is not None:
            assert sign_in(client, key.token).status_code == 303
        yield client


def sign_in(client: httpx2.Client, token: str, **more: str) -> httpx2.Response:
    form = client.get("/sign-in").text
    return client.post("/sign-in", data={"form_token": token_in(form, "form_token"), "key": token, **more})


def decide(client: httpx2.Client, release_id: str, action: str = "approve", reason: str = REASON) -> httpx2.Response:
    csrf = token_in(client.get("/releases").text, "csrf")
    return client.post(f"/releases/{release_id}", data={"csrf": csrf, "action": action, "reason": reason})


def state_of(web: Web, release_id: str) -> tuple[str, str | None, str | None]:
    with transaction(web.backend.engine) as session:
        row = session.get_one(ReleaseRow, release_id)
        return row.state, row.decided_by, row.decision_reason


@pytest.mark.parametrize("path", ["/", "/releases", "/releases/release_x", "/reports/report_x"])
def test_whoever_is_not_signed_in_is_asked_to(web: Web, path: str) -> None:
    with browser(web) as client:
        answer = client.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"] == f"/sign-in?then={path}"


def test_the_session_cookie_cannot_be_read_or_sent_by_others(web: Web) -> None:
    with browser(web) as client:
        answer = sign_in(client, web.reviewer.token)
    cookie = next(each for each in answer.headers.get_list("set-cookie") if each.startswith("lookalike_session="))
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert web.reviewer.token not in cookie
    with transaction(web.backend.engine) as session:
        for row in session.scalars(select(WebSessionRow)):
            assert web.reviewer.token.encode() not in row.sealed_token
            assert row.id not in cookie


def test_every_page_forbids_scripts_frames_and_caches(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW, report=document_bytes())
    with browser(web, web.reviewer) as client:
        for path in ("/releases", f"/releases/{release.id}", "/sign-in", "/releases/release_none"):
            answer = client.get(path)
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "script-src" not in policy
            assert "frame-ancestors 'none'" in policy
            assert answer.headers["cache-control"] == "no-store"
            reader = Reader(answer.text)
            assert reader.unbalanced == []
            assert reader.named("script") == []
            assert not any("style" in attributes for _, attributes in reader.tags)


def test_the_queue_shows_what_waits_and_leads_to_it(web: Web, tmp_path: Path) -> None:
    waiting = add_release(web, tmp_path, ReleaseState.IN_REVIEW)
    done = add_release(web, tmp_path, ReleaseState.REJECTED)
    theirs = add_release(
        web, tmp_path, ReleaseState.IN_REVIEW, dataset=add_dataset(web, tmp_path, tenant_id=web.stranger.tenant_id)
    )
    with browser(web, web.reader) as client:
        text = client.get("/releases").text
        assert f"/releases/{waiting.id}" in text
        assert done.id not in text
        assert theirs.id not in text
        assert done.id in client.get("/releases?state=all").text
        assert client.get(f"/releases/{theirs.id}").status_code == 404
        assert client.get(f"/reports/{theirs.report_id}").status_code == 404
        assert client.get("/releases?state=nonsense").status_code == 422


def test_a_release_page_shows_verdict_questions_figures_and_its_report(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW, report=document_bytes(), verdict="PASS")
    with browser(web, web.reviewer) as client:
        html = client.get(f"/releases/{release.id}").text
        text = Reader(html).text
        assert "PASS" in text
        for words in (
            "record in there?",
            "Within the limit",
            "), limit 0.",
            "What does the test not cover?",
        ):
            assert words in text.replace("\u00a0", " ")
        assert html.index('class="banner') < html.index('class="answers"') < html.index('id="decision"')
        assert client.get(f"/reports/{release.report_id}").text.startswith("<!doctype html>")
        assert client.get(f"/reports/{release.report_id}.json").json()["format"] == "lookalike.report/1"


def test_what_the_service_found_after_the_audit_stands_beside_the_verdict(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW, report=document_bytes(), verdict="PASS")
    with transaction(web.backend.engine) as session:
        row = session.get_one(ReleaseRow, release.id)
        row.reasons = [*document()["verdict"]["reasons"], REFUSED_BEFORE]
    with browser(web, web.reviewer) as client:
        html = client.get(f"/releases/{release.id}").text
        assert html.count("<strong>") == 1
        assert html.index(REFUSED_BEFORE) < html.index('class="answers"')


def test_an_approval_is_recorded_with_who_and_why_and_then_the_data_is_there(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW, report=document_bytes())
    with browser(web, web.reviewer) as client:
        assert client.get(f"/releases/{release.id}/data.csv").status_code == 409
        assert decide(client, release.id).headers["location"] == f"/releases/{release.id}"
        assert state_of(web, release.id) == ("released", web.reviewer.key_id, REASON)
        html = client.get(f"/releases/{release.id}").text
        assert f"Approved by {web.reviewer.key_id}" in html
        assert REASON in html
        assert 'id="decision"' not in html
        assert client.get(f"/releases/{release.id}/data.csv").headers["content-type"].startswith("text/csv")
        sheet = client.get(f"/releases/{release.id}/data.spreadsheet.csv")
        assert "spreadsheet.csv" in sheet.headers["content-disposition"]
        assert f"/releases/{release.id}/data.spreadsheet.csv" in html
        assert client.get(f"/releases/{release.id}/certificate.json").json()["signatures"]


def test_the_second_of_two_that_decide_at_once_is_told_and_keeps_the_words(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW, report=document_bytes())
    with browser(web, web.reviewer) as first, browser(web, web.admin) as second:
        assert decide(first, release.id, "reject", "The worst-off are not protected.").status_code == 303
        answer = decide(second, release.id, "approve", "Looks fine to me, I approve.")
        assert answer.status_code == 409
        assert "somebody decided on this release meanwhile" in answer.text
        assert "Looks fine to me, I approve." in answer.text
        assert f"Rejected by {web.reviewer.key_id}" in answer.text
    assert state_of(web, release.id)[0] == "rejected"


def test_of_many_that_decide_at_once_one_is_recorded(web_on_both: Web, tmp_path: Path) -> None:
    web = web_on_both
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW, report=document_bytes())

    def one(place: int) -> int:
        with browser(web, web.reviewer if place % 2 else web.admin) as client:
            return decide(
                client, release.id, "approve" if place % 2 else "reject", f"Reason number {place}"
            ).status_code

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(one, range(6))) == [303] + [409] * 5
    state, by, reason = state_of(web, release.id)
    assert (state == "released") == (by == web.reviewer.key_id)
    assert reason is not None
    assert int(reason.split()[-1]) % 2 == (state == "released")


def test_whom_four_eyes_keep_from_approving_is_told_why_and_sees_no_button(web: Web, tmp_path: Path) -> None:
    sender, other = (add_person(web, Role.UPLOADER, Role.REVIEWER) for _ in range(2))
    by_nobody = web.reviewer.key_id
    for sent_by, key, why in (
        (sender.id, key_of(web, sender, Scope.REVIEW), "you sent this job"),
        (sender.id, web.reviewer, "your key belongs to nobody"),
        (by_nobody, key_of(web, other, Scope.REVIEW), "reject the release, and have a person"),
        (sender.id, key_of(web, other, Scope.REVIEW), ""),
    ):
        release = add_release(
            web, tmp_path, ReleaseState.IN_REVIEW, four_eyes=True, created_by=sent_by, report=document_bytes()
        )
        with browser(web, key) as client:
            html = client.get(f"/releases/{release.id}").text
            assert ('value="approve"' in html) == (not why)
            assert why in Reader(html).text
            answer = decide(client, release.id)
            assert answer.status_code == (403 if why else 303)
            assert not why or (why in Reader(answer.text).text and REASON in answer.text)
            assert state_of(web, release.id)[0] == ("in_review" if why else "released")
            if why:
                assert decide(client, release.id, "reject").status_code == 303


@pytest.mark.parametrize("reason", ["", "ab", "x" * 2001, "nul\0"])
def test_without_a_reason_nothing_is_recorded_and_nothing_is_lost(web: Web, tmp_path: Path, reason: str) -> None:
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW, report=document_bytes())
    with browser(web, web.reviewer) as client:
        answer = decide(client, release.id, reason=reason)
        assert answer.status_code == 422
        assert "give a reason of 3 to 2,000 characters" in answer.text
    assert state_of(web, release.id)[0] == "in_review"


def test_a_key_that_may_only_read_sees_no_form_and_cannot_send_one(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW, report=document_bytes())
    with browser(web, web.reader) as client:
        assert 'id="decision"' not in client.get(f"/releases/{release.id}").text
        assert decide(client, release.id).status_code == 403
    assert state_of(web, release.id)[0] == "in_review"


@pytest.mark.parametrize("csrf", ["", "x" * 64, "ü"])
def test_a_forged_form_changes_nothing(web: Web, tmp_path: Path, csrf: str) -> None:
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW, report=document_bytes())
    with browser(web, web.reviewer) as client, browser(web, web.admin) as other:
        foreign = token_in(other.get("/releases").text, "csrf")
        for sent in (csrf, foreign):
            form = {"csrf": sent, "action": "approve", "reason": REASON}
            assert client.post(f"/releases/{release.id}", data=form).status_code == 403
            assert client.post("/sign-out", data={"csrf": sent}).status_code == 403
        assert client.get("/releases").status_code == 200
    assert state_of(web, release.id)[0] == "in_review"


def test_a_form_to_sign_in_that_another_site_sends_is_not_taken(web: Web) -> None:
    with browser(web) as client:
        answer = client.post("/sign-in", data={"key": web.reviewer.token, "form_token": "x"})
        assert answer.status_code == 403
        assert "lookalike_session" not in client.cookies


def test_signing_out_ends_the_session_for_good(web: Web) -> None:
    with browser(web, web.reviewer) as client:
        cookie = client.cookies["lookalike_session"]
        assert (
            client.post("/sign-out", data={"csrf": token_in(client.get("/releases").text, "csrf")}).status_code == 303
        )
        client.cookies.set("lookalike_session", cookie)
        assert client.get("/releases").status_code == 303


def test_a_revoked_key_ends_its_sessions(web: Web) -> None:
    key = create_key(web.backend.engine, web.admin.tenant_id, [Scope.READ])
    with browser(web, key) as client:
        assert client.get("/releases").status_code == 200
        revoke_key(web.backend.engine, key.key_id)
        assert client.get("/releases").status_code == 303


def test_a_session_that_ends_in_the_middle_of_a_form_loses_no_word(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW, report=document_bytes())
    with browser(web, web.reviewer) as client:
        csrf = token_in(client.get(f"/releases/{release.id}").text, "csrf")
        with transaction(web.backend.engine) as session:
            session.execute(update(WebSessionRow).values(expires_at=now() - timedelta(seconds=1)))
        form = {"csrf": csrf, "action": "approve", "reason": f"{REASON} {HOSTILE}"}
        answer = client.post(f"/releases/{release.id}", data=form)
        assert answer.status_code == 401
        assert REASON in answer.text
        again = {"form_token": token_in(answer.text, "form_token"), "then": token_in(answer.text, "then")}
        answer = client.post("/sign-in", data={**again, "key": web.reviewer.token, "reason": REASON})
        assert answer.status_code == 200
        assert REASON in answer.text
        assert "Within the limit" in answer.text
        assert f'action="/releases/{release.id}"' in answer.text
        assert state_of(web, release.id)[0] == "in_review"
        form = {"csrf": token_in(answer.text, "csrf"), "action": "reject", "reason": REASON}
        assert client.post(f"/releases/{release.id}", data=form).status_code == 303
    assert state_of(web, release.id) == ("rejected", web.reviewer.key_id, REASON)


def without_evidence(web: Web, tmp_path: Path) -> list[tuple[ReleaseRow, str]]:
    """Releases of which the page can show no answers, each with the words that say why."""
    older = add_release(web, tmp_path, ReleaseState.IN_REVIEW)
    gone = add_release(web, tmp_path, ReleaseState.IN_REVIEW, report=document_bytes())
    web.backend.blobs.delete_prefix(f"{gone.tenant_id}/jobs/{gone.job_id}")
    changed = add_release(web, tmp_path, ReleaseState.IN_REVIEW, report=document_bytes())
    web.backend.blobs.put_bytes(f"{changed.tenant_id}/jobs/{changed.job_id}/1-sample/report.json", b'{"questions": []}')
    return [(older, "older format"), (gone, "not there any more"), (changed, "not the one")]


def resumed(client: httpx2.Client, web: Web, key: IssuedKey, release_id: str) -> httpx2.Response:
    """The answer to signing in with this key after the session ended while the form of a release was filled in."""
    with transaction(web.backend.engine) as session:
        session.execute(update(WebSessionRow).values(expires_at=now() - timedelta(seconds=1)))
    ended = client.post(f"/releases/{release_id}", data={"csrf": "x", "action": "approve", "reason": REASON})
    again = {"form_token": token_in(ended.text, "form_token"), "then": token_in(ended.text, "then")}
    return client.post("/sign-in", data={**again, "key": key.token, "reason": REASON})


def test_signing_in_again_offers_no_approval_where_there_is_no_evidence(web: Web, tmp_path: Path) -> None:
    for release, words in without_evidence(web, tmp_path):
        with browser(web, web.reviewer) as client:
            answer = resumed(client, web, web.reviewer, release.id)
            assert words in answer.text
            assert REASON in answer.text
            assert 'value="approve"' not in answer.text


def test_signing_in_again_by_a_key_of_somebody_else_shows_the_words_alone(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW, report=document_bytes())
    sender = create_key(web.backend.engine, web.admin.tenant_id, [Scope.WRITE])
    for key, status in ((web.stranger, 404), (sender, 403), (web.reader, 200)):
        with browser(web, web.reviewer) as client:
            answer = resumed(client, web, key, release.id)
            assert answer.status_code == status
            assert REASON in answer.text
            assert 'value="approve"' not in answer.text
            assert ("Within the limit" in answer.text) == (status == 200)


def test_what_nobody_can_read_is_not_approved_by_a_form_made_by_hand(web: Web, tmp_path: Path) -> None:
    with browser(web, web.reviewer) as client:
        for release, words in without_evidence(web, tmp_path):
            answer = decide(client, release.id)
            assert answer.status_code == 409
            assert words in answer.text
            assert REASON in answer.text
            assert state_of(web, release.id)[0] == "in_review"
            assert decide(client, release.id, "reject").status_code == 303
            assert state_of(web, release.id)[0] == "rejected"


def test_a_report_that_cannot_be_read_gives_no_answer_and_no_approval(web: Web, tmp_path: Path) -> None:
    with browser(web, web.reviewer) as client:
        for release, words in without_evidence(web, tmp_path):
            html = client.get(f"/releases/{release.id}").text
            assert words in html
            assert "Within the limit" not in html
            assert 'value="approve"' not in html
            assert 'value="reject"' in html


def test_what_people_write_and_name_never_becomes_markup(web: Web, tmp_path: Path) -> None:
    dataset = add_dataset(web, tmp_path)
    with transaction(web.backend.engine) as session:
        session.merge(dataset).name = HOSTILE
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW, dataset=dataset, report=document_bytes())
    with browser(web, web.reviewer) as client:
        assert decide(client, release.id, "reject", f"{REASON}{HOSTILE}").status_code == 303
        for path in ("/releases?state=all", f"/releases/{release.id}"):
            html = client.get(path).text
            assert "<script" not in html
            assert "\u202e" not in html
            assert '<script>alert("x")</script>' in Reader(html).text


WRONG = 3


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Web]:
    """A service that takes few wrong keys."""
    settings = Settings(home=tmp_path / "home", device="cpu", wrong_keys_per_minute=WRONG)
    migrate(settings)
    with serve(settings) as running:
        yield running


def test_a_wrong_key_again_and_again_is_made_to_wait_and_shuts_out_no_neighbour(strict: Web) -> None:
    with browser(strict, strict.reviewer), browser(strict) as client:
        answers = [sign_in(client, f"lk_{'0' * 16}_wrong{i}").status_code for i in range(WRONG + 2)]
        assert answers == [401] * WRONG + [429] * 2
        answer = sign_in(client, strict.reader.token)  # right, but nobody knows that yet
        assert answer.status_code == 429
        assert 0 < int(answer.headers["retry-after"]) <= WINDOW_SECONDS
        assert f"Wait {answer.headers['retry-after']} seconds" in answer.text
        assert sign_in(client, strict.reviewer.token).status_code == 303, "a key in use goes on"


def test_a_release_is_withdrawn_on_its_page_with_a_reason(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.RELEASED, report=document_bytes())
    path = f"/releases/{release.id}"
    with browser(web, web.reader) as client:
        assert "Withdraw" not in client.get(path).text
    with browser(web, web.reviewer) as client:
        said = {"csrf": token_in(client.get(path).text, "csrf"), "action": "withdraw", "reason": " x "}
        answer = client.post(path, data=said)
        assert answer.status_code == 422
        assert "give a reason of 3 to 2,000 characters" in answer.text
        assert client.post(path, data=said | {"reason": REASON}).status_code == 303
        html = client.get(path).text
        assert "Withdrawn by" in html
        assert REASON in html
        assert f"{path}/data.csv" not in html
        again = client.post(path, data=said | {"reason": REASON})
        assert again.status_code == 409
        assert "What you wrote, not recorded" in again.text


def test_wrong_keys_count_for_the_pages_and_the_api_together(strict: Web) -> None:
    with browser(strict) as client:
        for _ in range(WRONG):
            assert client.get("/v1/jobs", headers={"Authorization": "Bearer lk_x_y"}).status_code == 401
        assert sign_in(client, strict.reviewer.token).status_code == 429


def test_a_key_that_may_only_review_sees_what_it_decides_on_and_not_the_data(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW, report=document_bytes())
    key = create_key(web.backend.engine, web.admin.tenant_id, [Scope.REVIEW], person="Ada Lovelace")
    with browser(web, key) as client:
        report = f"/reports/{release.report_id}"
        for path in ("/releases", f"/releases/{release.id}", report, f"{report}.json"):
            assert client.get(path).status_code == 200, path
        assert resumed(client, web, key, release.id).status_code == 200
        assert decide(client, release.id).status_code == 303
        refused = client.get("/jobs").text
        assert "This takes the scope read, and you have review" in refused
        assert 'href="/releases"' in refused
        assert "Sign out" in refused
        for name in ("data.csv", "data.spreadsheet.csv", "data.parquet", "certificate.json"):
            assert client.get(f"/releases/{release.id}/{name}").status_code == 403
            assert name not in client.get(f"/releases/{release.id}").text
    assert state_of(web, release.id)[0] == "released"


def test_a_key_that_may_only_write_sees_no_release(web: Web, tmp_path: Path) -> None:
    release = add_release(web, tmp_path, ReleaseState.IN_REVIEW, report=document_bytes())
    with browser(web, create_key(web.backend.engine, web.admin.tenant_id, [Scope.WRITE])) as client:
        for path in ("/releases", f"/releases/{release.id}", f"/reports/{release.report_id}"):
            assert client.get(path).status_code == 403


@pytest.mark.parametrize(
    "then", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", "", "/ü"]
)
def test_nobody_is_sent_to_another_site(then: str) -> None:
    assert local(then) == "/releases"
    assert local("/releases/release_1") == "/releases/release_1"
