"""Which texts are addresses of houses, or places on the map."""

from __future__ import annotations

import re

from synth.detect.words import plain

_STREET = re.compile(
    r"\b(?:street|st|avenue|ave|av|avda|road|rd|lane|ln|drive|dr|boulevard|blvd|bd|bvd|way|court|ct|place|pl|square|sq|"
    r"highway|hwy|parkway|pkwy|close|crescent|terrace|gardens|grove|mews|hill|row|walk|wharf|strasse|str|platz|allee|"
    r"gasse|ring|damm|ufer|chaussee|steig|rue|chemin|impasse|quai|cours|route|sentier|faubourg|calle|avenida|paseo|plaza|"
    r"camino|ronda|travesia|carretera|ctra|pza|via|viale|piazza|corso|vicolo|largo|laan|straat|plein|gracht|kade|rua|"
    r"travessa|praca|weg)\b|\bc/|\bc\. |"
    r"\w(?:strasse|str\b|straat|laan|weg|ring|platz|allee|gasse|gracht|plein|kade|damm)\b",
)
_NUMBERED = re.compile(r"\d{1,5} ?[a-z]?(?:[-/]\d{1,4})?,? [^\W\d].{2,}|[^\W\d].{2,}?,? (?:n[ºo°]? ?)?\d{1,5} ?[a-z]?")
"""A house number and a name, in either order."""
_SETTLED = re.compile(
    r"\d[^,\n]*[,\n]\s*(?:\S.*[,\s])?(?:\d{5}(?:-\d{4})?\b|\d{4} ?[a-z]{2}\b|[a-z]{1,2}\d[a-z\d]? ?\d[a-z]{2}\b)"
    r"|(?:\d{5}|\d{4} [a-z]{2}) [^\W\d]+.*[,\n].*\d"
)
"""A number, a comma, and a postcode behind: five digits, Dutch or British; or the other way round."""
_PLACE = re.compile(r"\(?[+-]?\d{1,2}\.\d{3,}°?\s?[NS]?\s*[,;/ ]\s*[+-]?\d{1,3}\.\d{3,}°?\s?[EW]?\)?")


def is_address(text: str) -> bool:
    """Whether this names a street, with a number of a house, or a house with its postcode."""
    text = plain(text).lower()
    return any(c.isdigit() for c in text) and (_STREET.search(text) is not None or is_settled(text))


def is_settled(text: str) -> bool:
    """Whether this is a whole address: a number, a name, and a postcode behind a comma or in the next line."""
    return _SETTLED.search(text) is not None and any(c.isalpha() for c in text)


def is_numbered(text: str) -> bool:
    """Whether this is a name with a number before or behind, as addresses are and much else is."""
    return _NUMBERED.fullmatch(plain(text).lower().strip()) is not None


def is_place(text: str) -> bool:
    """Whether these are latitude and longitude in degrees, to a hundred metres or closer."""
    if _PLACE.fullmatch(text.strip()) is None:
        return False
    low, across = (abs(float(number)) for number in re.findall(r"\d+\.\d+", text))
    return low <= 90 and across <= 180
