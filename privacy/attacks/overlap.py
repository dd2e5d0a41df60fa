"""Does somebody stand in two of train, holdout and reference? Then holdout is no control, whatever leaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binom

from privacy.about import About, Question
from privacy.canonical import Canonical, Keys, all_but_one
from privacy.distance import as_labels
from privacy.evidence import Evidence
from privacy.exchangeable import NEAREST, Excess, pairs, strongest, surest
from privacy.finding import Finding
from privacy.threat import AuditTables
from privacy.validity import LEVEL, check, not_checked
from synth.table.schema import ColumnRole
from synth.written.surrogate import Replaced

ABOUT = About(
    title="Overlap check",
    question=Question.TRUST,
    statistics={
        "train_holdout_share": "records of both train and holdout",
        "train_reference_share": "records of both train and reference",
        "holdout_reference_share": "records of both holdout and reference",
    },
    plants=None,
)

SMALLEST_SHARE = 0.002
"""Of the smaller table: an overlap that is smaller changes no figure."""
FEWEST_RECORDS = 50
SHARED_BY_PEOPLE = {
    *(Replaced.NAME, Replaced.FIRST_NAME, Replaced.LAST_NAME),
    *(Replaced.ADDRESS, Replaced.PHONE, Replaced.IP, Replaced.URL),
}
"""What two people may have in common: namesakes, households, offices."""
MOST_NAMESAKES = 0.5
"""A larger share of the smaller table's names in another table too is not put down to namesakes."""
FEWEST_DIFFERENT = 5
"""Two tables with the same records as often are one table, unless they have fewer different records than this."""

Indices = NDArray[np.intp]
Pair = tuple[str, str]


