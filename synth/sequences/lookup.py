"""Columns that one or two others determine, such as the distance of an origin and a destination, are looked up.

Trees with large leaves know little of rare categories, and of what these determine. A column is looked up where fewer
than `least` people have a record that disagrees: each combination of categories that `least` people have with one value
then has this value in synthetic records. Tables with one record of each person have the same in
`synth.chain.dependency`, for a single column that determines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth.chain.dependency import NO_RULE
from synth.encode.base import ColumnEncoder, floats_of, text_of
from synth.errors import ArtifactError
from synth.people import People, distinct, holders

MOST_SOURCES = 12
"""Columns of which pairs are looked at, at most: the first ones."""
SCREENED = 5_000
"""Records on which most pairs are ruled out before all records are looked at."""
COVERED = 0.5
"""Share of the records for which the determined value must be known, at least."""
MOST_KEYS = 100_000
"""Combinations that determine one column, at most."""


Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Lookup:
    """One column that others determine; encoded columns go by their names."""

    column: str
    sources: tuple[str, ...]
    """One or two columns of categories, which nothing determines"""
    keys: Ints
    """(K, sources) codes of these that enough people have together, in lexical order"""
    codes: Ints
    """(K,) the code that the column has with each"""

    def find(self, sources: Ints) -> Ints:
        """(n,) the column's code for (n, sources) codes; NO_RULE where it is not known."""
        if not len(self.keys):
            return np.full(len(sources), NO_RULE)
        known, wanted = _joined(self.keys, sources)
        at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        return np.where(known[at] == wanted, self.codes[at], NO_RULE)

    def to_json(self) -> dict[str, Any]:
        """JSON values; `lookups_from_json` reads them back."""
        return {
            "column": self.column,
            "sources": list(self.sources),
            "keys": self.keys.ravel().tolist(),
            "codes": self.codes.tolist(),
        }


def lookups_from_json(values: object, columns: Mapping[str, ColumnEncoder]) -> tuple[Lookup, ...]:
    """What `Lookup.to_json` wrote, of these encoded columns. Raises ArtifactError on anything else."""
    if not isinstance(values, list) or not all(isinstance(each, dict) for each in values):
        raise ArtifactError("lookups: expected a list of columns that others determine")
    found = tuple(_from_json(each, columns) for each in values)
    determined = [each.column for each in found]
    if len(set(determined)) < len(found) or set(determined) & {name for each in found for name in each.sources}:
        raise ArtifactError("lookups: expected each column once, and none that both determines and is determined")
    return found


def _from_json(values: Mapping[str, Any], columns: Mapping[str, ColumnEncoder]) -> Lookup:
    column, named = text_of(values, "column"), values.get("sources")
    sources = tuple(str(each) for each in named) if isinstance(named, list) else ()
    if not {column, *sources} <= set(columns) or column in sources or len(set(sources)) not in {1, 2}:
        raise ArtifactError("lookups: expected a column, and one or two others that determine it")
    if len(set(sources)) < len(sources) or any(columns[name].numbers is not None for name in sources):
        raise ArtifactError("lookups: expected different columns of categories to determine another one")
    flat, codes = (np.array(floats_of(values, name)).astype(np.int64) for name in ("keys", "codes"))
    if len(codes) > MOST_KEYS or len(flat) != len(codes) * len(sources):
        raise ArtifactError(f"lookups: expected a code for each combination, and {MOST_KEYS} of them at most")
    keys = flat.reshape(-1, len(sources))
    widths = np.array([columns[name].width for name in sources])
    inside = (keys >= 0).all() and (keys < widths).all() and (codes >= 0).all()
    if not inside or not (codes < columns[column].width).all():
        raise ArtifactError("lookups: expected codes that the columns have")
    if not np.array_equal(np.unique(keys, axis=0), keys):
        raise ArtifactError("lookups: expected combinations in order")
    return Lookup(column=column, sources=sources, keys=keys, codes=codes)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Candidate:
    """A column that may determine others or be determined."""

    name: str
    stored: Ints
    """(records,) a number for each distinct value, -1 where it is missing"""
    codes: Ints
    """(records,) encoded"""
    plain: NDArray[np.bool_] | None
    """(width,) which codes stand for one category each, that enough people have; None for a quantity"""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Found:
    """A column that others determine, before it is known which codes its values get."""

    column: str
    sources: tuple[str, ...]
    keys: Ints
    """(K, sources)"""
    rows: Ints
    """(K,) a record that has the key, and the value that goes with it"""
    covered: int
    """Records that have any of the keys"""


