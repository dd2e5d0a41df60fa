"""The colours of the page, read from its style sheet, for drawings that leave the page."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_VARIABLE = re.compile(r"--([a-z-]+):\s*(#[0-9a-f]{3,6})\b")
_USED = re.compile(r"var\(--([a-z-]+)(?:,\s*(#[0-9a-fA-F]{3,6}))?\)")
_GAUGE = re.compile(r"^(?:svg)?\.gauge[^{]*\{[^}]*\}.*$", re.MULTILINE)
FONT = "DejaVu Sans"


@cache
def colours() -> dict[str, str]:
    """The colours by day, by their names in the style sheet."""
    light = _sheet().partition("@media screen and (prefers-color-scheme: dark)")[0]
    return dict(_VARIABLE.findall(light))


def tones(name: str) -> dict[str, str]:
    """A colour and the wash behind it."""
    found = colours()
    return {"tone": found.get(name, found["ink"]), "wash": found.get(f"{name}-wash", found["panel"])}


def drawn_on_paper(source: str, tone: str) -> str:
    """An inline SVG of the page as one that stands alone: colours, fonts and the sheet's rules are in it."""
    named = colours()
    shown = _USED.sub(lambda found: named.get(found.group(1), found.group(2) or named["ink"]), source)
    shown = shown.replace("currentColor", named.get(tone, named["ink"]))
    head, rest = shown.split(">", 1)
    namespace = "" if "xmlns=" in head else ' xmlns="http://www.w3.org/2000/svg"'
    return f"{head}{namespace}><style>{_rules()}</style>{rest}"


@cache
def _rules() -> str:
    named = colours()
    own = "\n".join(rule.replace("svg.gauge", ".gauge") for rule in _GAUGE.findall(_sheet()))
    shown = _USED.sub(lambda found: named.get(found.group(1), found.group(2) or named["ink"]), own)
    return f'text {{ font-family: "{FONT}"; }} .gauge {{ fill: none; stroke-width: 2; }}\n{shown}'


def _sheet() -> str:
    return (files("app.report") / "templates" / "style.html").read_text(encoding="utf-8")
