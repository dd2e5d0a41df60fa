"""The report page in a real browser: it shows without a network, without a script, and nothing in it overflows."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from app.report.document import build
from app.report.page import render
from tests.app.report.samples import measured

CHROMIUM = Path("/usr/bin/chromium")
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Any address but this machine's files leads nowhere.
    "--proxy-server=http://127.0.0.1:9",
)


@pytest.fixture(scope="module")
def browser() -> Path:
    if not CHROMIUM.exists():
        if os.environ.get("LOOKALIKE_REQUIRE_BROWSER") == "1":
            pytest.fail(f"expected a browser at {CHROMIUM}, and LOOKALIKE_REQUIRE_BROWSER=1 asks for one")
        pytest.skip(f"no browser at {CHROMIUM}")
    return CHROMIUM


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "page.html"
    path.write_text(render(build(**measured(leak=True))), encoding="utf-8")
    return path


def run_browser(browser: Path, profile: Path, *arguments: str) -> str:
    command = [str(browser), *QUIET, f"--user-data-dir={profile}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=90).stdout


def shown(browser: Path, folder: Path, page: Path) -> tuple[str, int]:
    """The page as the browser understood it, and how many things it tried to load for it.

    The browser's log of its network also has requests of its own; those have no origin as their initiator.
    """
    log = folder / "net.json"
    dom = run_browser(browser, folder / "profile", f"--log-net-log={log}", "--dump-dom", page.as_uri())
    initiators = re.findall(r'"initiator":"([^"]*)"', log.read_text(encoding="utf-8"))
    return dom, len([initiator for initiator in initiators if initiator != "not an origin"])


def test_the_browser_shows_the_page_and_asks_for_nothing(browser: Path, page_file: Path, tmp_path: Path) -> None:
    dom, requests = shown(browser, tmp_path, page_file)
    assert requests == 0
    assert "BLOCK" in dom
    assert "</html>" in dom
    assert dom.count('<svg class="chart"') == page_file.read_text(encoding="utf-8").count('<svg class="chart"')


def test_a_page_that_asks_for_something_would_be_seen(browser: Path, tmp_path: Path) -> None:
    page = tmp_path / "asks.html"
    page.write_text('<img src="http://example.invalid/picture.png">', encoding="utf-8")
    assert shown(browser, tmp_path, page)[1] == 1


@pytest.mark.parametrize("width", [390, 1200])
def test_the_page_is_no_wider_than_the_screen(browser: Path, page_file: Path, tmp_path: Path, width: int) -> None:
    probe = tmp_path / "probe.html"
    # The page itself allows no script, so the frame around it measures.
    probe.write_text(
        f'<iframe id="f" src="{page_file.as_uri()}" style="border:0;width:{width}px;height:900px"></iframe>'
        "<script>f.onload=()=>{const d=f.contentDocument.documentElement;"
        "document.title=`${d.scrollWidth}/${d.clientWidth}`}</script>",
        encoding="utf-8",
    )
    dom = run_browser(
        browser,
        tmp_path / "profile",
        "--allow-file-access-from-files",
        "--window-size=1400,1000",
        "--virtual-time-budget=3000",
        "--dump-dom",
        probe.as_uri(),
    )
    found = re.search(r"<title>(\d+)/(\d+)</title>", dom)
    assert found, "the frame was not measured"
    assert int(found.group(1)) <= int(found.group(2))
