"""Was a person with several records learnt? Told from all of their records together, not from any one of them.

Where a person has several records, a generator may give a person away though no single record of theirs does, and an
attacker who knows a person knows all of their records. Scores of records are added up by person, as in MT-MIA
(arXiv 2602.07126), and people are compared as wholes: a copy of somebody's whole history is found even where each of
its records was moved a little.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from privacy.about import About, Question
from privacy.distance import Encoded, as_numbers, encode, nearest
from privacy.evidence import Evidence
from privacy.finding import PLANTED_SHARE, Finding, FindingStatus
from privacy.scores import ASKS, Scored, Scores, auc_finding, rate_finding
from synth.table.schema import ColumnRole, TableSchema

ABOUT = About(
    title="Membership inference of people",
    question=Question.MEMBERSHIP,
    plants=None,
)

MOST_PEOPLE = 2_500
"""People under attack per side, at most."""
FEWEST_PEOPLE = 100
FEWEST_SEVERAL = 20
"""People of train with several records, at least, for there to be histories."""
MOST_EACH = 8
"""Records of a person that are looked for, at most."""
DISTANCES = 200_000_000
"""Distances between records that are measured, at most."""
MOST_CATEGORIES = 10
PLANTS = {"auc": 0.1, "tpr_at_1_percent": 0.02}
"""Share of the people of train whose histories are planted, of the size of the limits."""
THREAT = f"An attacker holds the synthetic file and all records of one person{ASKS}"

Places = NDArray[np.intp]
ScoresOfBoth = tuple[Scores, Scores]
"""Of the people of train, and of those of holdout."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Side:
    """Some people of one table."""

    frame: pd.DataFrame
    """All of their records, person after person, in an order that does not depend on where they stand in the table"""
    who: Places
    """(records,) a number for each person"""
    count: int


Pair = tuple[_Side, _Side]
"""Train and holdout."""


def people(evidence: Evidence, rng: np.random.Generator) -> tuple[Finding, ...]:
    """`membership.history_*` and `membership.person_*`; nothing where no column names people.

    Where too few people have several records, or there are too few people, each finding says so.

    `history`: score = -d(person, S), the distance of what sums a person up (how many records there are; of each number
    the mean, the first, the last and the mean step, records ordered as the schema says, or by dates, then numbers; of
    each category its share) to the nearest synthetic person.
    `person`: the mean over a person's records of -d1(record, S). Of each the AUC (DeLong) and the true-positive rate at
    1 % false positives, with what they are where whole histories of train are added to the synthetic table, their
    records in random order (`planted_*`).
    """
    tables = evidence.tables
    person = None if tables is None else tables.schema.with_role(ColumnRole.PERSON)
    if tables is None or person is None:
        return ()
    if not _several(tables.train[person]):
        return _none(f"Fewer than {FEWEST_SEVERAL} people under attack have several records.")
    train, holdout = (_some(frame, tables.schema, person, rng) for frame in (tables.train, tables.holdout))
    if min(train.count, holdout.count) < FEWEST_PEOPLE:
        return _none(f"There are fewer than {FEWEST_PEOPLE} people in train or in the holdout.")
    synthetic = _some(tables.synthetic, tables.schema, person, rng, most=None)
    copies = [_some(_copied(train, share, rng), tables.schema, person, rng, most=None) for share in PLANTS.values()]
    searched = (synthetic, *copies)
    findings: list[Finding] = []
    for name, scores in (
        ("history", _of_histories((train, holdout), searched, tables.schema)),
        ("person", _of_records((train, holdout), searched, tables.schema, rng)),
    ):
        findings += _findings(name, scores)
    return tuple(findings)


def _none(reason: str) -> tuple[Finding, ...]:
    status = FindingStatus.NOT_APPLICABLE
    return tuple(
        Finding(attack="membership", statistic=f"{name}_{statistic}", status=status, threat=THREAT, note=reason)
        for name in ("history", "person")
        for statistic in PLANTS
    )


