"""The fonts of PDFs: those that come with the service, and where a name needs others, those of the machine."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import matplotlib as mpl
import typst
from fontTools.ttLib import TTCollection, TTFont, TTLibError

OURS = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSans-Oblique.ttf")
UNSEEN = frozenset({"\n", "\t", "\u200b"})
"""Characters that take no letter of a font."""


def folder() -> Path:
    """Where the fonts lie that come with the drawing library."""
    return Path(mpl.get_data_path()) / "fonts" / "ttf"


def legible(text: str) -> tuple[str, bool]:
    """The text with each character that no font here has written as its code point, and whether fonts of the machine
    are needed for the rest.

    A box in place of a letter would be copied from a PDF as whatever other letter had a box first.
    """
    lacking = set(text) - _ours() - UNSEEN
    if not lacking:
        return text, False
    found = set().union(*(lacking & letters for letters in _of_machine()))
    return text.translate({ord(each): f"U+{ord(each):04X}" for each in lacking - found}), bool(found)


@cache
def _ours() -> frozenset[str]:
    return frozenset.intersection(*(letters for name in OURS for letters in _letters(folder() / name)))


def _of_machine() -> Iterator[frozenset[str]]:
    fonts = typst.Fonts(include_system_fonts=True, include_embedded_fonts=False).fonts()
    for path in sorted({font.path for font in fonts if font.path}):
        yield from _letters(Path(path))


def _letters(path: Path) -> Iterator[frozenset[str]]:
    """The letters of each font in a file; none of one that cannot be read."""
    try:
        fonts = (
            TTCollection(path, lazy=True).fonts
            if path.suffix.lower() in {".ttc", ".otc"}
            else [TTFont(path, lazy=True)]
        )
        for font in fonts:
            with font:
                yield frozenset(map(chr, font.getBestCmap() or ()))
    except (TTLibError, OSError):
        return
