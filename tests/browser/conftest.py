"""One real browser for all tests of pages."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.support.chromium import CHROMIUM, Browser, running


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if not CHROMIUM.exists():
        if os.environ.get("LOOKALIKE_REQUIRE_BROWSER") == "1":
            pytest.fail(f"expected a browser at {CHROMIUM}, and LOOKALIKE_REQUIRE_BROWSER=1 asks for one")
        pytest.skip(f"no browser at {CHROMIUM}")
    with running(tmp_path_factory.mktemp("profile")) as started:
        yield started
