"""The page of a report as blocks for paper: the same words in the same order, without what a screen alone needs.

The page is the one place where words and order stand, so whatever is added to it comes into the PDF by itself. Blocks
are JSON values, which templates/paper.typ sets. No text of a report ever becomes part of a Typst source.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from app.report.markup import Element, Node, parsed
from app.report.palette import drawn_on_paper, tones
from app.report.runs import LONGEST, ON_SCREEN_ONLY, SKIPPED, Run, runs_of

Block = dict[str, Any]

_VIEW = re.compile(r'viewBox="\S+ \S+ ([\d.]+) ([\d.]+)"', re.IGNORECASE)
HEADINGS = {"h2": 1, "h3": 2, "h4": 3}


def blocks_of(page: str) -> list[Block]:
    """The blocks of a page that this service rendered, its headings without a gap in their levels."""
    deepest = 0
    blocks = list(_blocks(parsed(page), "open"))
    for block in _headings(blocks):
        deepest = block["level"] = min(block["level"], deepest + 1)
    return blocks


def _headings(blocks: Iterable[Block]) -> Iterator[Block]:
    for block in blocks:
        if "level" in block:
            yield block
        yield from _headings(block.get("body", ()) if block["t"] == "box" else ())
        for item in block.get("items", ()) if block["t"] == "grid" else ():
            yield from _headings(item)


def _blocks(element: Element, tone: str) -> Iterator[Block]:
    """The blocks in an element; loose words between them are paragraphs."""
    loose: list[Node] = []
    for child in element.children:
        if isinstance(child, Element) and child.tag not in _INLINE:
            yield from _paragraph(loose, element)
            loose = []
            yield from _block(child, tone)
        else:
            loose.append(child)
    yield from _paragraph(loose, element)


_INLINE = frozenset({"b", "strong", "span", "a", "br", "code", "i", "em", "q", "abbr", "sup", "sub", "small", "time"})


def _paragraph(nodes: list[Node], around: Element) -> Iterator[Block]:
    runs = runs_of(nodes, around.classes)
    if runs:
        yield {"t": "p", "in": runs}


def _block(element: Element, tone: str) -> Iterator[Block]:
    tag, classes = element.tag, element.classes
    if tag in ON_SCREEN_ONLY or classes & SKIPPED:
        return
    if "question" in classes:
        return  # set with its neighbours
    makers = {
        "h1": _title, "table": _table, "dl": _facts, "ul": _list, "ol": _list, "figure": _figure, "p": _words,
        "blockquote": _words, **dict.fromkeys(HEADINGS, _heading),
    }  # fmt: skip
    if tag in makers:
        yield from makers[tag](element)
    elif "banner" in classes:
        named = next((each for each in ("pass", "review", "block") if each in classes), "open")
        own = {"pass": "good", "review": "warn", "block": "bad"}.get(named, "open")
        yield {"t": "box", **tones(own), "body": list(_blocks(element, own))}
    elif "grid" in classes:
        yield {
            "t": "grid",
            "n": 2 if "maps" in classes else 3,
            "items": [list(_block(f, tone)) for f in element.elements],
        }
    elif any("question" in each.classes for each in element.elements):
        yield from _questions(element, tone)
    elif tag != "summary":
        yield from _blocks(element, tone)


def _questions(section: Element, tone: str) -> Iterator[Block]:
    """The questions as one table, and after everything else of the section what is behind each."""
    rows = [each for each in section.elements if "question" in each.classes]
    is_set = False
    for child in section.elements:
        if child not in rows:
            yield from _block(child, tone)
        elif not is_set:
            is_set = True
            yield {"t": "questions", "rows": [_overview(row) for row in rows]}
    for row in rows:
        asked = next((each for each in row.all() if "asked" in each.classes), row)
        yield {"t": "h", "level": 2, "in": runs_of(asked.elements[:1], frozenset())}
        for behind in row.elements:
            if "behind" in behind.classes:
                yield from _blocks(behind, tone)


def _overview(row: Element) -> list[list[Run]]:
    """Mark, question with its meaning, and figure."""
    summary = next((each for each in row.elements if each.tag == "summary"), row)
    return [runs_of(cell.children, cell.classes) for cell in summary.elements]


def _title(element: Element) -> Iterator[Block]:
    yield {"t": "title", "in": runs_of(element.children, frozenset())}


def _heading(element: Element) -> Iterator[Block]:
    said = runs_of(element.children, frozenset())
    if said:
        yield {"t": "verdict" if "verdict" in element.classes else "h", "level": HEADINGS[element.tag], "in": said}


def _words(element: Element) -> Iterator[Block]:
    runs = runs_of(element.children, element.classes)
    if runs:
        yield {"t": "p", "in": runs}


def _list(element: Element) -> Iterator[Block]:
    items = [runs_of(item.children, item.classes) for item in element.elements]
    yield {"t": "list", "across": "legend" in element.classes, "items": [item for item in items if item]}


def _facts(element: Element) -> Iterator[Block]:
    items = [
        [runs_of(part.children, part.classes) for part in pair.elements]
        for pair in element.elements
        if len(pair.elements) == 2
    ]
    if items:
        yield {"t": "facts", "items": items}


def _figure(element: Element) -> Iterator[Block]:
    drawing = next((each for each in element.drawings() if each.is_chart), None)
    caption = next((each for each in element.elements if each.tag == "figcaption"), None)
    said = [] if caption is None else runs_of(caption.children, caption.classes)
    if drawing is not None:
        yield {"t": "figure", "in": said, "svg": drawn_on_paper(drawing.source, "ink"),
               "alt": drawing.alt or "A chart", "size": _size(drawing.source)}  # fmt: skip
    elif said:
        yield {"t": "p", "in": said}
    for child in element.elements:
        if child is not caption:
            yield from _block(child, "open")


def _size(source: str) -> tuple[float, float]:
    """How wide and high a drawing is by its view box, in its own units."""
    found = _VIEW.search(source)
    return (float(found[1]), float(found[2])) if found else (250.0, 150.0)


def _table(element: Element) -> Iterator[Block]:
    caption = next((each for each in element.elements if each.tag == "caption"), None)
    lines = [line for line in element.all() if line.tag == "tr"]
    head = [line for line in lines if line.parent is not None and line.parent.tag == "thead"]
    body = [line for line in lines if line not in head]
    width = max((sum(map(_span, line.elements)) for line in lines), default=0)
    if width == 0 or not body:
        return
    is_even = not any("rowspan" in cell.attributes for line in lines for cell in line.elements)
    first = head[0] if head else body[0]
    said = [] if caption is None or caption.classes & SKIPPED else runs_of(caption.children, frozenset({"small"}))
    yield {
        "t": "table",
        "in": said,
        "right": ["n" in cell.classes for cell in first.elements],
        "widths": _widths(lines, width),
        "head": [_line(line, width if is_even else 0) for line in head],
        "body": [_line(line, width if is_even else 0) for line in body],
    }


def _line(line: Element, width: int) -> list[Block]:
    """The cells of a line, and an empty one where it has fewer than the table is wide."""
    cells = [_cell(cell) for cell in line.elements]
    lacking = width - sum(cell["span"] for cell in cells)
    return cells if lacking <= 0 else [*cells, {"in": [], "span": lacking, "rows": 1, "group": False}]


def _span(cell: Element, name: str = "colspan") -> int:
    said = cell.attributes.get(name, "1")
    return max(1, int(said)) if said.isdecimal() else 1


def _cell(element: Element) -> Block:
    return {
        "in": runs_of(element.children, element.classes),
        "span": _span(element),
        "rows": _span(element, "rowspan"),
        "group": "colspan" in element.attributes,
    }


def _widths(lines: Iterable[Element], width: int) -> list[float]:
    """How much of the line each column gets: by its longest word at least, by its longest cell at most."""
    words, cells = [3.0] * width, [1.0] * width
    for line in lines:
        for place, cell in enumerate(line.elements[:width]):
            if "colspan" in cell.attributes:
                continue
            if any(each.is_gauge for each in cell.drawings()):
                words[place] = max(words[place], 14)
            text = cell.text()
            words[place] = max(words[place], min(LONGEST, max(map(len, text.split()), default=0)))
            cells[place] = max(cells[place], min(300, len(text)))
    return [word + cell**0.5 for word, cell in zip(words, cells, strict=True)]
