"""What is searched for in any text: addresses, numbers and codes, names of other columns, digests, and phrases."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np

from privacy import normal_forms
from privacy.disguised import (
    SHORTEST_TURNED,
    digests_in,
    encoded,
    identifying,
    that_may_be_encoded,
    turned,
    with_digest_among,
)
from privacy.lookups import NONE, LookUp, Sought, changed, hashed, looked_up, of_one_person, spread
from privacy.phrases import WORDS, phrase_keys, phrases_about
from privacy.texts import Held, Keys, People, TextColumn, Texts, joined
from synth.table.schema import ColumnRole

Forms = Callable[[str], Sequence[str]]

MOST_PHRASES = 8_000_000
"""Phrases of all tables that are kept; of longer texts only a part, the same in every table."""
MOST_NAMED = 5
"""A name or a street has at most so many words."""
SHORTEST_NAME = 5
LONGEST_NAME = 60
WHOLE_TEXT = "phrases"
NEARLY_ALL = 0.9
MOST_LOOKED_AT = 2_000
"""So many values of a column say what it is made of."""
NOBODY: People = np.empty(0, dtype=np.intp)
PATTERNS: Mapping[str, Forms] = {
    "e-mail addresses": normal_forms.emails,
    "e-mail addresses, before the @": normal_forms.local_parts,
    "telephone numbers": normal_forms.phones,
    "long codes": normal_forms.codes,
}


def are_words(values: Sequence[str]) -> bool:
    """Whether nearly all values are two words or more without a digit, as names are, and no address and no code."""
    some = values[:: max(1, len(values) // MOST_LOOKED_AT)]
    return sum(_is_words(value) for value in some) > NEARLY_ALL * len(some)


def _is_words(value: str) -> bool:
    if any(forms(value) for forms in PATTERNS.values()):
        return False
    return len(value.split()) > 1 and all(map(str.isalpha, normal_forms.in_order(value)))


def patterns(texts: Texts) -> list[LookUp]:
    """E-mails, local parts, telephones and long codes of all text cells, looked up in all text cells."""
    found = []
    for said, forms in PATTERNS.items():
        ours = _extracted(texts, texts.sides[0], said, forms)
        if not len(ours.keys):
            continue
        published = _extracted(texts, "synthetic", said, forms).keys
        of = partial(_extracted, texts, said=said, forms=forms)
        found.append(looked_up(texts, Sought.PATTERNS, said, ours.columns, of, published))
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
            decoys.append(hashed(changed(values)))
    texts.done[table, said] = Held(
        keys=np.concatenate(keys),
        people=np.concatenate(people),
        decoys=np.concatenate(decoys),
        columns=tuple(columns),
    )
    return texts.done[table, said]


def digests(texts: Texts) -> list[LookUp]:
    """Cells and e-mails of either side as digests or in base64, and codes backwards or as hex numbers.

    None where the synthetic table holds none. Of holdout and reference only digests are searched, for want of time.
    """
    cells = {text.removeprefix("0x") for each in texts.published().values() for text in each.distinct}
    made = digests_in(cells)
    if texts.is_other_way_round and not made:
        return []
    every = {
        each
        for table in texts.sides
        for columns in texts.cells[table].values()
        for text in columns.distinct
        for each in identifying(text)
    }
    likely = [] if texts.is_other_way_round else that_may_be_encoded(every, cells)
    found = {each for each in likely if len(each) >= SHORTEST_TURNED and not cells.isdisjoint(encoded(each))}
    found.update(with_digest_among(every, made) if made else ())
    of = partial(_extracted, texts, said="cells and e-mails", forms=identifying)
    look_ups = []
    for said, values in (
        ("digests of cells and e-mails", found),
        ("codes backwards", set() if texts.is_other_way_round else _turned(every - cells, cells)),
    ):
        if values:
            columns, published = of(texts.sides[0]).columns, hashed(sorted(values))
            look_ups.append(looked_up(texts, Sought.PATTERNS, said, columns, of, published))
    # Digests have no chance finds, while codes backwards may be other people's.
    return [replace(each, exclusive=each.name != "codes backwards") for each in look_ups]


def _turned(values: set[str], among: set[str]) -> set[str]:
    return {value for value in values if not among.isdisjoint(turned(value))}


def mentions(texts: Texts) -> list[LookUp]:
    """Names, streets, user names of identifiers in the other columns: as whole cells or inside a text.

    Their words stand next to one another there, in any order. Two neighbouring columns, such as a first and a last
    name, count as one besides. None where no other column of the synthetic table holds any.
    """
    split: dict[str, list[list[str]]] = {}
    found = []
    for columns in _naming(texts):
        said = f"{' with '.join(columns)} in other columns"
        of = partial(_named, texts, columns)
        published = _mentioned(texts, columns, said, split)
        if np.isin(published, np.concatenate([of(table).keys for table in texts.sides])).any():
            made = looked_up(texts, Sought.PATTERNS, said, columns, of, published)
            # Only what may be a name was kept of the synthetic texts; each record counts as one that it could hold.
            odds = made.odds / len(published) * len(texts.cells["synthetic"][columns[0]].codes)
            found.append(replace(made, odds=odds, exclusive=False))
    return found


def _naming(texts: Texts) -> list[tuple[str, ...]]:
    """The identifiers, one by one and neighbouring columns of text of which one is an identifier."""
    ones = set(texts.schema.identifiers)
    names = texts.schema.names
    held = texts.cells["train"]
    pairs = [(a, b) for a, b in pairwise(names) if a in held and b in held and {a, b} & ones]
    return [*((name,) for name in names if name in ones), *pairs]


def _named(texts: Texts, columns: tuple[str, ...], table: str) -> Held:
    """The names that these columns hold."""
    place = (table, f"names: {columns}")
    if place not in texts.done:
        cells = texts.cells[table][columns[0]]
        if len(columns) > 1:
            cells = joined(cells, texts.cells[table][columns[1]])
        names = [(i, name) for i, text in enumerate(cells.distinct) if (name := _name(text))]
        owners = np.array([i for i, _ in names], dtype=np.intp)
        keys, people = spread(cells, hashed([name for _, name in names]), owners, texts.people[table])
        words = frozenset(word for _, name in names for word in name.split())
        texts.done[place] = Held(keys=keys, people=people, decoys=NONE, words=words)
    return texts.done[place]


def _name(text: str) -> str:
    """The words of a name, a street or a user name in the form of `words`; nothing where the text is none of them."""
    if not SHORTEST_NAME <= len(text) <= LONGEST_NAME or text.count(" ") >= MOST_NAMED:
        return ""
    words = normal_forms.in_order(text)
    is_name = len(words) <= MOST_NAMED and (len(words) == 1 or any(map(str.isalpha, words)))
    if not is_name or not any(map(str.isalpha, text)) or any(forms(text) for forms in PATTERNS.values()):
        return ""
    return " ".join(sorted(words))


def _mentioned(texts: Texts, columns: tuple[str, ...], said: str, split: dict[str, list[list[str]]]) -> Keys:
    """The keys of all names of these columns that the other columns of the synthetic table could hold.

    `split` holds the words of the synthetic table's texts by column, as far as they were needed already.
    """
    if ("synthetic", said) in texts.done:
        return texts.done["synthetic", said].keys
    known = frozenset[str]().union(*(_named(texts, columns, table).words for table in texts.people))
    windows: set[str] = set()
    for name, cells in texts.published().items():
        if name in columns:
            continue
        if name not in split:
            split[name] = [normal_forms.in_order(text) for text in cells.distinct]
        windows.update(each for words in split[name] if not known.isdisjoint(words) for each in _windows(words, known))
    texts.done["synthetic", said] = Held(keys=hashed(sorted(windows)), people=NOBODY, decoys=NONE)
    return texts.done["synthetic", said].keys


def _windows(text: Sequence[str], known: frozenset[str]) -> Iterator[str]:
    """All runs of up to MOST_NAMED words of the text that are all known, in the form of `words`."""
    run: list[str] = []
    for word in text:
        run = [*run, word][-MOST_NAMED:] if word in known else []
        for start in range(len(run)):
            yield " ".join(sorted(run[start:]))


def phrases(texts: Texts) -> list[LookUp]:
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