def _copied(train: _Side, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """All records of so many of the people, in random order: what is planted goes the way of a synthetic table."""
    chosen = rng.permutation(train.count)[: max(1, round(share * train.count))]
    records = np.flatnonzero(np.isin(train.who, chosen))
    return train.frame.iloc[rng.permutation(records)]


def _several(names: pd.Series) -> bool:
    return int((names.value_counts() > 1).sum()) >= FEWEST_SEVERAL


def _some(
    frame: pd.DataFrame, schema: TableSchema, person: str, rng: np.random.Generator, *, most: int | None = MOST_PEOPLE
) -> _Side:
    """People drawn at random with all of their records. Whoever is not named is a person of their own."""
    who, names = pd.factorize(frame[person], use_na_sentinel=True)
    unnamed = np.flatnonzero(who < 0)
    who[unnamed] = len(names) + np.arange(len(unnamed))
    count = len(names) + len(unnamed)
    if most is not None and count > most:
        place = np.full(count, -1)
        place[rng.permutation(count)[:most]] = np.arange(most)
        kept = place[who] >= 0
        frame, who, count = frame[kept], place[who][kept], most
    # a real table comes in any order, and the synthetic one in that of the generator: a copy has to be the same
    numbers = [as_numbers(frame[name]) for name in ordering(schema)]
    order = np.lexsort((*reversed(numbers), who))
    return _Side(frame=frame.iloc[order], who=who[order].astype(np.intp), count=count)


def ordering(schema: TableSchema) -> list[str]:
    """The columns that a person's records are ordered by: the one that is said to be, dates, then numbers."""
    named, dates = schema.with_role(ColumnRole.ORDER), schema.moments
    found = [*([] if named is None else [named]), *dates, *schema.quantities]
    return list(dict.fromkeys(found))


def _of_histories(people: Pair, searched: tuple[_Side, ...], schema: TableSchema) -> list[ScoresOfBoth]:
    """For each table that is searched the scores of the people of train and of holdout."""
    summed = [np.stack(columns, axis=0) for columns in zip(*_summaries((*people, *searched), schema), strict=True)]
    low, high = np.quantile(np.concatenate(summed[:2], axis=1), [0.01, 0.99], axis=1)
    spread = np.where(high > low, high - low, 1.0)[:, None]
    rows = [Encoded(numbers=(each / spread).astype(np.float32), codes=()) for each in summed]
    return [(_nearness(rows[0], table), _nearness(rows[1], table)) for table in rows[2:]]


def _nearness(people: Encoded, table: Encoded) -> Scores:
    near: Scores = -nearest(people, table, 1).distances[:, 0].astype(np.float64)
    return near


def _summaries(sides: tuple[_Side, ...], schema: TableSchema) -> list[list[NDArray[np.float64]]]:
    """For each thing that sums people up: (people,) of each side."""
    held = [np.bincount(side.who, minlength=side.count) for side in sides]
    found: list[list[NDArray[np.float64]]] = [[np.log(each) for each in held]]
    for spec in schema:
        if not spec.kind.is_learnt:
            continue
        columns = [side.frame[spec.name] for side in sides]
        if spec.kind.is_category:
            often = pd.concat(columns[:2]).value_counts().index[:MOST_CATEGORIES]
            found += [
                [
                    np.bincount(side.who, (column == category).to_numpy(dtype=np.float64), side.count) / each
                    for side, column, each in zip(sides, columns, held, strict=True)
                ]
                for category in often
            ]
            continue
        numbers = [_filled(as_numbers(column)) for column in columns]
        parts = [_of_numbers(side, values, each) for side, values, each in zip(sides, numbers, held, strict=True)]
        found += [list(part) for part in zip(*parts, strict=True)]
    return found


def _filled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    finite = np.isfinite(values)
    filled: NDArray[np.float64] = np.where(finite, values, np.median(values[finite]) if finite.any() else 0.0)
    return filled


def _of_numbers(side: _Side, values: NDArray[np.float64], held: NDArray[np.intp]) -> tuple[NDArray[np.float64], ...]:
    """(people,) mean, first, last and mean step."""
    starts = np.cumsum(held) - held
    first, last = values[starts], values[starts + held - 1]
    mean = np.bincount(side.who, values, side.count) / held
    return mean, first, last, (last - first) / np.maximum(held - 1, 1)


def _of_records(
    people: Pair, searched: tuple[_Side, ...], schema: TableSchema, rng: np.random.Generator
) -> list[ScoresOfBoth]:
    """The same by single records, of which a person counts the mean."""
    each = int(np.clip(DISTANCES // (2 * MOST_PEOPLE * max(len(searched[0].frame), 1)), 1, MOST_EACH))
    few = [_few_each(side, each, rng) for side in people]
    rows = encode([*(side.frame for side in (*few, *searched))], schema, scale_on=2)
    held = [np.bincount(side.who, minlength=side.count) for side in few]

    def mean(number: int, table: Encoded) -> Scores:
        side = few[number]
        summed: Scores = np.bincount(side.who, _nearness(rows[number], table), side.count) / held[number]
        return summed

    return [(mean(0, table), mean(1, table)) for table in rows[2:]]


def _few_each(side: _Side, most: int, rng: np.random.Generator) -> _Side:
    """At most so many records of each person, drawn at random."""
    order = np.lexsort((rng.random(len(side.who)), side.who))
    held = np.bincount(side.who, minlength=side.count)
    turn = np.arange(len(order)) - np.repeat(np.cumsum(held) - held, held)
    kept = order[turn < most]
    return _Side(frame=side.frame.iloc[kept], who=side.who[kept], count=side.count)


def _findings(name: str, scores: list[ScoresOfBoth]) -> list[Finding]:
    """`scores` are those in the synthetic table, then those among what is planted for each of `PLANTS`."""
    train, holdout = scores[0]
    scored = Scored(attack="membership", name=name, train=train, holdout=holdout, threat=THREAT)
    found = []
    for (statistic, share), among in zip(PLANTS.items(), scores[1:], strict=True):
        planted = replace(scored, train=np.maximum(train, among[0]), holdout=np.maximum(holdout, among[1]))
        plain, seen = (
            auc_finding(each) if statistic == "auc" else rate_finding(each, statistic) for each in (scored, planted)
        )
        if seen.value is not None and seen.lower is not None and seen.upper is not None:
            trial = {"planted_auc": seen.value, "planted_lower": seen.lower, "planted_upper": seen.upper}
            plain = replace(plain, details={**plain.details, **trial, PLANTED_SHARE: share})
        found.append(plain)
    return found
