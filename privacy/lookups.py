"""What a person who searches the synthetic table for somebody's e-mail, telephone, number, name or note would look up.

Everything is kept as 64-bit hashes of normal forms: no text of the data outlives the functions here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from privacy import normal_forms
from privacy.cells import Cells, cells_of, is_counter
from privacy.exact import Stratum
from privacy.phrases import WORDS, phrase_keys, phrases_at_most
from privacy.threat import AuditTables
from synth.schema import ColumnKind, ColumnRole, TableSchema

Keys = NDArray[np.uint64]
People = NDArray[np.intp]
Forms = Callable[[str], Sequence[str]]

HOLDERS = (1, 2, 3, 4, 5, 9)
"""Values are compared with values that as many people hold: 1, 2, 3, 4, 5 to 8, 9 or more."""
FEW_HOLDERS = 4
"""A category that more people hold may be released: only identifiers and personal data are looked up beyond that."""
MANY_CATEGORIES = 20
"""Text with more distinct values is looked up although the attacks use it as a category."""
FEWEST_OF_CATEGORIES = 20
"""Rare categories of a side, without which such a column is left to the other attacks."""
MOST_PAIRED = 0.9
"""A column with a larger share of distinct values needs no second one to point to a person."""
MOST_PHRASES = 8_000_000
"""Phrases of all tables that are kept; of longer texts only a part, the same in every table."""
TABLES = ("train", "holdout", "synthetic")
NONE: Keys = np.empty(0, dtype=np.uint64)
LONGEST = 100
"""Longer text has one normal form only: its phrases are looked up."""
FORMS: Mapping[str, Callable[[str], str] | None] = {
    "": None,
    ", letters and digits": normal_forms.code,
    ", words": normal_forms.words,
}
PATTERNS: Mapping[str, Forms] = {
    "e-mail addresses": normal_forms.emails,
    "e-mail addresses, before the @": normal_forms.local_parts,
    "telephone numbers": normal_forms.phones,
    "long codes": normal_forms.codes,
}


class Sought(StrEnum):
    """What is looked up, and the statistic that tells of it."""

    VALUES = "shared_values"
    """Cells of one column in the same column, or of two neighbouring columns together."""
    PATTERNS = "shared_patterns"
    """E-mail addresses, telephone numbers and long codes of any text in any text."""
    TEXT = "shared_text"
    """Phrases of any text in any text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """What one side alone has, train or holdout: keys, each of a unit that is found if one of its keys is."""

    keys: Keys
    units: NDArray[np.intp]
    """(keys,) the unit of each key: a value itself, or the person whose text holds a phrase."""
    strata: NDArray[np.intp]
    """(units,) positions in HOLDERS."""

    def found(self, published: Keys) -> NDArray[np.bool_]:
        """(units,) which are found among the published keys."""
        hits: NDArray[np.bool_] = np.zeros(len(self.strata), dtype=np.bool_)
        hits[self.units[np.isin(self.keys, published)]] = True
        return hits


@dataclass(frozen=True, kw_only=True, slots=True)
class LookUp:
    """One thing to look up: what train and holdout have alone, and what of it the synthetic table holds."""

    sought: Sought
    name: str
    """The column and the normal form, in words."""
    columns: tuple[str, ...]
    """The columns whose cells are looked up."""
    train: Side
    holdout: Side
    published: Keys
    """Sorted; only keys of either side."""
    counter: bool = False
    """The synthetic column is a plain counter, so nothing of it was looked up."""

    def strata(self) -> tuple[Stratum, ...]:
        """The counts per number of holders, where both sides have some: without a control a find tells nothing."""
        ours, others = self.train.found(self.published), self.holdout.found(self.published)
        counts = [
            [np.bincount(s, minlength=len(HOLDERS)) for s in (side.strata, side.strata[hits])]
            for side, hits in ((self.train, ours), (self.holdout, others))
        ]
        (train, train_found), (holdout, holdout_found) = counts
        return tuple(
            Stratum(train=int(a), train_found=int(b), holdout=int(c), holdout_found=int(d))
            for a, b, c, d in zip(train, train_found, holdout, holdout_found, strict=True)
            if a > 0 and c > 0
        )

    def planted(self, count: int, rng: np.random.Generator) -> LookUp:
        """The same with the keys of so many of train's units in the synthetic table as well."""
        units = rng.permutation(len(self.train.strata))[:count]
        added = self.train.keys[np.isin(self.train.units, units)]
        return replace(self, published=np.union1d(self.published, added))


