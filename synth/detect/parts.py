"""A column called name beside one of first names holds last names, and beside one of last names first names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from synth.detect.words import FIRST_NAMES, FULL_NAMES, LAST_NAMES, plain, words_of
from synth.table.schema import ColumnSpec
from synth.written.surrogate import Replaced, SurrogateForm

HELD = 0.5
"""A full name holds the first name of the same record in more than this share of the records."""
LOOKED_AT = 300
"""So many records at least are looked at, where there are as many."""
_NAMES = frozenset({Replaced.NAME, Replaced.FIRST_NAME, Replaced.LAST_NAME})
Texts = Callable[[str], Sequence[str]]
"""The texts of a column, empty where a record has none."""


def with_parts_of_names(columns: Sequence[ColumnSpec], texts: Texts) -> list[ColumnSpec]:
    """The columns; those called name that hold but a part of one say which."""
    named = [c for c in columns if c.surrogate is not None and c.surrogate.of in _NAMES]
    first = [c.name for c in named if _says(c, FIRST_NAMES)]
    last = [c.name for c in named if _says(c, LAST_NAMES)]
    found = list(columns)
    for i, spec in enumerate(columns):
        if spec not in named or spec.name in {*first, *last} or not _says(spec, FULL_NAMES):
            continue
        if first and not any(_holds(texts(spec.name), texts(other)) for other in first):
            found[i] = _as(spec, Replaced.LAST_NAME, f"beside {first[0]!r} it holds last names")
        elif last and not any(_holds(texts(spec.name), texts(other)) for other in last):
            found[i] = _as(spec, Replaced.FIRST_NAME, f"beside {last[0]!r} it holds first names")
    return found


def _says(spec: ColumnSpec, words: frozenset[str]) -> bool:
    return not words.isdisjoint(words_of(spec.name))


def _as(spec: ColumnSpec, of: Replaced, reason: str) -> ColumnSpec:
    return replace(spec, form=SurrogateForm(of=of), reason=f"its name says names of people; {reason}")


def _holds(names: Sequence[str], parts: Sequence[str]) -> bool:
    """Whether most names hold the part of a name that stands in the same record."""
    pairs = [(plain(a).lower(), plain(b).lower().strip()) for a, b in zip(names, parts, strict=True) if a and b]
    return sum(part in name for name, part in pairs) > HELD * len(pairs)
