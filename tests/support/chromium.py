"""Drives a real Chromium over its debugging pipe: pages, keys, widths, pictures. Nothing but the browser is needed."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = Path("/usr/bin/chromium")
SECONDS = 60.0
HIGH = 20
"""Descriptors from here on are not those that the browser is given."""
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "ArrowUp": 38, "ArrowDown": 40}


class BrowserError(Exception):
    """The browser did not do what was asked of it."""


class Browser:
    """One running browser with one page."""

    def __init__(self, write: int, read: int) -> None:
        self._write = write
        self._read = read
        self._buffer = b""
        self._count = 0
        self._session = ""
        self.events: list[dict[str, Any]] = []

    def open_page(self) -> None:
        """Attach to a fresh page."""
        target = self.send("Target.createTarget", {"url": "about:blank"})["targetId"]
        self._session = self.send("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        for domain in ("Page", "Runtime", "Network", "DOM"):
            self.send(f"{domain}.enable")

    def send(self, method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The answer to one command."""
        self._count += 1
        message: dict[str, Any] = {"id": self._count, "method": method, "params": dict(params or {})}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._count:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']['message']}")
                return dict(answer.get("result", {}))

    def wait_for(self, event: str) -> dict[str, Any]:
        """The next event of this name that was not waited for before."""
        while True:
            for place, each in enumerate(self.events):
                if each["method"] == event:
                    return dict(self.events.pop(place)["params"])
            self._next()

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            part = os.read(self._read, 1 << 20)
            if not part:
                raise BrowserError("expected an answer, the browser is gone")
            self._buffer += part
        line, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        if "method" in message:
            self.events.append(message)
        return message

    def goto(self, url: str) -> None:
        """Load a page and wait until it is there."""
        self._forget_loads()
        answer = self.send("Page.navigate", {"url": url})
        if answer.get("errorText"):
            raise BrowserError(f"{url}: {answer['errorText']}")
        self.wait_for("Page.loadEventFired")

    def _forget_loads(self) -> None:
        self.events = [each for each in self.events if each["method"] != "Page.loadEventFired"]

    def evaluate(self, script: str) -> Any:
        """The value of an expression in the page."""
        answer = self.send("Runtime.evaluate", {"expression": script, "returnByValue": True, "awaitPromise": True})
        if "exceptionDetails" in answer:
            raise BrowserError(json.dumps(answer["exceptionDetails"].get("exception", {}))[:2000])
        return answer["result"].get("value")

    def size(self, width: int, height: int = 900, *, mobile: bool = False) -> None:
        """The width and height of the screen."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile},
        )

    def dark(self, *, on: bool) -> None:
        """Whether the reader prefers a dark page."""
        value = "dark" if on else "light"
        self.send("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": value}]})

    def scripts(self, *, on: bool) -> None:
        """Whether pages may run scripts."""
        self.send("Emulation.setScriptExecutionDisabled", {"value": not on})

    def press(self, key: str, *, loads: bool = False) -> None:
        """Press one key, and wait for the page that it loads."""
        if loads:
            self._forget_loads()
        code = KEYS[key]
        text = {"Enter": "\r", " ": " "}.get(key, "")
        event = {"key": key, "windowsVirtualKeyCode": code, "code": "Space" if key == " " else key}
        self.send("Input.dispatchKeyEvent", {"type": "keyDown", "text": text, **event})
        self.send("Input.dispatchKeyEvent", {"type": "keyUp", **event})
        if loads:
            self.wait_for("Page.loadEventFired")

    def type(self, text: str) -> None:
        """Type into the element that has the focus."""
        self.send("Input.insertText", {"text": text})

    def click(self, selector: str, *, loads: bool = True) -> None:
        """Click the middle of the first element that the selector finds."""
        if loads:
            self._forget_loads()
        node = self._node(selector)
        self.send("DOM.scrollIntoViewIfNeeded", {"nodeId": node})
        quad = self.send("DOM.getContentQuads", {"nodeId": node})["quads"][0]
        at = {"x": (quad[0] + quad[4]) / 2, "y": (quad[1] + quad[5]) / 2, "button": "left", "clickCount": 1}
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", {"type": kind, **at})
        if loads:
            self.wait_for("Page.loadEventFired")

    def focus(self, selector: str) -> None:
        """Put the focus on an element."""
        self.send("DOM.focus", {"nodeId": self._node(selector)})

    def wait_for_focus(self, selector: str) -> None:
        """Wait until an element has the focus: a page moves it at its first frame, which may come after its load."""
        found = f"document.activeElement === document.querySelector({json.dumps(selector)})"
        self.evaluate(
            f"new Promise(done => {{ const look = () => {found} ? done(true) : requestAnimationFrame(look); look(); }})"
        )

    def fill(self, selector: str, text: str) -> None:
        """Type into a field."""
        self.focus(selector)
        self.type(text)

    def choose_file(self, selector: str, path: Path) -> None:
        """Choose a file in a field for files, as the dialog of the browser does."""
        self.send("DOM.setFileInputFiles", {"nodeId": self._node(selector), "files": [str(path)]})

    def choose(self, selector: str, *, down: int) -> None:
        """Go down so many options in a list, by keyboard."""
        self.focus(selector)
        for _ in range(abs(down)):
            self.press("ArrowDown" if down > 0 else "ArrowUp")

    def wait_until(self, script: str) -> None:
        """Wait until an expression is true in the page."""
        self.evaluate(
            f"new Promise(done => {{ const look = () => ({script}) ? done(true) : setTimeout(look, 50); look(); }})"
        )

    def download_to(self, folder: Path) -> None:
        """Where files go that a page has the browser download."""
        self.send("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)})

    def offline(self, *, on: bool) -> None:
        """Whether the network is gone."""
        conditions = {"offline": on, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        self.send("Network.emulateNetworkConditions", conditions)

    def _node(self, selector: str) -> int:
        root = self.send("DOM.getDocument")["root"]["nodeId"]
        node = int(self.send("DOM.querySelector", {"nodeId": root, "selector": selector})["nodeId"])
        if not node:
            raise BrowserError(f"expected an element {selector} on the page, found none")
        return node

    def html(self) -> str:
        """The page as the browser has it now; works without scripts."""
        root = self.send("DOM.getDocument")["root"]["nodeId"]
        return str(self.send("DOM.getOuterHTML", {"nodeId": root})["outerHTML"])

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """A PNG of the screen, or of the whole page."""
        shot = self.send("Page.captureScreenshot", {"format": "png", "captureBeyondViewport": whole})
        path.write_bytes(base64.b64decode(shot["data"]))

    def requested(self) -> list[str]:
        """The addresses that were asked for since the last time."""
        asked = [e["params"]["request"]["url"] for e in self.events if e["method"] == "Network.requestWillBeSent"]
        self.events = [each for each in self.events if each["method"] != "Network.requestWillBeSent"]
        return asked


@contextmanager
def running(profile: Path, *, flags: tuple[str, ...] = ()) -> Iterator[Browser]:
    """A browser with a profile of its own, ended with the block."""
    (theirs_in, our_end_out), (our_end_in, theirs_out) = os.pipe(), os.pipe()
    to_browser, from_browser = (fcntl.fcntl(end, fcntl.F_DUPFD, HIGH) for end in (theirs_in, theirs_out))
    os.close(theirs_in)
    os.close(theirs_out)
    # The browser has its debugging pipe on the descriptors 3 and 4.
    command = ["/bin/bash", "-c", f'exec 3<&{to_browser} 4>&{from_browser}; exec "$@"', "bash", str(CHROMIUM), *FLAGS]
    process = subprocess.Popen(
        [*command, *flags, f"--user-data-dir={profile}"],
        pass_fds=(to_browser, from_browser),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(to_browser)
    os.close(from_browser)
    browser = Browser(our_end_out, our_end_in)
    try:
        browser.open_page()
        yield browser
    finally:
        os.close(our_end_out)
        os.close(our_end_in)
        process.terminate()
        try:
            process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