def look_ups(tables: AuditTables) -> tuple[LookUp, ...]:
    """Everything that is looked up. `tables` hold all records of each person.

    A value is looked up if one side alone has it, train or holdout: then, whoever holds it, it tells of that side. Held
    against values that as many people hold it is as likely to be train's as holdout's share of such values says, unless
    the generator remembered it. Without a person column each record counts as a person's.
    """
    texts = _texts(tables)
    return (*_columns(texts), *_pairs(texts), *_patterns(texts), *_text(texts))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Texts:
    """The text of train, holdout and synthetic table: cells by table and column."""

    schema: TableSchema
    cells: Mapping[str, Mapping[str, Cells]]
    people: Mapping[str, People]
    counters: frozenset[str]
    """Identifiers that are a plain counter in the synthetic table."""

    def published(self) -> list[Cells]:
        """All text of the synthetic table that is no counter."""
        return [cells for name, cells in self.cells["synthetic"].items() if name not in self.counters]


def _texts(tables: AuditTables) -> _Texts:
    frames = {name: frame for name, frame in tables.named() if name in TABLES}
    cells = {table: _text_cells(frame, tables.schema) for table, frame in frames.items()}
    identifiers = tables.schema.of_kind(ColumnKind.IDENTIFIER)
    return _Texts(
        schema=tables.schema,
        cells=cells,
        people={table: _people(tables, frame) for table, frame in frames.items() if table != "synthetic"},
        counters=frozenset(name for name in identifiers if is_counter(cells["synthetic"][name])),
    )


def _text_cells(frame: pd.DataFrame, schema: TableSchema) -> dict[str, Cells]:
    """The columns of text and all identifiers, whatever their type."""
    return {
        spec.name: cells_of(frame[spec.name])
        for spec in schema
        if spec.kind is ColumnKind.IDENTIFIER or frame[spec.name].dtype == object
    }


def _people(tables: AuditTables, frame: pd.DataFrame) -> People:
    person = tables.schema.with_role(ColumnRole.PERSON)
    if person is None:
        return np.arange(len(frame), dtype=np.intp)
    codes, known = pd.factorize(frame[person], use_na_sentinel=True)
    unnamed = np.flatnonzero(codes < 0)
    codes[unnamed] = len(known) + np.arange(len(unnamed))
    return codes.astype(np.intp)


def _columns(texts: _Texts) -> list[LookUp]:
    found: list[LookUp] = []
    for spec in texts.schema:
        cells = [texts.cells[table].get(spec.name) for table in TABLES]
        train, holdout, synthetic = cells
        if train is None or holdout is None or synthetic is None:
            continue
        is_identifier = spec.kind is ColumnKind.IDENTIFIER
        if not is_identifier and len(train.distinct) <= MANY_CATEGORIES:
            continue
        made = _forms_of(texts, spec.name, (train, holdout, synthetic), most=None if is_identifier else FEW_HOLDERS)
        least = 1 if is_identifier else FEWEST_OF_CATEGORIES
        found += [each for each in made if min(len(each.train.strata), len(each.holdout.strata)) >= least]
    return found


def _forms_of(texts: _Texts, column: str, cells: tuple[Cells, Cells, Cells], *, most: int | None) -> list[LookUp]:
    """One look-up for each normal form that brings together cells which those before it tell apart."""
    found: list[LookUp] = []
    seen = 0
    for said, form in FORMS.items():
        keys = [_keys_of(each, form) for each in cells]
        distinct = len(np.unique(np.concatenate(keys)))
        if distinct == seen:
            continue
        seen = distinct
        ours, others = _exclusive(
            _held(cells[0], keys[0], texts.people["train"]),
            _held(cells[1], keys[1], texts.people["holdout"]),
            most=most,
        )
        counter = column in texts.counters
        found.append(_look_up(Sought.VALUES, f"{column}{said}", (column,), ours, others, keys[2], counter=counter))
    return found


def _keys_of(cells: Cells, form: Callable[[str], str] | None) -> Keys:
    """(distinct texts,)"""
    if form is None:
        return _hashed(cells.distinct)
    return _hashed([form(text) if len(text) <= LONGEST else text for text in cells.distinct])


