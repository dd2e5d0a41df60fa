"""Builds the look-ups of a table: cells of identifiers and text, and what is searched for in any text.

Everything is kept as 64-bit hashes of normal forms: no text of the data outlives the functions here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np

from privacy import normal_forms
from privacy.disguised import moved, shift_between, whole_numbers
from privacy.lookups import NONE, LookUp, Sought, changed, hashed, held, looked_up, spread
from privacy.passages import are_words, digests, mentions, patterns, phrases
from privacy.texts import Held, Keys, TextColumn, Texts, joined, texts_of
from privacy.threat import AuditTables
from synth.written.surrogate import Replaced

NAMES = {Replaced.NAME, Replaced.FIRST_NAME, Replaced.LAST_NAME, Replaced.ADDRESS}

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
LONGEST = 100
"""Longer text has one normal form only: its phrases are looked up."""
FORMS: Mapping[str, Form | None] = {
    "": None,
    ", letters and digits": normal_forms.code,
    ", words": normal_forms.words,
}
OTHER_WAY_ROUND = ("holdout", "reference")


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
    return (
        *_columns(texts),
        *_pairs(texts),
        *patterns(texts),
        *mentions(texts),
        *digests(texts),
        *_shifts(texts),
        *phrases(texts),
    )


def _columns(texts: Texts) -> list[LookUp]:
    found: list[LookUp] = []
    of_train = texts.cells["train"]
    for spec in texts.schema:
        is_identifier = not spec.kind.is_learnt
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
        decoys = NONE if is_known else _keyed(changed(cells[table].distinct), form)
        return Held(keys=theirs, people=people, decoys=decoys)

    made = looked_up(texts, Sought.VALUES, name, columns, of, keys["synthetic"], most=most)
    return replace(made, exclusive=not _may_be_shared(texts, columns, cells[texts.sides[0]].distinct))


def _may_be_shared(texts: Texts, columns: tuple[str, ...], values: Sequence[str]) -> bool:
    """Whether two people may have the same of it: names and streets, and what is written like them."""
    kinds = {spec.surrogate.of for name in columns if (spec := texts.schema[name]).surrogate is not None}
    return kinds <= NAMES if kinds else are_words(values)


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
    identifiers = set(texts.schema.identifiers)
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
        both_cells = {table: joined(cells[left], cells[right]) for table, cells in texts.cells.items()}
        keys = {table: _keys_of(cells, normal_forms.words) for table, cells in both_cells.items()}
        found.append(_cells(texts, f"{left} with {right}", (left, right), both_cells, keys, normal_forms.words))
    return found


def _repeats(cells: TextColumn) -> bool:
    return len(cells.distinct) <= MOST_PAIRED * int((cells.codes >= 0).sum())


def _shifts(texts: Texts) -> list[LookUp]:
    """Numbers of identifiers that become synthetic ones where one same number is added to each.

    Not of holdout and reference: the search takes long.
    """
    found: list[LookUp] = []
    if texts.is_other_way_round:
        return found
    for name in texts.schema.identifiers:
        ours, others, synthetic = (whole_numbers(texts.cells[table][name].distinct)[0] for table in texts.tables)
        real = np.unique(np.concatenate([ours, others]))
        by = None if name in texts.counters or not len(ours) else shift_between(real, synthetic)
        if by is None:
            continue
        published = hashed([str(number) for number in real[moved(real, synthetic, by)]])
        of = partial(_numbered, texts, name)
        found.append(looked_up(texts, Sought.VALUES, f"{name}, each moved by one number", (name,), of, published))
    return found


def _numbered(texts: Texts, name: str, table: str) -> Held:
    """The whole numbers of a column, whatever zeros stand in front."""
    cells = texts.cells[table][name]
    numbers, places = whole_numbers(cells.distinct)
    keys, people = spread(cells, hashed([str(number) for number in numbers]), places, texts.people[table])
    return Held(keys=keys, people=people, decoys=NONE)
