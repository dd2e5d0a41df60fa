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

from privacy.distance import Encoded, as_numbers, encode, nearest
from privacy.evidence import Evidence
from privacy.finding import PLANTED_SHARE, Finding
from privacy.scores import ASKS, Scored, Scores, auc_finding, rate_finding
from synth.table.schema import ColumnKind, ColumnRole, TableSchema

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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Side:
    """Some people of one table."""

    frame: pd.DataFrame
    """All of their records, person after person, in an order that does not depend on where they stand in the table"""
    who: Places
    """(records,) a number for each person"""
    count: int


def people(evidence: Evidence, rng: np.random.Generator) -> tuple[Finding, ...]:
    """`membership.history_*` and `membership.person_*`; nothing where no person has several records.

    `history`: score = -d(person, S), the distance of what sums a person up (how many records there are; of each number
    the mean, the first, the last and the mean step, records ordered as the schema says, or by dates, then numbers; of
    each category its share) to the nearest synthetic person.
    `person`: the mean over a person's records of -d1(record, S). Of each the AUC (DeLong) and the true-positive rate at
    1 % false positives, with what they are where whole histories are planted into the synthetic table (`planted_*`).
    """
    tables = evidence.tables
    person = None if tables is None else tables.schema.with_role(ColumnRole.PERSON)
    if tables is None or person is None or not _several(tables.train[person]):
        return ()
    train, holdout = (_some(frame, tables.schema, person, rng) for frame in (tables.train, tables.holdout))
    if min(train.count, holdout.count) < FEWEST_PEOPLE:
        return ()
    synthetic = _some(tables.synthetic, tables.schema, person, rng, most=None)
    findings: list[Finding] = []
    for name, scores in (
        ("history", _of_histories((train, holdout, synthetic), tables.schema)),
        ("person", _of_records((train, holdout, synthetic), tables.schema, rng)),
    ):
        findings += _findings(name, *scores, rng)
    return tuple(findings)


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
    numbers = [as_numbers(frame[name]) for name in _ordering(schema)]
    order = np.lexsort((*reversed(numbers), who))
    return _Side(frame=frame.iloc[order], who=who[order].astype(np.intp), count=count)


def _ordering(schema: TableSchema) -> list[str]:
    """The columns that a person's records are ordered by: the one that is said to be, dates, then numbers."""
    named, dates = schema.with_role(ColumnRole.ORDER), schema.of_kind(ColumnKind.DATETIME)
    found = [*([] if named is None else [named]), *dates, *schema.of_kind(ColumnKind.NUMERICAL)]
    return list(dict.fromkeys(found))


def _of_histories(sides: tuple[_Side, _Side, _Side], schema: TableSchema) -> tuple[Scores, Scores]:
    summed = [np.stack(columns, axis=0) for columns in zip(*_summaries(sides, schema), strict=True)]
    real = np.concatenate(summed[:2], axis=1)
    low, high = np.quantile(real, [0.01, 0.99], axis=1)
    spread = np.where(high > low, high - low, 1.0)[:, None]
    train, holdout, synthetic = (Encoded(numbers=(each / spread).astype(np.float32), codes=()) for each in summed)
    return tuple(-nearest(side, synthetic, 1).distances[:, 0].astype(np.float64) for side in (train, holdout))  # type: ignore[return-value]


def _summaries(sides: tuple[_Side, ...], schema: TableSchema) -> list[list[NDArray[np.float64]]]:
    """For each thing that sums people up: (people,) of each side."""
    held = [np.bincount(side.who, minlength=side.count) for side in sides]
    found: list[list[NDArray[np.float64]]] = [[np.log(each) for each in held]]
    for spec in schema:
        if spec.kind is ColumnKind.IDENTIFIER:
            continue
        columns = [side.frame[spec.name] for side in sides]
        if spec.kind is ColumnKind.CATEGORICAL:
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
    sides: tuple[_Side, _Side, _Side], schema: TableSchema, rng: np.random.Generator
) -> tuple[Scores, Scores]:
    each = int(np.clip(DISTANCES // (2 * MOST_PEOPLE * max(len(sides[2].frame), 1)), 1, MOST_EACH))
    few = [_few_each(side, each, rng) for side in sides[:2]]
    encoded = encode([*(side.frame for side in few), sides[2].frame], schema, scale_on=2)
    found = []
    for side, rows in zip(few, encoded, strict=False):
        near = nearest(rows, encoded[2], 1).distances[:, 0].astype(np.float64)
        found.append(-np.bincount(side.who, near, side.count) / np.bincount(side.who, minlength=side.count))
    return found[0], found[1]


def _few_each(side: _Side, most: int, rng: np.random.Generator) -> _Side:
    """At most so many records of each person, drawn at random."""
    order = np.lexsort((rng.random(len(side.who)), side.who))
    held = np.bincount(side.who, minlength=side.count)
    turn = np.arange(len(order)) - np.repeat(np.cumsum(held) - held, held)
    kept = order[turn < most]
    return _Side(frame=side.frame.iloc[kept], who=side.who[kept], count=side.count)


def _findings(name: str, train: Scores, holdout: Scores, rng: np.random.Generator) -> list[Finding]:
    scored = Scored(attack="membership", name=name, train=train, holdout=holdout, threat=THREAT)
    found = []
    for statistic, share in PLANTS.items():
        planted = replace(scored, train=_with_copies(train, share, rng))
        plain, seen = (
            auc_finding(each) if statistic == "auc" else rate_finding(each, statistic) for each in (scored, planted)
        )
        if seen.value is not None and seen.lower is not None and seen.upper is not None:
            trial = {"planted_auc": seen.value, "planted_lower": seen.lower, "planted_upper": seen.upper}
            plain = replace(plain, details={**plain.details, **trial, PLANTED_SHARE: share})
        found.append(plain)
    return found


def _with_copies(scores: Scores, share: float, rng: np.random.Generator) -> Scores:
    """The scores had so many of the people been copied as they are: nobody is nearer to the table than they."""
    planted = scores.copy()
    planted[rng.permutation(len(scores))[: max(1, round(share * len(scores)))]] = 0.0
    return planted