def _pairs(texts: _Texts) -> list[LookUp]:
    """Neighbouring columns of text that point to a person together only, such as a first and a last name."""
    train = texts.cells["train"]
    identifiers = texts.schema.of_kind(ColumnKind.IDENTIFIER)
    names = [
        spec.name
        for spec in texts.schema
        if spec.name in train and spec.name not in texts.counters and _repeats(train[spec.name])
    ]
    found = []
    for left, right in pairwise(names):
        if left not in identifiers and right not in identifiers:
            continue
        if not all({left, right} <= texts.cells[table].keys() for table in TABLES):
            continue
        joined = [_joined(texts.cells[table][left], texts.cells[table][right]) for table in TABLES]
        keys = [_keys_of(cells, normal_forms.words) for cells in joined]
        ours, others = _exclusive(
            _held(joined[0], keys[0], texts.people["train"]), _held(joined[1], keys[1], texts.people["holdout"])
        )
        found.append(_look_up(Sought.VALUES, f"{left} with {right}", (left, right), ours, others, keys[2]))
    return found


def _repeats(cells: Cells) -> bool:
    return 1 < len(cells.distinct) <= MOST_PAIRED * int((cells.codes >= 0).sum())


def _joined(left: Cells, right: Cells) -> Cells:
    """The cells of both columns in one, where both are filled."""
    both = (left.codes >= 0) & (right.codes >= 0)
    mixed = left.codes * max(1, len(right.distinct)) + right.codes
    codes = np.full(len(mixed), -1, dtype=np.intp)
    codes[both], distinct = pd.factorize(mixed[both])
    texts = (
        f"{left.distinct[i]} {right.distinct[j]}" for i, j in (divmod(pair, len(right.distinct)) for pair in distinct)
    )
    return Cells(codes=codes, distinct=tuple(texts))


def _patterns(texts: _Texts) -> list[LookUp]:
    """E-mails, local parts, telephones and long codes of all text cells, looked up in all text cells."""
    found = []
    for said, forms in PATTERNS.items():
        train, columns = _extracted(texts, "train", forms)
        holdout, _ = _extracted(texts, "holdout", forms)
        if not len(train[0]) or not len(holdout[0]):
            continue
        published = [_keys_in(cells, forms)[0] for cells in texts.published()]
        ours, others = _exclusive(train, holdout)
        found.append(_look_up(Sought.PATTERNS, said, columns, ours, others, np.concatenate([NONE, *published])))
    return found


def _extracted(texts: _Texts, table: str, forms: Forms) -> tuple[tuple[Keys, People], tuple[str, ...]]:
    """(keys, people) of what is found in the text of a table, and the names of the columns in which something was."""
    held: list[tuple[Keys, People]] = [(NONE, np.empty(0, dtype=np.intp))]
    names = []
    for name, cells in texts.cells[table].items():
        keys, owners = _keys_in(cells, forms)
        if len(keys):
            held.append(_spread(cells, keys, owners, texts.people[table]))
            names.append(name)
    return (np.concatenate([k for k, _ in held]), np.concatenate([p for _, p in held])), tuple(names)


def _keys_in(cells: Cells, forms: Forms) -> tuple[Keys, NDArray[np.intp]]:
    """The keys of what the forms find in the distinct texts, and the positions of those texts."""
    found = [(i, each) for i, text in enumerate(cells.distinct) for each in forms(text)]
    return _hashed([each for _, each in found]), np.array([i for i, _ in found], dtype=np.intp)


