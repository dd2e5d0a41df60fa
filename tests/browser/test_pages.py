"""A reviewer's whole job in a real browser: by keyboard alone, without scripts, on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.auth import IssuedKey
from app.db import transaction
from app.orm import DatasetRow, ReleaseRow
from app.states import ReleaseState
from tests.browser.looking import WIDTHS, axe, cut_off, nameless, pale
from tests.privacy.test_policy import result
from tests.support.chromium import Browser
from tests.support.reports import LEAK, document_bytes
from tests.support.rows import add_dataset, add_release
from tests.support.web import Web

REASON = "The limit is met for all questions, and the recipient is under contract."
LONG = "a_very_long_name_of_a_file_" * 5 + '<img src=x onerror="document.title=1">.csv'


def waiting(web: Web, tmp_path: Path, *, name: str = "people.csv", leak: bool = False) -> ReleaseRow:
    dataset = add_dataset(web, tmp_path)
    with transaction(web.backend.engine) as session:
        session.get_one(DatasetRow, dataset.id).name = name
    audit = result(**{"linkability.k1": LEAK}) if leak else result()
    state, verdict = (ReleaseState.BLOCKED, "BLOCK") if leak else (ReleaseState.IN_REVIEW, "PASS")
    report = document_bytes(audit, dataset_name=name)
    return add_release(web, tmp_path, state, dataset=dataset, verdict=verdict, report=report)


def sign_in(page: Browser, web: Web, key: IssuedKey, then: str = "/releases") -> None:
    page.goto(f"{web.url}{then}")
    page.fill("#key", key.token)
    page.click("button")


def state_of(web: Web, release: ReleaseRow) -> tuple[str, str | None, str | None]:
    with transaction(web.backend.engine) as session:
        row = session.get_one(ReleaseRow, release.id)
        return row.state, row.decided_by, row.decision_reason


def test_a_reviewer_finds_the_waiting_release_reads_it_approves_it_and_signs_out(
    page: Browser, web: Web, tmp_path: Path
) -> None:
    release = waiting(web, tmp_path)
    page.requested()
    sign_in(page, web, web.reviewer)
    page.click(f'a[href="/releases/{release.id}"]')
    assert "Could one person be singled out?" in page.html()
    page.fill("#reason", REASON)
    page.click("button.approve")
    assert f"Approved by {web.reviewer.key_id}" in page.html()
    assert REASON in page.html()
    assert all(url.startswith((web.url, "data:")) for url in page.requested())
    page.click(".bar button")
    page.goto(f"{web.url}/releases")
    assert "Sign in" in page.html()
    assert state_of(web, release) == ("released", web.reviewer.key_id, REASON)


def test_by_keyboard_alone(page: Browser, web: Web, tmp_path: Path) -> None:
    release = waiting(web, tmp_path)
    page.goto(f"{web.url}/releases/{release.id}")
    page.wait_for_focus("#email")
    while page.evaluate("document.activeElement.id") != "key":
        page.press("Tab")
    page.type(web.reviewer.token)
    page.press("Enter", loads=True)
    for _ in range(20):
        page.press("Tab")
        if page.evaluate("document.activeElement.id") == "reason":
            break
    assert page.evaluate("document.activeElement.id") == "reason"
    page.type(REASON)
    page.press("Tab")
    page.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Reject"
    page.press("Enter", loads=True)
    assert state_of(web, release) == ("rejected", web.reviewer.key_id, REASON)


def test_without_scripts_on_a_phone(page: Browser, web: Web, tmp_path: Path) -> None:
    release = waiting(web, tmp_path)
    page.scripts(on=False)
    page.size(390, 844, mobile=True)
    sign_in(page, web, web.reviewer, f"/releases/{release.id}")
    page.fill("#reason", REASON)
    page.click("button.approve")
    assert f"Approved by {web.reviewer.key_id}" in page.html()
    assert state_of(web, release)[0] == "released"


@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_cuts_text_off_and_axe_finds_nothing(page: Browser, web: Web, tmp_path: Path, width: int) -> None:
    open_one, blocked = waiting(web, tmp_path, name=LONG), waiting(web, tmp_path, name=LONG, leak=True)
    paths = ["/releases?state=all", f"/releases/{open_one.id}", f"/releases/{blocked.id}", "/releases/release_none"]
    page.size(width, mobile=width < 500)
    page.goto(f"{web.url}/sign-in")
    assert [cut_off(page), nameless(page), axe(page)] == [[], [], []]
    sign_in(page, web, web.reviewer)
    for path in paths:
        for dark in (False, True):
            page.dark(on=dark)
            page.goto(f"{web.url}{path}")
            assert page.evaluate("document.title") != "1"
            assert [cut_off(page), nameless(page), pale(page), axe(page)] == [[], [], [], []], (path, dark)


def test_another_tenant_sees_nothing(page: Browser, web: Web, tmp_path: Path) -> None:
    release = waiting(web, tmp_path)
    sign_in(page, web, web.stranger)
    assert "Nothing waits for a decision." in page.html()
    page.goto(f"{web.url}/releases/{release.id}")
    assert "Not found" in page.html()
    assert release.dataset_id not in page.html()
