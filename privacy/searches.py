"""Builds the look-ups of a table: cells of identifiers and text, e-mails, telephones, codes and phrases in any text.

Everything is kept as 64-bit hashes of normal forms: no text of the data outlives the functions here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from privacy import normal_forms
from privacy.disguised import digests_in, identifying, moved, shift_between, whole_numbers, with_digest_among
from privacy.lookups import NONE, Keys, LookUp, People, Sought, compared, hashed, held, of_one_person, spread
from privacy.phrases import WORDS, phrase_keys, phrases_about
from privacy.texts import TextColumn, is_counter, text_column
from privacy.threat import AuditTables
from synth.schema import ColumnKind, ColumnRole, TableSchema

Forms = Callable[[str], Sequence[str]]

FEW_HOLDERS = 4
"""A category that more people hold may be released: only identifiers and personal data are looked up beyond that."""
MANY_CATEGORIES = 20
"""Text with more distinct values is looked up although the attacks use it as a category."""
FEWEST_OF_CATEGORIES = 20
"""Rare categories of a side, without which such a column is left to the other attacks."""
MOST_PAIRED = 0.9
"""Two columns with larger shares of distinct values need not be looked up together: each points to a person alone."""
MOST_PHRASES = 8_000_000
"""Phrases of all tables that are kept; of longer texts only a part, the same in every table."""
TABLES = ("train", "holdout", "synthetic")
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


def look_ups(tables: AuditTables) -> tuple[LookUp, ...]:
    """Everything that is looked up. `tables` hold all records of each person.

    A value is looked up if one side alone has it, train or holdout: then, whoever holds it, it tells of that side. Held
    against values that as many people hold it is as likely to be train's as holdout's share of such values says, unless
    the generator remembered it. Without a person column each record counts as a person's.
    """
    texts = _texts(tables)
    return (*_columns(texts), *_pairs(texts), *_patterns(texts), *_digests(texts), *_shifts(texts), *_text(texts))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Texts:
    """The text of train, holdout and synthetic table: cells by table and column."""

    schema: TableSchema
    cells: Mapping[str, Mapping[str, TextColumn]]
    people: Mapping[str, People]
    counters: frozenset[str]
    """Identifiers that are a plain counter in the synthetic table."""

    def published(self) -> list[TextColumn]:
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


def _text_cells(frame: pd.DataFrame, schema: TableSchema) -> dict[str, TextColumn]:
    """The columns of text and all identifiers, whatever their type."""
    return {
        spec.name: text_column(frame[spec.name])
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


def _forms_of(
    texts: _Texts, column: str, cells: tuple[TextColumn, TextColumn, TextColumn], *, most: int | None
) -> list[LookUp]:
    """One look-up for each normal form that brings together cells which those before it tell apart."""
    found: list[LookUp] = []
    seen = 0
    for said, form in FORMS.items():
        keys = [_keys_of(each, form) for each in cells]
        distinct = len(np.unique(np.concatenate(keys)))
        if distinct == seen:
            continue
        seen = distinct
        train = held(cells[0], keys[0], texts.people["train"])
        holdout = held(cells[1], keys[1], texts.people["holdout"])
        made = compared(Sought.VALUES, f"{column}{said}", (column,), train, holdout, keys[2], most=most)
        found.append(replace(made, published=NONE, counter=True) if column in texts.counters else made)
    return found


def _keys_of(cells: TextColumn, form: Callable[[str], str] | None) -> Keys:
    """(distinct texts,)"""
    if form is None:
        return hashed(cells.distinct)
    return hashed([form(text) if len(text) <= LONGEST else text for text in cells.distinct])


def _pairs(texts: _Texts) -> list[LookUp]:
    """Neighbouring columns of text that point to a person together only, such as a first and a last name."""
    of_train = texts.cells["train"]
    identifiers = set(texts.schema.of_kind(ColumnKind.IDENTIFIER))
    names = [
        spec.name
        for spec in texts.schema
        if spec.name in of_train and spec.name not in texts.counters and len(of_train[spec.name].distinct) > 1
    ]
    found = []
    for left, right in pairwise(names):
        both = {left, right}
        if not both & identifiers or not any(_repeats(of_train[name]) for name in both):
            continue
        if not all(both <= texts.cells[table].keys() for table in TABLES):
            continue
        joined = [_joined(texts.cells[table][left], texts.cells[table][right]) for table in TABLES]
        keys = [_keys_of(cells, normal_forms.words) for cells in joined]
        train = held(joined[0], keys[0], texts.people["train"])
        holdout = held(joined[1], keys[1], texts.people["holdout"])
        found.append(compared(Sought.VALUES, f"{left} with {right}", (left, right), train, holdout, keys[2]))
    return found


def _repeats(cells: TextColumn) -> bool:
    return len(cells.distinct) <= MOST_PAIRED * int((cells.codes >= 0).sum())


def _joined(left: TextColumn, right: TextColumn) -> TextColumn:
    """The cells of both columns in one, where both are filled."""
    both = (left.codes >= 0) & (right.codes >= 0)
    mixed = left.codes * max(1, len(right.distinct)) + right.codes
    codes = np.full(len(mixed), -1, dtype=np.intp)
    codes[both], distinct = pd.factorize(mixed[both])
    texts = (
        f"{left.distinct[i]} {right.distinct[j]}" for i, j in (divmod(pair, len(right.distinct)) for pair in distinct)
    )
    return TextColumn(codes=codes, distinct=tuple(texts))


def _patterns(texts: _Texts) -> list[LookUp]:
    """E-mails, local parts, telephones and long codes of all text cells, looked up in all text cells."""
    found = []
    for said, forms in PATTERNS.items():
        train, columns = _extracted(texts, "train", forms)
        holdout, _ = _extracted(texts, "holdout", forms)
        if not len(train[0]):
            continue
        published = [_keys_in(cells, forms)[0] for cells in texts.published()]
        keys = np.concatenate([NONE, *published])
        found.append(compared(Sought.PATTERNS, said, columns, train, holdout, keys))
    return found


def _extracted(texts: _Texts, table: str, forms: Forms) -> tuple[tuple[Keys, People], tuple[str, ...]]:
    """(keys, people) of what is found in the text of a table, and the names of the columns in which something was."""
    held: list[tuple[Keys, People]] = [(NONE, np.empty(0, dtype=np.intp))]
    names = []
    for name, cells in texts.cells[table].items():
        keys, owners = _keys_in(cells, forms)
        if len(keys):
            held.append(spread(cells, keys, owners, texts.people[table]))
            names.append(name)
    return (np.concatenate([k for k, _ in held]), np.concatenate([p for _, p in held])), tuple(names)


def _keys_in(cells: TextColumn, forms: Forms) -> tuple[Keys, NDArray[np.intp]]:
    """The keys of what the forms find in the distinct texts, and the positions of those texts."""
    found = [(i, each) for i, text in enumerate(cells.distinct) for each in forms(text)]
    return hashed([each for _, each in found]), np.array([i for i, _ in found], dtype=np.intp)


def _digests(texts: _Texts) -> list[LookUp]:
    """Cells and e-mails of train and holdout of which the synthetic table holds a digest; none where it holds none."""
    digests = digests_in(text for cells in texts.published() for text in cells.distinct)
    if not digests:
        return []
    train, columns = _extracted(texts, "train", identifying)
    holdout, _ = _extracted(texts, "holdout", identifying)
    every = {
        each
        for table in ("train", "holdout")
        for cells in texts.cells[table].values()
        for text in cells.distinct
        for each in identifying(text)
    }
    published = hashed(sorted(with_digest_among(every, digests)))
    return [compared(Sought.PATTERNS, "digests of cells and e-mails", columns, train, holdout, published)]


def _shifts(texts: _Texts) -> list[LookUp]:
    """Numbers of identifiers that become synthetic ones where one same number is added to each."""
    found = []
    for name in texts.schema.of_kind(ColumnKind.IDENTIFIER):
        cells = [texts.cells[table][name] for table in TABLES]
        train, holdout, synthetic = (whole_numbers(each.distinct)[0] for each in cells)
        real = np.unique(np.concatenate([train, holdout]))
        by = None if name in texts.counters or not len(train) else shift_between(real, synthetic)
        if by is None:
            continue
        ours, others = (_numbered(texts.cells[table][name], texts.people[table]) for table in ("train", "holdout"))
        published = hashed([str(number) for number in real[moved(real, synthetic, by)]])
        made = compared(Sought.VALUES, f"{name}, each moved by one number", (name,), ours, others, published)
        found.append(made)
    return found


def _numbered(cells: TextColumn, people: People) -> tuple[Keys, People]:
    """(keys, people) of the whole numbers of a column, whatever zeros stand in front."""
    numbers, places = whole_numbers(cells.distinct)
    return spread(cells, hashed([str(number) for number in numbers]), places, people)


def _text(texts: _Texts) -> list[LookUp]:
    """Phrases that one person's text alone holds; a person is found if one of them is."""
    long = {
        table: {name: cells for name, cells in texts.cells[table].items() if _has_sentences(cells)}
        for table in ("train", "holdout")
    }
    if not long["train"]:
        return []
    synthetic = [cells for cells in texts.published() if _has_sentences(cells)]
    every_cell = [*long["train"].values(), *long["holdout"].values(), *synthetic]
    every = max(1, -(-sum(phrases_about(cells.distinct) for cells in every_cell) // MOST_PHRASES))
    train, holdout = (_phrases(texts, long[table], table, every) for table in ("train", "holdout"))
    keys = np.concatenate([NONE, *(phrase_keys(cells.distinct, every=every)[0] for cells in synthetic)])
    ours, others = of_one_person(*train, apart_from=holdout[0]), of_one_person(*holdout, apart_from=train[0])
    name = f"phrases of {WORDS} words" + (f", one in {every} of them" if every > 1 else "")
    published = np.intersect1d(keys, np.concatenate([ours.keys, others.keys]))
    return [
        LookUp(
            sought=Sought.TEXT,
            name=name,
            columns=tuple(long["train"]),
            train=ours,
            holdout=others,
            published=published,
        )
    ]


def _has_sentences(cells: TextColumn) -> bool:
    return any(text.count(" ") >= WORDS - 1 or not text.isascii() for text in cells.distinct)


def _phrases(texts: _Texts, columns: Mapping[str, TextColumn], table: str, every: int) -> tuple[Keys, People]:
    """(keys, people). Where nobody names the person, equal texts are one person's: that of the first record."""
    is_named = texts.schema.with_role(ColumnRole.PERSON) is not None
    held = []
    for cells in columns.values():
        keys, owners = phrase_keys(cells.distinct, every=every)
        if is_named:
            held.append(spread(cells, keys, owners, texts.people[table]))
        else:
            held.append((keys, cells.first()[owners]))
    return (
        np.concatenate([NONE, *(k for k, _ in held)]),
        np.concatenate([np.empty(0, dtype=np.intp), *(p for _, p in held)]),
    )
