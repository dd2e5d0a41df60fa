"""Figures as inline SVG: one style, no shared state of matplotlib, the same bytes for the same input."""

from __future__ import annotations

import io
import re
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from typing import Any
from xml.etree import ElementTree as ET

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from app.report.units import plain

INK, MUTED, RULE = "#1b2733", "#55626f", "#cfd6dd"
REAL, SYNTHETIC = "#0072b2", "#d55e00"
"""Blue and vermillion of Okabe and Ito's palette: told apart with every kind of colour blindness."""

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 8,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": RULE,
    "axes.labelcolor": MUTED,
    "axes.titlesize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.formatter.useoffset": False,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}
_THEME = {INK: "ink", MUTED: "muted", RULE: "rule", REAL: "real", SYNTHETIC: "synthetic"}
_SIZE = re.compile(r"[\d.]+px")


@contextmanager
def drawing(salt: str) -> Iterator[None]:
    """The style of all charts. `salt` keeps the ids of two charts on one page apart and the same from run to run."""
    with warnings.catch_warnings(), mpl.rc_context({**_STYLE, "svg.hashsalt": salt}):
        # The browser sets the text in a font of its own; matplotlib's only serves to measure it.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def to_svg(figure: Figure, *, title: str, description: str, salt: str) -> Markup:
    """The figure as one `<svg>` element with `<title>` and `<desc>`. Call it inside `drawing`."""
    buffer = io.StringIO()
    FigureCanvasSVG(figure).print_figure(
        buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
    )
    root = ET.fromstring(buffer.getvalue())  # noqa: S314 - matplotlib wrote it one line above
    _strip(root)
    width, height = (72 * float(size) for size in figure.get_size_inches())
    root.attrib.clear()
    root.attrib.update(
        {
            "class": "chart",
            "viewBox": f"0 0 {width:g} {height:g}",
            "role": "img",
            "aria-labelledby": f"{salt}-title {salt}-desc",
        }
    )
    for place, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ET.Element(tag, {"id": f"{salt}-{tag}"})
        element.text = plain(text)
        root.insert(place, element)
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704 - the serialiser escapes text and attributes


def _strip(parent: ET.Element) -> None:
    """Remove what an inline `<svg>` does not need: namespaces, metadata, style sheets, fonts and ids nobody uses."""
    for child in list(parent):
        child.tag = child.tag.rpartition("}")[2]
        child.tail = None
        if child.tag in {"metadata", "style"}:
            parent.remove(child)
            continue
        _strip(child)
        if child.tag == "defs" and not len(child):
            parent.remove(child)
    parent.tag = parent.tag.rpartition("}")[2]
    if parent.tag != "text":
        parent.text = None
    for name in list(parent.attrib):
        value = parent.attrib.pop(name)
        local = name.rpartition("}")[2]
        if local == "d":
            value = " ".join(value.split())
        elif local == "style":
            value = _themed(_text_style(value) if parent.tag == "text" else value)
        if not (local == "id" and parent.tag == "g"):
            parent.attrib[local] = value


def _themed(style: str) -> str:
    """The declarations with our own colours left to the page, which has them for light and for dark."""
    for colour, name in _THEME.items():
        style = style.replace(colour, f"var(--{name}, {colour})")
    return style


def _text_style(style: str) -> str:
    """The declarations without the font's family, which the page sets."""
    kept = []
    for declaration in style.split(";"):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if name == "font":
            kept.append(f"font-size: {''.join(_SIZE.findall(value)[:1])}")
        elif name and name != "font-family":
            kept.append(f"{name}: {value}")
    return "; ".join(kept)


def short(text: str, length: int) -> str:
    """One line of at most `length` characters, for a label."""
    line = " ".join(plain(text).split())
    return line if len(line) <= length else line[: length - 1] + "…"


def pinched(text: str, length: int) -> str:
    """The same, shortened in the middle: names of columns often differ at their end alone."""
    line = " ".join(plain(text).split())
    tail = (length - 1) // 2
    return line if len(line) <= length else f"{line[: length - 1 - tail]}…{line[-tail:]}"


def fitted(text: str, points: float, size: float, *, pinch: bool = False) -> str:
    """The text, shortened until it is no wider than that many points in letters of this size, in whatever font.

    Letters are taken to be as wide as in a wide sans serif (DejaVu), and those of East Asia as wide as they are high.
    """
    line = " ".join(plain(text).split())
    room = points / size
    for length in range(len(line), 1, -1):
        shown = pinched(line, length) if pinch else short(line, length)
        if sum(map(_ems, shown)) <= room:
            return shown
    return line[:1]


def told_apart(texts: Sequence[str], points: float, size: float) -> list[str]:
    """The texts as `fitted` and pinched; those that would look the same begin where they first differ."""
    shown = [fitted(text, points, size, pinch=True) for text in texts]
    for label in {label for label in shown if shown.count(label) > 1}:
        places = [place for place, other in enumerate(shown) if other == label]
        letters = zip(*(texts[place] for place in places), strict=False)
        same = sum(1 for _ in takewhile(lambda each: len(set(each)) == 1, letters))
        for place in places:
            shown[place] = fitted(f"…{texts[place][same:]}" if same else texts[place], points, size)
    return shown


def width(text: str, size: float) -> float:
    """How wide a line of text is at most, in letters of this size."""
    return size * sum(map(_ems, text))


def _ems(character: str) -> float:
    if unicodedata.combining(character):
        return 0.0
    if unicodedata.east_asian_width(character) in "WF" or ord(character) > 0x2E80:
        return 1.05
    if character in "ijlIrft.,:;'|! ()[]/":
        return 0.42
    if character in "mwMW@%—…" or unicodedata.category(character) in {"So", "Sm"}:
        return 1.03
    if character in "_-sckzvxy":
        return 0.6
    return 0.8 if character.isupper() else 0.65
