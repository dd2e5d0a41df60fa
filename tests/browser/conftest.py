"""One real browser for all tests of pages."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from app.config import Settings
from app.db import migrate
from tests.support.chromium import CHROMIUM, Browser, running
from tests.support.web import Web, serve

UPLOAD_LIMIT = 2_000_000


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if not CHROMIUM.exists():
        if os.environ.get("LOOKALIKE_REQUIRE_BROWSER") == "1":
            pytest.fail(f"expected a browser at {CHROMIUM}, and LOOKALIKE_REQUIRE_BROWSER=1 asks for one")
        pytest.skip(f"no browser at {CHROMIUM}")
    with running(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A service that the browser talks to."""
    settings = Settings(home=tmp_path_factory.mktemp("home"), device="cpu", max_upload_bytes=UPLOAD_LIMIT)
    migrate(settings)
    with serve(settings) as running_web:
        yield running_web


@pytest.fixture
def page(browser: Browser) -> Iterator[Browser]:
    """The browser with nobody signed in."""
    browser.send("Network.clearBrowserCookies")
    browser.size(1280)
    yield browser
    browser.offline(on=False)
    browser.scripts(on=True)
    browser.dark(on=False)
