"""Figures for people: per cent for a share, thousands separated, and words where there is no figure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from privacy.finding import TOGETHER

NOT_MEASURED = "not measured"
NOTHING_MISSING = "(nothing missing)"
LEFT_OUT = "Left out"
"""How a reason begins of a figure that was measured, and is not told."""
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Bidirectional controls: with them a column name can make the text after it read otherwise than it was written."""
_NOTHING = frozenset("\u180e\u200b\u2060\ufeff")
"""Characters of no width that join nothing: with them two names differ that look the same."""
_BREAKING = frozenset("\n\t\u2028\u2029")


def in_unit(value: float | None, its_unit: str) -> str:
    """A figure of a finding for people: per cent for a share, three decimals for the others."""
    if value is None:
        return NOT_MEASURED
    return f"{100 * value:z.2f}\u00a0%" if its_unit == "share" else f"{value:z.3f}"


def counted(count: int, what: str) -> str:
    """So many of something, such as `1 column` or `1,200 columns`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def number(value: float | None) -> str:
    """A number for people: about four significant digits, thousands separated, no exponent unless far from one."""
    if value is None:
        return NOT_MEASURED
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e15 or size < 1e-5:
        return f"{value:.3g}"
    if size >= 1000 or float(value).is_integer():
        return f"{value:,.0f}"
    if size >= 0.1:
        return f"{value:.{1 if size >= 100 else 2 if size >= 10 else 3}f}"
    return f"{value:.6f}".rstrip("0") if size < 0.001 else f"{value:.4f}"


def plain(text: str) -> str:
    """The text with every character that cannot be shown, or that turns the order of others, made visible as U+FFFD."""
    return "".join("\ufffd" if _is_hidden(character) else character for character in text)


def one_line(text: str) -> str:
    """The text on one line of a terminal, with what `plain` makes visible, line breaks and tabs written as escapes."""
    return "".join(_escaped(c) if _is_hidden(c) or c in _BREAKING else c for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _is_hidden(character: str) -> bool:
    return (
        (unicodedata.category(character) in {"Cc", "Cs"} and character not in "\n\t")
        or character in _TURNING
        or character in _NOTHING
        or ord(character) & 0xFFFE == 0xFFFE
    )


def spoken(text: str, titles: Mapping[str, str]) -> str:
    """What a policy said, each finding called by its title in place of the key by which policies name it.

    What is said of all tables together says so by itself, and names findings as those of one table are named.
    """
    named = {key: f"“{title}”" for key, title in titles.items() if not key.startswith(TOGETHER)}
    if not named:
        return text
    known = "|".join(re.escape(key) for key in sorted(named, key=len, reverse=True))
    return re.sub(rf"(?<![\w.])(?:{known})(?![\w])", lambda found: named[found.group()], text)
