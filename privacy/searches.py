"""Builds the look-ups of a table: cells of identifiers and text, e-mails, telephones, codes and phrases in any text.

Everything is kept as 64-bit hashes of normal forms: no text of the data outlives the functions here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import pandas as pd

from privacy import normal_forms
from privacy.disguised import digests_in, identifying, moved, shift_between, whole_numbers, with_digest_among
from privacy.lookups import NONE, LookUp, Sought, compared, hashed, held, of_one_person, spread
from privacy.phrases import WORDS, phrase_keys, phrases_about
from privacy.texts import Held, Keys, People, TextColumn, Texts, texts_of
from privacy.threat import AuditTables
from synth.schema import ColumnKind, ColumnRole

Form = Callable[[str], str]
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
LONGEST = 100
"""Longer text has one normal form only: its phrases are looked up."""
FORMS: Mapping[str, Form | None] = {
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
WHOLE_TEXT = "phrases"
NOBODY: People = np.empty(0, dtype=np.intp)
OTHER_WAY_ROUND = ("holdout", "reference")
MOST_DECOYS = 2_000
_LAST_DIGIT = re.compile(r"(\d)(\D*)\Z")


def look_ups(tables: AuditTables) -> tuple[LookUp, ...]:
    """Everything that is looked up. `tables` hold all records of each person.

    A value is looked up if one side alone has it, train or holdout: then, whoever holds it, it tells of that side. Held
    against values that as many people hold it is as likely to be train's as holdout's share of such values says, unless
    the generator remembered it. Without a person column each record counts as a person's.
    """
    return look_ups_both_ways(tables)[0]


def look_ups_both_ways(tables: AuditTables) -> tuple[tuple[LookUp, ...], tuple[LookUp, ...]]:
    """The look-ups, and the same with holdout in train's place and the reference in holdout's: nobody learnt those two.

    What people have in common by chance is counted over all of train, holdout and reference.
    """
    texts = texts_of(tables)
    there, back = _all(texts), _all(replace(texts, sides=OTHER_WAY_ROUND))
    counted = {each.name: (each.common, each.odds) for each in back}
    common = [counted.get(each.name, (each.common, each.odds)) for each in there]
    return tuple(replace(e, common=n, odds=odds) for e, (n, odds) in zip(there, common, strict=True)), back


def _all(texts: Texts) -> tuple[LookUp, ...]:
    return (*_columns(texts), *_pairs(texts), *_patterns(texts), *_digests(texts), *_shifts(texts), *_text(texts))


def _compared(
    texts: Texts,
    sought: Sought,
    name: str,
    columns: tuple[str, ...],
    of: Callable[[str], Held],
    published: Keys,
    *,
    most: int | None = None,
) -> LookUp:
    """The look-up of what `of` says that a table has."""
    sides = of(texts.sides[0]), of(texts.sides[1])
    known = of("train") if texts.is_other_way_round else None
    return compared(sought, name, columns, sides, published, known=known, most=most)


def _columns(texts: Texts) -> list[LookUp]:
    found: list[LookUp] = []
    of_train = texts.cells["train"]
    for spec in texts.schema:
        is_identifier = spec.kind is ColumnKind.IDENTIFIER
        if spec.name not in of_train or (not is_identifier and len(of_train[spec.name].distinct) <= MANY_CATEGORIES):
            continue
        cells = {table: columns[spec.name] for table, columns in texts.cells.items()}
        made = _forms_of(texts, spec.name, cells, most=None if is_identifier else FEW_HOLDERS)
        least = 1 if is_identifier else FEWEST_OF_CATEGORIES
        found += [each for each in made if _fewest(texts, each) >= least]
    return found


def _fewest(texts: Texts, look_up: LookUp) -> int:
    """How many values a side has at least, of the sides that have records."""
    sides = zip(texts.sides, (look_up.train, look_up.holdout), strict=True)
    return min((len(side.strata) for table, side in sides if len(texts.people[table])), default=0)


def _forms_of(texts: Texts, column: str, cells: Mapping[str, TextColumn], *, most: int | None) -> list[LookUp]:
    """One look-up for each normal form that brings together cells which those before it tell apart."""
    found: list[LookUp] = []
    seen = 0
    for said, form in FORMS.items():
        keys = {table: _keys_of(each, form) for table, each in cells.items()}
        distinct = len(np.unique(np.concatenate([keys[table] for table in texts.tables])))
        if distinct == seen:
            continue
        seen = distinct
        made = _cells(texts, f"{column}{said}", (column,), cells, keys, form, most=most)
        found.append(replace(made, published=NONE, counter=True) if column in texts.counters else made)
    return found


def _cells(
    texts: Texts,
    name: str,
    columns: tuple[str, ...],
    cells: Mapping[str, TextColumn],
    keys: Mapping[str, Keys],
    form: Form | None,
    *,
    most: int | None = None,
) -> LookUp:
    """The look-up of whole cells, whose keys in that form are known."""

    def of(table: str) -> Held:
        theirs, people = held(cells[table], keys[table], texts.people[table])
        is_known = table == "train" or not texts.is_other_way_round
        decoys = NONE if is_known else _keyed(_changed(cells[table].distinct), form)
        return Held(keys=theirs, people=people, decoys=decoys)

    made = _compared(texts, Sought.VALUES, name, columns, of, keys["synthetic"], most=most)
    return replace(made, exclusive=not _are_words(cells[texts.sides[0]].distinct))


def _are_words(values: Sequence[str]) -> bool:
    """Whether most of the values are made of words, such as names and streets, and have no address, number or code."""
    some = values[:: max(1, len(values) // MOST_DECOYS)]
    return sum(_is_words(value) for value in some) > len(some) / 2


def _is_words(value: str) -> bool:
    if any(forms(value) for forms in PATTERNS.values()):
        return False
    return any(word.isalpha() and len(word) > 1 for word in normal_forms.in_order(value))


def _changed(values: Sequence[str]) -> list[str]:
    """Some of the values that have a digit with the last one changed: MOST_DECOYS of them or few more."""
    some = values[:: max(1, len(values) // MOST_DECOYS)]
    return [_LAST_DIGIT.sub(_next, value, count=1) for value in some if any(map(str.isdecimal, value))]


def _next(found: re.Match[str]) -> str:
    return f"{(int(found[1]) + 1) % 10}{found[2]}"


def _keys_of(cells: TextColumn, form: Form | None) -> Keys:
    """(distinct texts,)"""
    return _keyed(cells.distinct, form)


def _keyed(values: Sequence[str], form: Form | None) -> Keys:
    if form is None:
        return hashed(values)
    return hashed([form(text) if len(text) <= LONGEST else text for text in values])


def _pairs(texts: Texts) -> list[LookUp]:
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
        joined = {table: _joined(cells[left], cells[right]) for table, cells in texts.cells.items()}
        keys = {table: _keys_of(cells, normal_forms.words) for table, cells in joined.items()}
        found.append(_cells(texts, f"{left} with {right}", (left, right), joined, keys, normal_forms.words))
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


def _patterns(texts: Texts) -> list[LookUp]:
    """E-mails, local parts, telephones and long codes of all text cells, looked up in all text cells."""
    found = []
    for said, forms in PATTERNS.items():
        ours = _extracted(texts, texts.sides[0], said, forms)
        if not len(ours.keys):
            continue
        published = _extracted(texts, "synthetic", said, forms).keys
        of = partial(_extracted, texts, said=said, forms=forms)
        found.append(_compared(texts, Sought.PATTERNS, said, ours.columns, of, published))
    return found


def _extracted(texts: Texts, table: str, said: str, forms: Forms) -> Held:
    """What the forms find in the text of a table; of the synthetic table nobody has it."""
    if (table, said) in texts.done:
        return texts.done[table, said]
    keys, people, columns, decoys = [NONE], [NOBODY], [], [NONE]
    for name, cells in (texts.published() if table == "synthetic" else texts.cells[table]).items():
        found = [(i, each) for i, text in enumerate(cells.distinct) for each in forms(text)]
        if not found:
            continue
        values = [each for _, each in found]
        hashes = hashed(values)
        columns.append(name)
        if table == "synthetic":
            keys.append(hashes)
            continue
        owners = np.array([i for i, _ in found], dtype=np.intp)
        theirs, persons = spread(cells, hashes, owners, texts.people[table])
        keys.append(theirs)
        people.append(persons)
        if table != "train":
            decoys.append(hashed(_changed(values)))
    texts.done[table, said] = Held(
        keys=np.concatenate(keys),
        people=np.concatenate(people),
        decoys=np.concatenate(decoys),
        columns=tuple(columns),
    )
    return texts.done[table, said]


def _digests(texts: Texts) -> list[LookUp]:
    """Cells and e-mails of either side of which the synthetic table holds a digest; none where it holds none."""
    digests = digests_in(text for cells in texts.published().values() for text in cells.distinct)
    if not digests:
        return []
    every = {
        each
        for table in texts.sides
        for cells in texts.cells[table].values()
        for text in cells.distinct
        for each in identifying(text)
    }
    published = hashed(sorted(with_digest_among(every, digests)))
    said = "digests of cells and e-mails"
    of = partial(_extracted, texts, said=said, forms=identifying)
    return [_compared(texts, Sought.PATTERNS, said, of(texts.sides[0]).columns, of, published)]


def _shifts(texts: Texts) -> list[LookUp]:
    """Numbers of identifiers that become synthetic ones where one same number is added to each.

    Not of holdout and reference: the search takes long.
    """
    found: list[LookUp] = []
    if texts.is_other_way_round:
        return found
    for name in texts.schema.of_kind(ColumnKind.IDENTIFIER):
        ours, others, synthetic = (whole_numbers(texts.cells[table][name].distinct)[0] for table in texts.tables)
        real = np.unique(np.concatenate([ours, others]))
        by = None if name in texts.counters or not len(ours) else shift_between(real, synthetic)
        if by is None:
            continue
        published = hashed([str(number) for number in real[moved(real, synthetic, by)]])
        of = partial(_numbered, texts, name)
        found.append(_compared(texts, Sought.VALUES, f"{name}, each moved by one number", (name,), of, published))
    return found


def _numbered(texts: Texts, name: str, table: str) -> Held:
    """The whole numbers of a column, whatever zeros stand in front."""
    cells = texts.cells[table][name]
    numbers, places = whole_numbers(cells.distinct)
    keys, people = spread(cells, hashed([str(number) for number in numbers]), places, texts.people[table])
    return Held(keys=keys, people=people, decoys=NONE)


def _text(texts: Texts) -> list[LookUp]:
    """Phrases that one person's text alone holds; a person is found if one of them is."""
    long = {
        table: {name: cells for name, cells in columns.items() if _has_sentences(cells)}
        for table, columns in {**texts.cells, "synthetic": texts.published()}.items()
    }
    if not long[texts.sides[0]]:
        return []
    every_cell = [cells for columns in long.values() for cells in columns.values()]
    every = max(1, -(-sum(phrases_about(cells.distinct) for cells in every_cell) // MOST_PHRASES))
    of = partial(_phrases, texts, long, every=every)
    mine, theirs, published = (of(table) for table in texts.tables)
    sides = (
        of_one_person(mine.keys, mine.people, apart_from=theirs.keys),
        of_one_person(theirs.keys, theirs.people, apart_from=mine.keys),
    )
    both = np.concatenate([side.keys for side in sides])
    return [
        LookUp(
            sought=Sought.TEXT,
            name=f"phrases of {WORDS} words" + (f", one in {every} of them" if every > 1 else ""),
            columns=tuple(long[texts.sides[0]]),
            train=sides[0],
            holdout=sides[1],
            published=np.intersect1d(published.keys, both),
            known=np.intersect1d(of("train").keys, both) if texts.is_other_way_round else NONE,
        )
    ]


def _has_sentences(cells: TextColumn) -> bool:
    return any(text.count(" ") >= WORDS - 1 or not text.isascii() for text in cells.distinct)


def _phrases(texts: Texts, long: Mapping[str, Mapping[str, TextColumn]], table: str, *, every: int) -> Held:
    """The phrases of a table. Where nobody names the person, equal texts are one person's: that of the first record."""
    if (table, WHOLE_TEXT) in texts.done:
        return texts.done[table, WHOLE_TEXT]
    is_named = texts.schema.with_role(ColumnRole.PERSON) is not None
    keys, people = [NONE], [NOBODY]
    for cells in long[table].values():
        found, owners = phrase_keys(cells.distinct, every=every)
        if table == "synthetic":
            keys.append(found)
        elif is_named:
            theirs, persons = spread(cells, found, owners, texts.people[table])
            keys.append(theirs)
            people.append(persons)
        else:
            keys.append(found)
            people.append(cells.first()[owners])
    texts.done[table, WHOLE_TEXT] = Held(keys=np.concatenate(keys), people=np.concatenate(people), decoys=NONE)
    return texts.done[table, WHOLE_TEXT]
