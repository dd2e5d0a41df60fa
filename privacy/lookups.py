"""What somebody who searches the synthetic table for a person's data looks up, as 64-bit hashes of normal forms."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from privacy.strata import Stratum
from privacy.texts import Held, Keys, People, TextColumn, Texts

MOST_DECOYS = 2_000
_LAST_DIGIT = re.compile(r"(\d)(\D*)\Z")
HOLDERS = (1, 2, 3, 4, 5, 9)
"""Values are compared with values that as many people hold: 1, 2, 3, 4, 5 to 8, 9 or more."""
NONE: Keys = np.empty(0, dtype=np.uint64)


class Sought(StrEnum):
    """What is looked up, and the statistic that tells of it."""

    VALUES = "shared_values"
    """Cells of one column in the same column, or of two neighbouring columns together."""
    PATTERNS = "shared_patterns"
    """E-mail addresses, telephone numbers and long codes of any text in any text; names in other columns."""
    TEXT = "shared_text"
    """Phrases of any text in any text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """How many of n were found."""

    found: int
    n: int

    @staticmethod
    def of(keys: Keys, published: Keys) -> Tally:
        """How many of the keys are published."""
        return Tally(found=int(np.isin(keys, published).sum()), n=len(keys))


NO_TALLY = Tally(found=0, n=0)


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
    common: int = 0
    """How many values two of train, holdout and reference have, for each pair of them. Of phrases that is not known:
    0."""
    odds: float = 1.0
    """How often a value of the synthetic table should be one of train's for each of `common`, if all are drawn alike:
    pairs of a record of train and a synthetic one for each pair of records that was looked at for `common`."""
    exclusive: bool = True
    """Values of this kind are one person's, such as an e-mail address: two people hardly have the same by chance.
    Names and streets are not."""
    counter: bool = False
    """The synthetic column is a plain counter, so nothing of it was looked up."""
    known: Keys = field(default_factory=lambda: NONE)
    """Where train is neither side: keys of either that train holds."""
    decoys: tuple[Tally, Tally] = (NO_TALLY, NO_TALLY)
    """Where train is neither side: of each, how many values with a changed digit the synthetic table holds."""

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

    def without_control(self) -> tuple[int, int]:
        """How many units only one person of train has, and how many of them are found, where holdout has no such unit.

        (0, 0) where it has: those are counted in `strata`.
        """
        if (self.holdout.strata == 0).any():
            return 0, 0
        alone = self.train.strata == 0
        return int(alone.sum()), int((alone & self.train.found(self.published)).sum())

    def planted(self, count: int, rng: np.random.Generator) -> LookUp:
        """The same with the keys of so many of train's units in the synthetic table as well."""
        units = rng.permutation(len(self.train.strata))[:count]
        added = self.train.keys[np.isin(self.train.units, units)]
        return replace(self, published=np.union1d(self.published, added))


def hashed(texts: Sequence[str]) -> Keys:
    """(texts,) the hash of each text."""
    if not texts:
        return NONE
    keys: Keys = pd.util.hash_array(np.array(texts, dtype=object), categorize=False)
    return keys


def held(cells: TextColumn, keys: Keys, people: People) -> tuple[Keys, People]:
    """(keys, people) of the rows that are filled; `keys` has one for each distinct text."""
    rows = np.flatnonzero(cells.codes >= 0)
    return keys[cells.codes[rows]], people[rows]


def spread(cells: TextColumn, keys: Keys, owners: NDArray[np.intp], people: People) -> tuple[Keys, People]:
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


def compared(
    sought: Sought,
    name: str,
    columns: tuple[str, ...],
    sides: tuple[Held, Held],
    published: Keys,
    *,
    known: Held | None = None,
    most: int | None = None,
) -> LookUp:
    """The look-up of what each side has alone, by how many of its people hold it; at most `most`.

    `known` is what train has, where it is neither side.
    """
    (ours, our_holders), (others, their_holders) = (
        np.unique(_pairs_once(side.keys, side.people)[0], return_counts=True) for side in sides
    )
    published = np.unique(published)
    both = np.concatenate([ours, others])
    common, pairs = int(np.isin(ours, others).sum()), len(ours) * len(others)
    learnt = ours if known is None else np.unique(known.keys)
    if known is not None:
        common += int(np.isin(ours, learnt).sum()) + int(np.isin(others, learnt).sum())
        pairs += (len(ours) + len(others)) * len(learnt)
    return LookUp(
        sought=sought,
        name=name,
        columns=columns,
        train=_alone(ours, our_holders, others, most),
        holdout=_alone(others, their_holders, ours, most),
        published=published[np.isin(published, both)],
        common=common,
        odds=len(learnt) * len(published) / max(1, pairs),
        known=NONE if known is None else learnt[np.isin(learnt, both)],
        decoys=(NO_TALLY, NO_TALLY)
        if known is None
        else (Tally.of(sides[0].decoys, published), Tally.of(sides[1].decoys, published)),
    )


def looked_up(
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


def changed(values: Sequence[str]) -> list[str]:
    """Some of the values that have a digit with the last one changed: about MOST_DECOYS of them."""
    some = values[:: max(1, len(values) // MOST_DECOYS)]
    return [_LAST_DIGIT.sub(_next, value, count=1) for value in some if any(map(str.isdecimal, value))]


def _next(found: re.Match[str]) -> str:
    return f"{(int(found[1]) + 1) % 10}{found[2]}"


def _alone(keys: Keys, holders: NDArray[np.intp], others: Keys, most: int | None) -> Side:
    alone = ~np.isin(keys, others)
    if most is not None:
        alone &= holders <= most
    strata = np.digitize(holders[alone], HOLDERS) - 1
    return Side(keys=keys[alone], units=np.arange(int(alone.sum())), strata=strata)


def of_one_person(keys: Keys, people: People, *, apart_from: Keys) -> Side:
    """The keys of one person alone, and that person as their unit."""
    keys, people = _pairs_once(keys, people)
    edge = np.ones(len(keys) + 1, dtype=np.bool_)
    edge[1:-1] = keys[1:] != keys[:-1]
    alone = edge[1:] & edge[:-1] & ~np.isin(keys, apart_from)
    units, persons = pd.factorize(people[alone])
    return Side(keys=keys[alone], units=units.astype(np.intp), strata=np.zeros(len(persons), dtype=np.intp))
