"""Invented people for columns of names, e-mail addresses, user names and streets: one for each record, in all of them.

Their last names come from public lists of common names, without any that occurs in the data; of the others a
random part is kept, so that a name that is left out need not be one of the data.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from synth.detect.names import LOCALES
from synth.detect.words import plain
from synth.encode.base import text_of
from synth.errors import ArtifactError
from synth.written.surrogate import Replaced

FIRSTS, LASTS = 150, 300
"""How many first and last names are kept."""
FEWEST = 40
"""With fewer names that do not occur in the data some are made of syllables."""
SYLLABLES = [
    "ba",
    "be",
    "bi",
    "bo",
    "da",
    "de",
    "di",
    "do",
    "fa",
    "fe",
    "ga",
    "gi",
    "ka",
    "ke",
    "ki",
    "ko",
    "la",
    "le",
    "li",
    "lo",
    "ma",
    "me",
    "mi",
    "mo",
    "na",
    "ne",
    "ni",
    "no",
    "ra",
    "re",
    "ri",
    "ro",
    "sa",
    "se",
    "ta",
]
STREETS = {
    "en": "{number} {last} Street",
    "de": "{last}straße {number}",
    "fr": "{number} rue {last}",
    "es": "Calle {last} {number}",
    "it": "Via {last} {number}",
    "nl": "{last}straat {number}",
    "pt": "Rua {last} {number}",
}
_STREET_WORDS = {
    "de": r"stra(?:ss|ß)e|str\.|weg\b|platz|allee|gasse",
    "fr": r"\b(?:rue|chemin|impasse|quai)\b",
    "es": r"\b(?:calle|avenida|paseo|plaza|c/)",
    "it": r"\b(?:via|viale|piazza|corso)\b",
    "nl": r"straat|laan\b|gracht|plein|kade",
    "pt": r"\b(?:rua|travessa|largo|praça|avenida)\b",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Personas:
    """Invented people, numbered from 0; the names repeat only after `len(firsts) * len(lasts)` of them."""

    firsts: tuple[str, ...]
    lasts: tuple[str, ...]

    def name(self, number: int) -> tuple[str, str]:
        """(first, last) name of a person."""
        last = number % len(self.lasts)
        return self.firsts[(number // len(self.lasts) + last) % len(self.firsts)], self.lasts[last]

    def write(self, of: Replaced, style: str, number: int) -> str:
        """What a column of this kind says of a person; `style` is one of `style_of`."""
        first, last = self.name(number)
        again = number // (len(self.firsts) * len(self.lasts))
        if of is Replaced.ADDRESS:
            return STREETS[style].format(last=last, number=1 + (number * 7 + number // len(self.lasts)) % 199)
        if of in (Replaced.EMAIL, Replaced.USERNAME):
            local = f"{_ascii(first)}.{_ascii(last)}{again or ''}"
            return f"{local}@example.org" if of is Replaced.EMAIL else local
        text = {
            Replaced.FIRST_NAME: first,
            Replaced.LAST_NAME: last,
        }.get(of, f"{last}, {first}" if style.startswith("last") else f"{first} {last}")
        return text.upper() if style.endswith("upper") else text.lower() if style.endswith("lower") else text

    def to_json(self) -> dict[str, Any]:
        """The state as JSON values."""
        return {"firsts": list(self.firsts), "lasts": list(self.lasts)}

    @staticmethod
    def from_json(values: Any) -> Personas:  # noqa: ANN401 - an untrusted file's value
        """What `to_json` wrote. Raises ArtifactError on anything else."""
        names = [values.get(key) if isinstance(values, Mapping) else None for key in ("firsts", "lasts")]
        if not all(isinstance(n, list) and n and all(isinstance(t, str) and t for t in n) for n in names):
            raise ArtifactError("personas: expected lists of first and of last names")
        firsts, lasts = names
        return Personas(firsts=tuple(firsts), lasts=tuple(lasts))  # type: ignore[arg-type] # checked above


def style_of(of: Replaced, texts: Sequence[str]) -> str:
    """How names or addresses are written: order and capitals of names, the language of streets."""
    if of is Replaced.ADDRESS:
        found = Counter(k for t in texts for k, words in _STREET_WORDS.items() if re.search(words, t, re.IGNORECASE))
        return found.most_common(1)[0][0] if found and found.most_common(1)[0][1] > len(texts) / 3 else "en"
    order = "last" if sum("," in text for text in texts) > len(texts) / 2 else "first"
    case = next((c for c in ("upper", "lower") if sum(getattr(t, f"is{c}")() for t in texts) > len(texts) / 2), "title")
    return f"{order}-{case}"


def read_style(values: Mapping[str, Any]) -> str:
    """The style called `style`. Raises ArtifactError where there is none of that name."""
    styles = [f"{order}-{case}" for order in ("first", "last") for case in ("upper", "lower", "title")]
    return text_of(values, "style", among=[*STREETS, *styles])


def invent(texts: Iterable[str], rng: np.random.Generator) -> Personas:
    """People none of whose names is a word of these texts, in the language that most of these words are from."""
    taken = {word for text in texts for word in re.split(r"[\W\d_]+", plain(text).lower()) if word}
    joined = {
        f"{end}" for word in taken for tail in ("strasse", "straat", "str") if (end := word.removesuffix(tail)) != word
    }
    taken |= joined
    lists = {locale: _names(locale) for locale in LOCALES}
    likely = max(LOCALES, key=lambda locale: (_common(lists[locale], taken), locale == "en_US"))
    order = [likely, *(locale for locale in LOCALES if locale != likely)]
    firsts = _kept([lists[locale][0] for locale in order], taken, FIRSTS, rng)
    lasts = _kept([lists[locale][1] for locale in order], taken, LASTS, rng)
    while math.gcd(len(lasts) + 1, len(firsts)) != 1:  # or a name would repeat before all pairs were used
        lasts = lasts[:-1]
    return Personas(firsts=firsts, lasts=lasts)


def _names(locale: str) -> tuple[list[str], list[str]]:
    provider = import_module(f"faker.providers.person.{locale}").Provider
    first = [n for a in ("first_names", "first_names_male", "first_names_female") for n in getattr(provider, a, ())]
    last = list(getattr(provider, "last_names", ()))
    return _words(first), _words(last)


def _words(names: Iterable[object]) -> list[str]:
    return sorted({text for text in map(str, names) if text.isalpha()})


def _common(names: tuple[list[str], list[str]], taken: set[str]) -> float:
    """How many of the words in the data are in these lists, for how long they are."""
    known = {plain(name).lower() for part in names for name in part}
    return len(known & taken) / math.sqrt(len(known) + 1)


def _kept(lists: Sequence[Sequence[str]], taken: set[str], most: int, rng: np.random.Generator) -> tuple[str, ...]:
    """At most so many names that do not occur in the data: a random half of each list, until there are enough."""
    found: list[str] = []
    for names in lists:
        free = [name for name in names if plain(name).lower() not in taken and name not in found]
        rng.shuffle(free)
        found += free[: max(len(free) // 2, 1)] if free else []
        if len(found) >= FEWEST:
            break
    while len(found) < FEWEST:
        made = "".join(rng.choice(SYLLABLES, 4)).capitalize()
        if made.lower() not in taken and made not in found:
            found.append(made)
    return tuple(found[:most])


def _ascii(name: str) -> str:
    return re.sub(r"[^a-z]", "", plain(name).lower()) or "x"
