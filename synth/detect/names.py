"""Which texts are names of people, by lists of common first and last names in many languages."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from importlib import import_module

from synth.detect.words import plain
from synth.written.surrogate import Replaced

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
"""Those of which names are also made up."""
FURTHER = [
    "en_IE",
    "en_NZ",
    "en_KE",
    "en_NG",
    "en_PK",
    "de_AT",
    "de_CH",
    "de_LI",
    "de_LU",
    "fr_BE",
    "fr_CA",
    "fr_CH",
    "fr_DZ",
    "fr_QC",
    "es_AR",
    "es_CA",
    "es_CL",
    "es_CO",
    "es_MX",
    "nl_BE",
    "cs_CZ",
    "sk_SK",
    "sl_SI",
    "hr_HR",
    "hu_HU",
    "ro_RO",
    "is_IS",
    "et_EE",
    "lt_LT",
    "lv_LV",
    "ga_IE",
    "id_ID",
    "vi_VN",
    "yo_NG",
    "zu_ZA",
]
"""Others that are written in Latin letters."""
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

_ADDRESSED = re.compile(
    r"(?:(?:mr|mrs|ms|miss|mx|sir|dr|prof|rev|mme|mlle|herr|frau|sr|sra|srta|dña|sig|dott|dhr|mevr)\b\.?|[md]\.)\s+\S",
    re.IGNORECASE,
)
"""A title and what follows it; one letter counts as a title with a dot alone."""
REPEATED = 10
"""Codes have the same few letters; a name is rarely that of so many people."""
ALONE = 0.8
"""Share of texts of one word where names are first or last names alone."""
DIVERSE = 10
"""So many distinct words at least stand beside first names; beside places there are a few, as in Victoria Central."""

_USER = re.compile(r"[a-z][a-z\d]*(?:[._-][a-z\d]+)*")
LEAST_OF_NAME = 4
"""Shorter stems of user names are also words."""


@lru_cache(maxsize=1)
def common_names() -> tuple[frozenset[str], frozenset[str]]:
    """(first names, last names), in lower case and without accents."""
    first: set[str] = set()
    last: set[str] = set()
    for locale in (*LOCALES, *FURTHER):
        provider = import_module(f"faker.providers.person.{locale}").Provider
        for attribute in ("first_names", "first_names_male", "first_names_female"):
            first.update(_listed(provider, attribute))
        last.update(_listed(provider, "last_names"))
    return frozenset(first), frozenset(last)


def _listed(provider: object, attribute: str) -> Iterator[str]:
    """The names in lower case and without accents; some locales have no list but a way to make them."""
    names = getattr(provider, attribute, ())
    return (plain(str(name)).lower() for name in (names if isinstance(names, Collection) else ()))


def words_of_name(text: str) -> list[str]:
    """The words of a name in lower case, without titles and initials."""
    words = re.split(r"[\s,.\-]+", plain(text).lower())
    return [word for word in words if len(word) > 1 and word not in _TITLES]


def looks_like_name(text: str) -> bool:
    """Whether this may be a name: one to six words of letters, digits at the end of words at most."""
    return _SIGNS.fullmatch(re.sub(r"\d+", "", text).strip()) is not None and len(text) <= 60


def are_codes(texts: Sequence[str]) -> bool:
    """Whether most texts have digits, and are no common names with a number behind: PAT-0001, K00000."""
    numbered = [text for text in texts if any(c.isdigit() for c in text)]
    if 2 * len(numbered) < len(texts):
        return False
    bare = {re.sub(r"\d+", "", text).strip() for text in numbered}
    known = sum(_has_common_name(text) for text in bare)
    return len(bare) * REPEATED <= len(numbered) or known < 0.3 * len(bare)


def _has_common_name(text: str) -> bool:
    first, last = common_names()
    return any(len(word) > 2 and (word in first or word in last) for word in words_of_name(text))


def part_of_names(texts: Sequence[str]) -> Replaced | None:
    """First or last names, where most texts are one word alone; None where they are more."""
    first, last = common_names()
    words = [found[0] for text in texts if len(found := words_of_name(text)) == 1 and len(text.split()) == 1]
    if len(words) < ALONE * len(texts):
        return None
    firsts, lasts = (sum(word in names for word in words) for names in (first, last))
    return Replaced.FIRST_NAME if firsts > lasts else Replaced.LAST_NAME


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


def is_addressed(text: str) -> bool:
    """Whether this begins with the title of a person: Dr. Weber, Mme Petit."""
    return _ADDRESSED.match(text.strip()) is not None


def share_of_first_names(texts: Sequence[str]) -> float:
    """Share of texts that are a common first name beside other words; 0 where the other words are always the same few.

    A first name stands in front, or behind a comma.
    """
    first, _ = common_names()
    found, rest = 0, set[str]()
    for text in texts:
        before, comma, behind = text.partition(",")
        words = words_of_name(f"{behind} {before}" if comma else text)
        if len(words) >= 2:
            found += words[0] in first
            rest.add(words[-1])
    return found / len(texts) if len(rest) >= DIVERSE else 0.0


def names_a_user(text: str) -> bool:
    """Whether this is a name with initials, signs or digits, as users are called: anna77, p.weber, weber_an."""
    if _USER.fullmatch(text) is None:
        return False
    first, last = common_names()
    parts = re.split(r"[\d._-]+", text)
    stems = {part[: len(part) - cut] for part in parts for cut in (0, 1)}
    return any(len(stem) >= LEAST_OF_NAME and (stem in first or stem in last) for stem in stems)
