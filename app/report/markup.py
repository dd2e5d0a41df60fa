"""The page read back as a tree of elements, words and drawings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from typing import TypeAlias

_DRAWING = re.compile(r"<svg\b.*?</svg>", re.DOTALL)
_LABEL = re.compile(r'aria-label="([^"]*)"')
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.DOTALL)
_DESCRIPTION = re.compile(r"<desc[^>]*>(.*?)</desc>", re.DOTALL)
_CLASS = re.compile(r'^<svg[^>]*?class="([^"]*)"')
_STANDS_FOR = re.compile("\ue000([0-9]+)\ue001")
VOID = frozenset({"br", "meta", "link", "input", "hr", "img"})


@dataclass(frozen=True, slots=True)
class Drawing:
    """An inline SVG as it stands in the page."""

    source: str

    @property
    def alt(self) -> str:
        """What it shows, in words."""
        said = [found.group(1) for find in (_LABEL, _TITLE, _DESCRIPTION) if (found := find.search(self.source))]
        return unescape(": ".join(said))

    @property
    def kind(self) -> str:
        """Its class."""
        found = _CLASS.match(self.source)
        return found.group(1) if found else ""

    @property
    def is_chart(self) -> bool:
        """Whether it is a figure by itself."""
        return "chart" in self.kind.split()

    @property
    def is_gauge(self) -> bool:
        """Whether it is the interval of a finding."""
        return "gauge" in self.kind.split()

    @property
    def is_hidden(self) -> bool:
        """Whether the words beside it say all of it."""
        return 'aria-hidden="true"' in self.source

    @property
    def is_swatch(self) -> bool:
        """Whether it shows the line of a legend, or of a key."""
        return 'viewBox="0 0 34 16"' in self.source or self.is_gauge


@dataclass(eq=False, slots=True)
class Element:
    """An element with what is in it."""

    tag: str
    attributes: dict[str, str]
    parent: Element | None
    children: list[Node] = field(default_factory=list)

    @property
    def classes(self) -> frozenset[str]:
        """Its classes."""
        return frozenset(self.attributes.get("class", "").split())

    @property
    def elements(self) -> list[Element]:
        """The elements that lie right in it."""
        return [child for child in self.children if isinstance(child, Element)]

    def all(self) -> Iterator[Element]:
        """All elements in it, in the order of the page."""
        for child in self.elements:
            yield child
            yield from child.all()

    def drawings(self) -> Iterator[Drawing]:
        """All drawings in it."""
        for child in self.children:
            if isinstance(child, Drawing):
                yield child
            elif isinstance(child, Element):
                yield from child.drawings()

    def text(self) -> str:
        """All words in it."""
        found = (
            each if isinstance(each, str) else each.text() for each in self.children if not isinstance(each, Drawing)
        )
        return " ".join(" ".join(found).split())


Node: TypeAlias = str | Drawing | Element


class _Reader(HTMLParser):
    def __init__(self, drawings: list[Drawing]) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("body", {}, None)
        self._at, self._drawings = self.root, drawings

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, self._at)
        self._at.children.append(element)
        if tag not in VOID:
            self._at = element

    def handle_endtag(self, tag: str) -> None:
        at: Element | None = self._at
        while at is not None and at.tag != tag:
            at = at.parent
        if at is not None and at.parent is not None:
            self._at = at.parent

    def handle_data(self, data: str) -> None:
        for place, part in enumerate(_STANDS_FOR.split(data)):
            if place % 2:
                self._at.children.append(self._drawings[int(part)])
            elif part:
                self._at.children.append(part)


def parsed(page: str) -> Element:
    """The tree of a page that this service rendered: its elements are closed, and no text in it looks like a tag."""
    drawings: list[Drawing] = []

    def keep(found: re.Match[str]) -> str:
        drawings.append(Drawing(found.group()))
        return f"\ue000{len(drawings) - 1}\ue001"

    # these two letters stand for drawings, so that they may not come from a name
    page = page.replace("\ue000", "\ufffd").replace("\ue001", "\ufffd")
    reader = _Reader(drawings)
    reader.feed(_DRAWING.sub(keep, page))
    reader.close()
    return reader.root
