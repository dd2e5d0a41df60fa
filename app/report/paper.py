"""The page of a report as blocks for paper: the same words in the same order, without what a screen alone needs.

The page is the one place where words and order stand, so whatever is added to it comes into the PDF by itself. Blocks
are JSON values, which templates/paper.typ sets. No text of a report ever becomes part of a Typst source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from app.report.markup import Drawing, Element, Node, parsed
from app.report.palette import drawn_on_paper, tones

Block = dict[str, Any]
Run = dict[str, Any]

ON_SCREEN_ONLY = frozenset({"head", "style", "script", "nav", "form", "button", "input"})
SKIPPED = frozenset({"skip", "contents", "data", "unseen", "on-screen"})
"""Classes of what paper leaves out: links within the page, and the data of charts, which the document has."""
HEADINGS = {"h2": 1, "h3": 2, "h4": 3}
BREAKS = frozenset({"interval", "read", "meant"})
"""Classes of what begins a line of its own in a cell."""
COLOURS: Mapping[str, str] = {
    "below": "good", "across": "warn", "above": "bad", "shown": "muted", "alarm": "bad", "quiet": "muted",
    "absent": "muted", "interval": "muted", "pass": "good", "in-part": "good", "review": "warn", "block": "bad",
    "read": "muted", "note": "muted", "small": "muted", "kicker": "muted",
}  # fmt: skip
"""The colour of the page, by class."""
SIGNS: Mapping[str, str] = {
    "below": "● ", "across": "◐ ", "above": "◆ ", "shown": "○ ",
    "pass": "● ", "in-part": "◐ ", "review": "◐ ", "block": "◆ ",
}  # fmt: skip
"""What stands for the mark that the page draws before a word; its meaning is always in the word."""
BOLD, ITALIC, MONO = (
    frozenset({"b", "strong", "hit", "state", "mark", "alarm"}),
    frozenset({"absent"}),
    frozenset({"hash"}),
)
LONGEST = 24
"""A word of more letters may be broken anywhere: names of columns know no syllables."""
SMALL = frozenset({"interval", "read", "meant", "small", "kicker", "note"})


def blocks_of(page: str) -> list[Block]:
    """The blocks of a page that this service rendered."""
    return list(_blocks(parsed(page), "open"))


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
    runs = _runs(nodes, around.classes)
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
        yield {"t": "h", "level": 2, "in": _runs(asked.elements[:1], frozenset())}
        for behind in row.elements:
            if "behind" in behind.classes:
                yield from _blocks(behind, tone)


def _overview(row: Element) -> list[list[Run]]:
    """Mark, question with its meaning, and figure."""
    summary = next((each for each in row.elements if each.tag == "summary"), row)
    return [_runs(cell.children, cell.classes) for cell in summary.elements]


def _title(element: Element) -> Iterator[Block]:
    yield {"t": "title", "in": _runs(element.children, frozenset())}


def _heading(element: Element) -> Iterator[Block]:
    is_verdict = "verdict" in element.classes
    yield {
        "t": "verdict" if is_verdict else "h",
        "level": HEADINGS[element.tag],
        "in": _runs(element.children, frozenset()),
    }


def _words(element: Element) -> Iterator[Block]:
    runs = _runs(element.children, element.classes)
    if runs:
        yield {"t": "p", "in": runs}


def _list(element: Element) -> Iterator[Block]:
    items = [_runs(item.children, item.classes) for item in element.elements]
    yield {"t": "list", "across": "legend" in element.classes, "items": [item for item in items if item]}


def _facts(element: Element) -> Iterator[Block]:
    items = [
        [_runs(part.children, part.classes) for part in pair.elements]
        for pair in element.elements
        if len(pair.elements) == 2
    ]
    if items:
        yield {"t": "facts", "items": items}


def _figure(element: Element) -> Iterator[Block]:
    drawing = next((each for each in element.drawings() if each.is_chart), None)
    caption = next((each for each in element.elements if each.tag == "figcaption"), None)
    said = [] if caption is None else _runs(caption.children, caption.classes)
    if drawing is not None:
        yield {"t": "figure", "in": said, "svg": drawn_on_paper(drawing.source, "ink"), "alt": drawing.alt}
    elif said:
        yield {"t": "p", "in": said}
    for child in element.elements:
        if child is not caption:
            yield from _block(child, "open")


def _table(element: Element) -> Iterator[Block]:
    caption = next((each for each in element.elements if each.tag == "caption"), None)
    lines = [line for line in element.all() if line.tag == "tr"]
    head = [line for line in lines if line.parent is not None and line.parent.tag == "thead"]
    body = [line for line in lines if line not in head]
    width = max((len(line.elements) for line in lines), default=0)
    if width == 0 or not body:
        return
    first = head[0] if head else body[0]
    said = [] if caption is None or caption.classes & SKIPPED else _runs(caption.children, frozenset({"small"}))
    yield {
        "t": "table",
        "in": said,
        "right": ["n" in cell.classes for cell in first.elements],
        "widths": _widths(lines, width),
        "head": [[_cell(cell) for cell in line.elements] for line in head],
        "body": [[_cell(cell) for cell in line.elements] for line in body],
    }


def _cell(element: Element) -> Block:
    return {
        "in": _runs(element.children, element.classes),
        "span": int(element.attributes.get("colspan") or 1),
        "group": "colspan" in element.attributes,
        "head": element.tag == "th",
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


def _runs(nodes: Iterable[Node], classes: frozenset[str]) -> list[Run]:
    """Words with how they are set; spaces as a browser shows them."""
    runs = list(_inline(nodes, classes))
    joined: list[Run] = []
    for run in runs:
        starts = not joined or joined[-1].get("br")
        if "s" in run:
            run["s"] = run["s"].lstrip(" ") if starts or joined[-1].get("s", "").endswith(" ") else run["s"]
            if not run["s"]:
                continue
        elif run.get("br") and (starts or joined[-1].get("wide")):
            continue
        joined.append(run)
    while joined and (joined[-1].get("br") or joined[-1].get("s", "x").strip(" ") == ""):
        joined.pop()
    return joined


def _inline(nodes: Iterable[Node], classes: frozenset[str]) -> Iterator[Run]:
    sign = next((SIGNS[each] for each in SIGNS if each in classes), "") if classes & {"mark", "state"} else ""
    if sign:
        yield {"s": sign, **_looks(classes)}
    for node in nodes:
        if isinstance(node, str):
            words = " ".join(node.replace("\n", " ").split(" "))
            shown = (" " if words[:1] == " " else "") + " ".join(words.split(" ")).strip(" ")
            shown += " " if words[-1:] == " " and shown.strip(" ") else ""
            if shown:
                yield {"s": _breakable(shown), **_looks(classes)}
        elif isinstance(node, Drawing):
            if not node.is_hidden or node.is_swatch:
                yield {"svg": drawn_on_paper(node.source, _tone(classes)), "alt": node.alt, "wide": node.is_gauge}
        elif node.tag == "br":
            yield {"br": True}
        elif node.tag not in ON_SCREEN_ONLY and not node.classes & SKIPPED:
            if node.classes & BREAKS or node.tag in {"p", "div"}:
                yield {"br": True}
            yield from _inline(node.children, (classes - {"mark", "state"}) | node.classes | {node.tag})


def _looks(classes: frozenset[str]) -> Run:
    found: Run = {}
    colour = next((COLOURS[each] for each in COLOURS if each in classes), "")
    if colour:
        found["c"] = tones(colour)["tone"]
    for name, some in (("b", BOLD), ("i", ITALIC), ("m", MONO), ("z", SMALL)):
        if classes & some:
            found[name] = True
    return found


def _tone(classes: frozenset[str]) -> str:
    return next((COLOURS[each] for each in COLOURS if each in classes), "ink")


def _breakable(text: str) -> str:
    """The text, in which a word that is longer than any may break after each letter: a zero-width space says so."""
    return " ".join(
        "\u200b".join(word) if len(word) > LONGEST and not _is_hash(word) else word for word in text.split(" ")
    )


def _is_hash(word: str) -> bool:
    return len(word) == 64 and all(letter in "0123456789abcdef" for letter in word)
