"""The words of an element of the page as runs, each with how it is set on paper."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from app.report.markup import Drawing, Node
from app.report.palette import drawn_on_paper, tones

Run = dict[str, Any]

ON_SCREEN_ONLY = frozenset({"head", "style", "script", "nav", "form", "button", "input"})
SKIPPED = frozenset({"skip", "contents", "data", "unseen", "on-screen"})
"""Classes of what paper leaves out: links within the page, and the data of charts, which the document has."""
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


def runs_of(nodes: Iterable[Node], classes: frozenset[str]) -> list[Run]:
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