def _text(texts: _Texts) -> list[LookUp]:
    """Phrases that one person's text alone holds; a person is found if one of them is."""
    long = {
        table: {name: cells for name, cells in texts.cells[table].items() if _has_sentences(cells)}
        for table in ("train", "holdout")
    }
    if not all(long.values()):
        return []
    published = [cells for cells in texts.published() if _has_sentences(cells)]
    every_cell = [*long["train"].values(), *long["holdout"].values(), *published]
    every = max(1, -(-sum(phrases_at_most(cells.distinct) for cells in every_cell) // MOST_PHRASES))
    train, holdout = (_phrases(texts, long[table], table, every) for table in ("train", "holdout"))
    keys = np.concatenate([NONE, *(phrase_keys(cells.distinct, every=every)[0] for cells in published)])
    ours, others = _of_one_person(*train, apart_from=holdout[0]), _of_one_person(*holdout, apart_from=train[0])
    name = f"phrases of {WORDS} words" + (f", one in {every} of them" if every > 1 else "")
    return [_look_up(Sought.TEXT, name, tuple(long["train"]), ours, others, keys)]


def _has_sentences(cells: Cells) -> bool:
    return any(text.count(" ") >= WORDS - 1 for text in cells.distinct)


def _phrases(texts: _Texts, columns: Mapping[str, Cells], table: str, every: int) -> tuple[Keys, People]:
    """(keys, people). Where nobody names the person, equal texts are one person's: that of the first record."""
    is_named = texts.schema.with_role(ColumnRole.PERSON) is not None
    held = []
    for cells in columns.values():
        keys, owners = phrase_keys(cells.distinct, every=every)
        if is_named:
            held.append(_spread(cells, keys, owners, texts.people[table]))
        else:
            held.append((keys, cells.first()[owners]))
    return np.concatenate([k for k, _ in held]), np.concatenate([p for _, p in held])


def _hashed(texts: Sequence[str]) -> Keys:
    if not texts:
        return NONE
    keys: Keys = pd.util.hash_array(np.array(texts, dtype=object), categorize=False)
    return keys


def _held(cells: Cells, keys: Keys, people: People) -> tuple[Keys, People]:
    """(keys, people) of the rows that are filled; `keys` has one for each distinct text."""
    rows = np.flatnonzero(cells.codes >= 0)
    return keys[cells.codes[rows]], people[rows]


def _spread(cells: Cells, keys: Keys, owners: NDArray[np.intp], people: People) -> tuple[Keys, People]:
    """(keys, people): each key of a distinct text with everybody who has that text."""
    rows = np.flatnonzero(cells.codes >= 0)
    rows = rows[np.argsort(cells.codes[rows], kind="stable")]
    times = np.bincount(cells.codes[rows], minlength=len(cells.distinct))
    starts = np.concatenate([[0], np.cumsum(times)[:-1]])
    repeats = times[owners]
    ends = np.cumsum(repeats)
    within = np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - repeats, repeats)
    return np.repeat(keys, repeats), people[rows[np.repeat(starts[owners], repeats) + within]]


def _pairs_once(keys: Keys, people: People) -> tuple[Keys, People]:
    """Each (key, person) once, sorted by key."""
    order = np.lexsort((people, keys))
    keys, people = keys[order], people[order]
    first = np.ones(len(keys), dtype=np.bool_)
    first[1:] = (keys[1:] != keys[:-1]) | (people[1:] != people[:-1])
    return keys[first], people[first]


def _exclusive(
    train: tuple[Keys, People], holdout: tuple[Keys, People], *, most: int | None = None
) -> tuple[Side, Side]:
    """What each side has alone, by how many of its people hold it; at most `most`."""
    keys = [np.unique(_pairs_once(*side)[0], return_counts=True) for side in (train, holdout)]
    sides = []
    for (ours, times), (others, _) in ((keys[0], keys[1]), (keys[1], keys[0])):
        alone = ~np.isin(ours, others)
        if most is not None:
            alone &= times <= most
        strata = np.digitize(times[alone], HOLDERS) - 1
        sides.append(Side(keys=ours[alone], units=np.arange(int(alone.sum())), strata=strata))
    return sides[0], sides[1]


def _of_one_person(keys: Keys, people: People, *, apart_from: Keys) -> Side:
    """The keys of one person alone, and that person as their unit."""
    keys, people = _pairs_once(keys, people)
    edge = np.ones(len(keys) + 1, dtype=np.bool_)
    edge[1:-1] = keys[1:] != keys[:-1]
    alone = edge[1:] & edge[:-1] & ~np.isin(keys, apart_from)
    units, persons = pd.factorize(people[alone])
    return Side(keys=keys[alone], units=units.astype(np.intp), strata=np.zeros(len(persons), dtype=np.intp))


def _look_up(
    sought: Sought,
    name: str,
    columns: tuple[str, ...],
    train: Side,
    holdout: Side,
    published: Keys,
    *,
    counter: bool = False,
) -> LookUp:
    known = np.union1d(train.keys, holdout.keys)
    return LookUp(
        sought=sought,
        name=name,
        columns=columns,
        train=train,
        holdout=holdout,
        published=NONE if counter else np.intersect1d(published, known),
        counter=counter,
    )
