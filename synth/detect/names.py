"""Which texts are names of people, by lists of common first and last names in many languages."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import import_module

from synth.detect.words import plain

LOCALES = [
    "en_US",
    "en_GB",
    "de_DE",
    "fr_FR",
    "es_ES",
    "it_IT",
    "nl_NL",
    "pt_PT",
    "pt_BR",
    "pl_PL",
    "sv_SE",
    "tr_TR",
    "da_DK",
    "fi_FI",
    "no_NO",
    "en_IN",
]
_WORD = r"[^\W\d_](?:[^\W\d_]|['\u2019.\-])*"
_SIGNS = re.compile(rf"{_WORD}(?:[ ,]+{_WORD}){{0,5}}[.,]?")
_TITLES = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "miss",
        "dr",
        "prof",
        "mme",
        "mlle",
        "herr",
        "frau",
        "sr",
        "sra",
        "don",
        "dona",
        "sig",
        "dott",
        "ing",
        "jr",
        "sr",
        "ii",
        "iii",
        "phd",
        "md",
        "von",
        "van",
        "de",
    ]
)


@lru_cache(maxsize=1)
def common_names() -> tuple[frozenset[str], frozenset[str]]:
    """(first names, last names), in lower case and without accents."""
    first: set[str] = set()
    last: set[str] = set()
    for locale in LOCALES:
        provider = import_module(f"faker.providers.person.{locale}").Provider
        for attribute in ("first_names", "first_names_male", "first_names_female"):
            first.update(plain(str(name)).lower() for name in getattr(provider, attribute, ()))
        last.update(plain(str(name)).lower() for name in getattr(provider, "last_names", ()))
    return frozenset(first), frozenset(last)


def words_of_name(text: str) -> list[str]:
    """The words of a name in lower case, without titles and initials."""
    words = re.split(r"[\s,.\-]+", plain(text).lower())
    return [word for word in words if len(word) > 1 and word not in _TITLES]


def looks_like_name(text: str) -> bool:
    """Whether this may be a name: one to six words of letters, digits at the end of words at most."""
    return _SIGNS.fullmatch(re.sub(r"\d+", "", text).strip()) is not None and len(text) <= 60


def is_titled(text: str) -> bool:
    """Whether these are two to four words with capitals, but for particles such as van."""
    words = re.split(r"[\s,]+", text.strip(" ,."))
    return 2 <= len(words) <= 4 and all(word[:1].isupper() or word.lower() in _TITLES for word in words if word)


def is_first_and_last(text: str) -> bool:
    """Whether this is a common first name and a common last name, in this or the other order, and nothing else."""
    first, last = common_names()
    words = words_of_name(text)
    return len(words) == 2 and any(a in first and b in last for a, b in (words, words[::-1]))


def shares_of_names(texts: list[str]) -> tuple[float, float]:
    """(share of texts that hold a first and a last name, share that are one first or last name alone)."""
    first, last = common_names()
    both = single = 0
    for text in texts:
        words = words_of_name(text)
        if len(words) >= 2:
            both += any(a in first and any(b in last or b in first for b in words if b != a) for a in words)
        elif words:
            single += words[0] in first or words[0] in last
    return both / max(len(texts), 1), single / max(len(texts), 1)