def find_lookups(candidates: Sequence[Candidate], who: People, least: int) -> tuple[Found, ...]:
    """What is determined among these columns of (records,); fewer than `least` people may have records that disagree.

    Only columns of categories determine others. Of two that determine each other the second is determined. No
    column does both.
    """
    sources = [each for each in candidates if each.plain is not None]
    single = {
        (source.name, each.name): found
        for source in sources
        for each in candidates
        if each is not source and (found := _found((source,), each, who, least)) is not None
    }
    place = {each.name: i for i, each in enumerate(candidates)}
    first = {pair: rule for pair, rule in single.items() if pair[::-1] not in single or place[pair[0]] < place[pair[1]]}
    determined = {column for _, column in first}
    chosen: dict[str, Found] = {}
    for (source, column), rule in first.items():
        if source not in determined:
            chosen.setdefault(column, rule)
    used = {source for rule in chosen.values() for source in rule.sources}
    free = [each for each in sources if each.name not in determined][:MOST_SOURCES]
    for each in reversed(candidates):
        if each.name in chosen or each.name in used:
            continue
        left = [other for other in free if other is not each and other.name not in chosen]
        found = next((one for pair in combinations(left, 2) if (one := _found(pair, each, who, least))), None)
        if found is not None:
            chosen[each.name] = found
            used |= set(found.sources)
    return tuple(chosen[each.name] for each in candidates if each.name in chosen)


def _found(sources: Sequence[Candidate], column: Candidate, who: People, least: int) -> Found | None:
    """The value of the column for each combination; None where they do not determine it, or for too few records."""
    if len(who) > SCREENED and _table(sources, column, who, least, slice(SCREENED)) is None:
        return None
    found = _table(sources, column, who, least, slice(None))
    known = found is not None and found.covered >= COVERED * len(who) and len(found.keys) <= MOST_KEYS
    return found if known else None


def _table(sources: Sequence[Candidate], column: Candidate, who: People, least: int, some: slice) -> Found | None:
    """The value that most people have with each combination, if `least` have both; None where as many disagree."""
    rows = np.stack([each.codes[some] for each in sources], axis=1)
    plain = np.ones(len(rows), dtype=np.bool_)
    for each, codes in zip(sources, rows.T, strict=True):
        plain &= True if each.plain is None else each.plain[codes]
    keys, key = np.unique(rows, axis=0, return_inverse=True)
    base, people = int(column.stored.max(initial=0)) + 2, who[some]
    cells, first, cell = np.unique(
        key.reshape(-1) * base + column.stored[some] + 1, return_index=True, return_inverse=True
    )
    held = holders(cell, people, len(cells))
    order = np.lexsort((-held, cells // base))
    best = order[np.diff(cells[order] // base, prepend=-1) != 0]
    if distinct(people[plain & (cell != best[key.reshape(-1)])]) >= least:
        return None
    usable = plain[first[best]] & (held[best] >= least)
    return Found(
        column=column.name,
        sources=tuple(each.name for each in sources),
        keys=keys[usable],
        rows=first[best][usable],
        covered=int(usable[key.reshape(-1)].sum()),
    )


def coded(found: Found, codes: Ints, told: NDArray[np.bool_]) -> Lookup:
    """The lookup, given the column's (records,) `codes`; (width,) `told` says which codes stand for one value each."""
    code = codes[found.rows]
    kept = told[code]
    return Lookup(column=found.column, sources=found.sources, keys=found.keys[kept], codes=code[kept])


def _joined(keys: Ints, others: Ints) -> tuple[Ints, Ints]:
    """One number for each combination of codes, in the order of the combinations."""
    if keys.shape[1] == 1:
        return keys[:, 0], others[:, 0]
    base = int(max(keys[:, 1].max(), others[:, 1].max(initial=0))) + 1
    return keys[:, 0] * base + keys[:, 1], others[:, 0] * base + others[:, 1]
