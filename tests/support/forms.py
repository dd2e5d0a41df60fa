"""Forms of the pages as a browser without scripts sends them: what stands in the page, and what somebody changes."""

from __future__ import annotations

from html.parser import HTMLParser

import httpx2

VOID = {"input"}


class _Fields(HTMLParser):
    """The fields of the form with this action."""

    def __init__(self, page: str, action: str) -> None:
        super().__init__(convert_charrefs=True)
        self.values: dict[str, str] = {}
        self._action, self._inside = action, False
        self._select: str | None = None
        self._area: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = given.get("action", "").partition("?")[0] == self._action
        if not self._inside or ("name" not in given and tag != "option"):
            return
        if tag == "input" and given.get("type") != "file":
            if given.get("type") != "checkbox" or "checked" in given:
                self.values[given["name"]] = given.get("value", "on")
        elif tag == "select":
            self._select = given["name"]
        elif tag == "option" and self._select:
            if "selected" in given or self._select not in self.values:
                self.values[self._select] = given.get("value", "")
        elif tag == "textarea":
            self._area = given["name"]
            self.values[self._area] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag == "select":
            self._select = None
        elif tag == "textarea":
            self._area = None

    def handle_data(self, data: str) -> None:
        if self._area:
            self.values[self._area] += data if self.values[self._area] else data.removeprefix("\n")


def fields_of(page: str, action: str) -> dict[str, str]:
    """What the form with this action would send as it is."""
    return _Fields(page, action).values


def send(client: httpx2.Client, path: str, **changed: str) -> httpx2.Response:
    """The answer to the form of this address, with these fields changed; dots are written as two underscores."""
    page = client.get(path)
    assert page.status_code == 200, page.text
    action = path.partition("?")[0]
    return client.post(path, data={**fields_of(page.text, action), **named(changed)})


def named(changed: dict[str, str]) -> dict[str, str]:
    """Fields by the names that forms have for them."""
    return {name.replace("__", "."): value for name, value in changed.items()}