def overlap(evidence: Evidence, rng: np.random.Generator) -> tuple[Finding, ...]:
    """`overlap.<a>_<b>_share` for each two of train, holdout and reference: the part of the smaller that is in both.

    Records that are equal, equal in all cells but one, or each other's nearest, are taken in pairs of which no two
    share a record. If people were dealt to the tables at random, a pair is of one in each as often as chance has it,
    however many duplicates the data have; a record that was put into both makes a pair that always is. Shares are what
    is beyond chance. A person who stands in two tables by the person column is an overlap by itself, unless two people
    may have the same value of it, such as a name: then more than namesakes explain are, or more than half of all. All
    tests are one family at the level of `privacy.validity`.
    """
    if min(len(evidence.train), len(evidence.holdout)) < FEWEST_RECORDS:
        return (
            not_checked("overlap", "train_holdout_share", f"Fewer than {FEWEST_RECORDS} records in train or holdout."),
        )
    sides = [_Side.of("train", evidence.train_keys), _Side.of("holdout", evidence.holdout_keys)]
    if evidence.reference_keys is not None:
        sides.append(_Side.of("reference", evidence.reference_keys))
    tests = _by_keys(sides, rng)
    for pair, excess in (*_by_distance(evidence), *_by_namesakes(evidence.tables, rng)):
        tests[pair].append(excess)
    level = LEVEL / sum(len(some) for some in tests.values())
    named = {side.name: side for side in sides}
    shared = _shared_people(evidence.tables)
    return tuple(
        _finding(named[a], named[b], strongest(some), shared.get((a, b)), level=level * len(some))
        for (a, b), some in tests.items()
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Side:
    name: str
    keys: Keys
    nearly: tuple[Keys, ...]
    """Per column the keys of all other cells."""

    @staticmethod
    def of(name: str, table: Canonical) -> _Side:
        return _Side(name=name, keys=table.records, nearly=all_but_one(table))

    def is_same(self, other: _Side) -> bool:
        if len(self.keys) != len(other.keys) or len(np.unique(self.keys)) < FEWEST_DIFFERENT:
            return False
        return bool((np.sort(self.keys) == np.sort(other.keys)).all())


def _by_keys(sides: Sequence[_Side], rng: np.random.Generator) -> dict[Pair, list[Excess]]:
    """For each two sides a test of pairs of equal records, and one of pairs that differ in one cell at most."""
    sizes = {side.name: len(side.keys) for side in sides}
    equal = _twice(np.concatenate([side.keys for side in sides]))
    columns = range(len(sides[0].nearly))
    nearly = [_twice(np.concatenate([side.nearly[column] for side in sides])) for column in columns]
    alike = _disjoint(np.concatenate([equal, *nearly]), sum(sizes.values()), rng)
    found: dict[Pair, list[Excess]] = {}
    for pair, excess in (*_crossing(equal, sizes), *_crossing(alike, sizes)):
        found.setdefault(pair, []).append(excess)
    return found


def _crossing(found: Indices, sizes: Mapping[str, int]) -> list[tuple[Pair, Excess]]:
    """For each two sides whether more of the pairs have one record in each than chance deals, of sides so large."""
    side_of = np.repeat(np.arange(len(sizes)), list(sizes.values()))
    first, last = side_of[found].min(axis=1), side_of[found].max(axis=1)
    tests: list[tuple[Pair, Excess]] = []
    for (a, one), (b, other) in combinations(enumerate(sizes), 2):
        chance = _chance(sizes[one], sizes[other], len(side_of))
        tests.append(((one, other), pairs((first == a) & (last == b), chance=chance)))
    return tests


def _by_distance(evidence: Evidence) -> list[tuple[Pair, Excess]]:
    """Near records: pairs of train and holdout, and whether the nearest to reference are more often of one of them."""
    near, n = evidence.near, len(evidence.train)
    tests: list[tuple[Pair, Excess]] = [
        (("train", "holdout"), pairs(near.crossing, chance=_chance(n, n, 2 * n), depths=NEAREST))
    ]
    if near.train_reference is not None and near.holdout_reference is not None:
        train, holdout = (-d[:, 0].astype(np.float64) for d in (near.train_reference, near.holdout_reference))
        tests.append((("train", "reference"), surest(train, holdout)))
        tests.append((("holdout", "reference"), surest(holdout, train)))
    return tests


def _chance(a: int, b: int, n: int) -> float:
    """How likely two of n records are one of a side of `a` and one of a side of `b`."""
    return 2 * a * b / (n * (n - 1))


def _twice(keys: Keys) -> Indices:
    """Pairs x 2: the positions of keys that occur just twice."""
    order = np.argsort(keys, kind="stable")
    edge = np.ones(len(keys) + 1, dtype=np.bool_)
    edge[1:-1] = keys[order][1:] != keys[order][:-1]
    start = np.flatnonzero(edge)
    first = start[:-1][np.diff(start) == 2]
    return np.stack([order[first], order[first + 1]], axis=1)


def _disjoint(found: Indices, n: int, rng: np.random.Generator) -> Indices:
    """Pairs of which no two share a record, chosen in random order."""
    mixed = np.unique(np.sort(found, axis=1), axis=0)
    mixed = mixed[rng.permutation(len(mixed))]
    earliest = np.full(n, len(mixed))
    np.minimum.at(earliest, mixed.reshape(-1), np.repeat(np.arange(len(mixed)), 2))
    is_first = (earliest[mixed] == np.arange(len(mixed))[:, None]).all(axis=1)
    chosen: Indices = mixed[is_first]
    return chosen


def _person_column(tables: AuditTables | None) -> tuple[str, bool] | None:
    """The column that names people, and whether two people may have the same value of it."""
    if tables is None or (name := tables.schema.with_role(ColumnRole.PERSON)) is None:
        return None
    surrogate = tables.schema[name].surrogate
    return name, surrogate is not None and surrogate.of in SHARED_BY_PEOPLE


def _by_namesakes(tables: AuditTables | None, rng: np.random.Generator) -> list[tuple[Pair, Excess]]:
    """Whether two sides have more names in common than either has with the third, where namesakes share what tells
    people.

    As many different names are taken of each side. Of those that just two sides have, each two have a third if people
    were dealt at random, whatever the names are and however many records each has (exact binomial test).
    """
    person = _person_column(tables)
    if tables is None or person is None or not person[1] or tables.reference is None:
        return []
    frames = {side: frame for side, frame in tables.named() if side != "synthetic"}
    names = {side: _names(frame[person[0]]) for side, frame in frames.items()}
    fewest = min(len(some) for some in names.values())
    drawn = {side: set(rng.choice(some, fewest, replace=False)) for side, some in names.items()}
    in_all = set.intersection(*drawn.values())
    shared = {(a, b): len((drawn[a] & drawn[b]) - in_all) for a, b in combinations(drawn, 2)}
    total, tests = sum(shared.values()), []
    for (a, b), count in shared.items():
        scale = min(len(names[a]), len(names[b])) / max(1, fewest)
        p_value = float(binom.sf(count - 1, total, 1 / len(shared)))
        tests.append(((a, b), Excess(p_value=p_value, records=(count - total / len(shared)) * scale)))
    return tests


def _names(column: pd.Series) -> NDArray[np.object_]:
    """The different names of a column, in their order."""
    return np.array(sorted(set(as_labels(column)) - {None}), dtype=object)


def _shared_people(tables: AuditTables | None) -> dict[Pair, tuple[int, float]]:
    """For each two sides how many people of the person column stand in both, and their share of the smaller side's."""
    person = _person_column(tables)
    if tables is None or person is None:
        return {}
    least = MOST_NAMESAKES if person[1] else SMALLEST_SHARE
    frames = {name: frame for name, frame in tables.named() if name != "synthetic"}
    people = {name: set(as_labels(frame[person[0]].drop_duplicates())) - {None} for name, frame in frames.items()}
    shared = {}
    for a in ("train", "holdout"):
        for b in frames.keys() - {a, "train"}:
            count = len(people[a] & people[b])
            share = count / max(1, min(len(people[a]), len(people[b])))
            if share > least:
                shared[a, b] = (count, share)
    return shared


def _finding(a: _Side, b: _Side, excess: Excess, people: tuple[int, float] | None, *, level: float) -> Finding:
    smaller = min(len(a.keys), len(b.keys))
    value, p_value = excess.records / smaller, excess.p_value
    what = f"About {max(1, round(excess.records))} records of {b.name} stand in {a.name} as well, with one cell unequal"
    what += " or none, or next to none, more than chance explains."
    if a.is_same(b):
        value, p_value, what = 1.0, 0.0, f"{a.name.capitalize()} and {b.name} are the same records."
    elif people is not None and people[0] > 1:
        value, p_value = people[1], 0.0
        what = f"{people[0]} people of {b.name} stand in {a.name} as well, by the person column."
    return check(
        f"overlap.{a.name}_{b.name}_share",
        value=value,
        baseline=SMALLEST_SHARE,
        p_value=p_value,
        level=level,
        n=smaller,
        cause=f"{what} Comparing the two proves nothing of them. Divide the people once, at random, each into one "
        "table only, train on the train part alone, and audit again.",
    )
