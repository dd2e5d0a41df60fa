"""A person's first day in a real browser: a code, a password, a colleague, a key, on pages without fault."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from app import accounts
from app.config import Settings
from app.db import migrate
from app.states import Role
from tests.browser.looking import WIDTHS, axe, cut_off, nameless, pale
from tests.support.chromium import Browser
from tests.support.people import PASSWORD
from tests.support.web import Web, serve

NAME = "Wolfeschlegelsteinhausenbergerdorff-Ahnentafel Ngũgĩ"


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    settings = Settings(home=tmp_path_factory.mktemp("home"), device="cpu")
    migrate(settings)
    with serve(settings) as running:
        yield running


def looked_at(page: Browser) -> None:
    for width in WIDTHS:
        page.size(width, mobile=width < 500)
        for dark in (False, True):
            page.dark(on=dark)
            assert [cut_off(page), nameless(page), pale(page), axe(page)] == [[], [], [], []], (
                page.html()[:300],
                width,
            )
    page.size(1280)
    page.dark(on=False)


def test_from_a_code_to_a_colleague(browser: Browser, web: Web) -> None:
    page = browser
    made = accounts.add(
        web.backend.engine,
        web.admin.tenant_id,
        name=NAME,
        email=f"{'a' * 40}@{'example-' * 5}corp.org",
        roles=[Role.ADMIN],
        invited_by="the command line",
    )
    page.goto(f"{web.url}/sign-in")
    looked_at(page)
    page.click('a[href="/set-password"]')
    looked_at(page)
    page.fill("#code", made.code)
    page.fill("#new-password", PASSWORD)
    page.fill("#again", PASSWORD)
    page.click("main button")
    assert "Your password is set" in page.html()
    page.fill("#password", PASSWORD)
    page.click("main button")
    assert "Waiting for a decision" in page.html()
    page.click('a[href="/people"]')
    page.fill("#name", "Grace Hopper")
    page.fill("#email", "grace@example.org")
    page.click("#new-reviewer", loads=False)
    page.click('form[action="/people"] button')
    assert "A code for Grace Hopper" in page.html()
    looked_at(page)
    page.click('a[href="/keys"]')
    page.fill("#name", "laptop")
    page.click("#scope-read", loads=False)
    page.click('form[action="/keys"] button')
    assert "lk_" in page.html()
    looked_at(page)
    page.click(".who")
    looked_at(page)
    page.click(".bar button")
    assert "Sign in" in page.html()


def test_a_form_of_another_site_is_refused_as_a_browser_sends_it(browser: Browser, web: Web) -> None:
    for path in ("/sign-in", "/jobs/new", "/releases/release_x"):
        form = (
            f'<form method=post action="{web.url}{path}"><input name=kept value="{{}}"><input name=reason value=WORDS>'
        )
        browser.goto("data:text/html," + quote(f"<!doctype html><title>x</title>{form}<button>Win</button></form>"))
        browser.click("button")
        assert "another site" in browser.html()
        assert "WORDS" not in browser.html()
