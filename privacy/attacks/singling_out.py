"""A10: do descriptions that fit exactly one synthetic record fit exactly one person, more often than by chance?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice, zip_longest

import numpy as np
from numpy.typing import NDArray

from privacy.about import About, Question
from privacy.columns import Place, usable
from privacy.distance import Codes, Encoded, Numbers
from privacy.evidence import Evidence
from privacy.finding import Finding
from privacy.plants import Plant
from privacy.residual import Tries, not_applicable, risk_finding

ABOUT = About(
    title="Singling out",
    question=Question.SINGLING_OUT,
    statistics={
        "univariate": "by one column",
        "multivariate": "by two to four columns",
        "pooled": "by one to four columns",
    },
    plants=(Plant.COPIED_5, Plant.COPIED_10),
)

MOST_PREDICATES = 4_500
MOST_TRIED = 60_000
TRIED_PER_RECORD = 20
MOST_SYNTHETIC = 20_000
MOST_COLUMNS = 4
THREAT = (
    "An attacker holds the synthetic file alone, and describes one person by what is unique in it ({how}); "
    "whoever fits the description is singled out where nobody else fits."
)

Mask = NDArray[np.bool_]
Index = NDArray[np.intp]


class Relation(StrEnum):
    """How a cell must relate to the value of a clause."""

    EQUAL = "equal"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    MISSING = "missing"


COMPARE: Mapping[Relation, Callable[[NDArray[np.float32], np.float32], Mask]] = {
    Relation.EQUAL: np.equal,
    Relation.AT_LEAST: np.greater_equal,
    Relation.AT_MOST: np.less_equal,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Clause:
    """A condition on one column. For a category the value is its code, for a number its scaled value."""

    place: Place
    relation: Relation
    value: float


Predicate = tuple[Clause, ...]
"""Clauses on different columns that must all hold."""


def singling_out(evidence: Evidence, rng: np.random.Generator) -> tuple[Finding, ...]:
    """The residual risks `singling_out.univariate`, `.multivariate` and `.pooled` (both together).

    Predicates are built from the synthetic table so that each fits exactly one of its records (the idea: Giomi et al.
    2023, section 3.2); a predicate succeeds where it fits exactly one of the n people of train under attack, and the
    control counts those that fit exactly one of the n people of holdout. Both sides are equally large, so no success
    rate has to be carried over to another size, and rates are per predicate found, not per predicate asked for.

    Univariate: a value that occurs once, a number at or beyond the only smallest or largest, the only missing cell.
    Multivariate: a record drawn at random and 2 to 4 of its columns; categories must be equal, and so must numbers
    that another synthetic record has too; other numbers at or beyond the record's, on the side away from the median;
    missing cells missing.

    The interval takes the two rates as independent although the same predicates are tried on both sides: what makes a
    description narrow makes it so on both, so they go together and the interval is too wide rather than too narrow.
    Predicates that hit the same person stand or fall together, for which the design effect accounts. People of train
    who are not under attack are not seen: their share is `details["train_not_under_attack"]`.
    """
    n = min(len(evidence.train), len(evidence.holdout))
    columns = usable(evidence.columns)
    sides = tuple(searched(people.take(np.arange(n)), columns) for people in (evidence.train, evidence.holdout))
    rows = evidence.synthetic.take(rng.permutation(len(evidence.synthetic))[:MOST_SYNTHETIC])
    more = {"train_not_under_attack": max(0.0, 1 - n / len(evidence.train_keys))}
    one = univariate_predicates(rows, columns, rng)
    univariate = _finding("univariate", "one column", one, sides, more)
    if len(columns) < 2:
        threat = THREAT.format(how="2 columns or more")
        reason = "The table has only one column that is not an identifier."
        return univariate, *(
            not_applicable("singling_out", name, threat, reason) for name in ("multivariate", "pooled")
        )
    several = multivariate_predicates(rows, columns, rng)
    multivariate = _finding("multivariate", f"2 to {MOST_COLUMNS} columns", several, sides, more)
    return univariate, multivariate, _finding("pooled", f"1 to {MOST_COLUMNS} columns", [*one, *several], sides, more)


def _finding(
    statistic: str, how: str, predicates: list[Predicate], sides: tuple[Searched, ...], more: dict[str, float]
) -> Finding:
    found = [np.array([only_match(people, predicate) for predicate in predicates], dtype=np.intp) for people in sides]
    hits, control = (int((who >= 0).sum()) for who in found)
    effect = _design_effect(found)
    return risk_finding(
        "singling_out",
        statistic,
        Tries(hits=hits, n=len(predicates), control_hits=control, control_n=len(predicates)),
        threat=THREAT.format(how=how),
        details={"predicates": float(len(predicates)), "design_effect": effect, **more},
        design_effect=effect,
    )


def _design_effect(found: list[NDArray[np.intp]]) -> float:
    """The sum of the squared numbers of hits per person over the sum of the numbers (Kish 1965, section 8.2)."""
    times = np.concatenate([np.unique(who[who >= 0], return_counts=True)[1] for who in found])
    return float((times**2).sum() / times.sum()) if times.size else 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class InOrder:
    """The records of a table by what they hold in one column: those that fit a clause lie side by side."""

    values: Numbers | Codes
    """Ascending, missing numbers left out"""
    order: Index
    """The records that hold them"""
    missing: Index
    """The records without a number"""

    def fits(self, clause: Clause) -> Index:
        """The records that fit a clause on this column."""
        if clause.relation is Relation.MISSING:
            return self.missing
        value = self.values.dtype.type(clause.value)
        begin = 0 if clause.relation is Relation.AT_MOST else self.values.searchsorted(value, side="left")
        end = None if clause.relation is Relation.AT_LEAST else self.values.searchsorted(value, side="right")
        return self.order[begin:end]


@dataclass(frozen=True, kw_only=True, slots=True)
class Searched:
    """A table in which records are looked for."""

    rows: Encoded
    columns: Mapping[str, InOrder]

    def __len__(self) -> int:
        return len(self.rows)


def searched(rows: Encoded, columns: tuple[Place, ...]) -> Searched:
    """The table with each of the columns in order."""
    found = {}
    for place in columns:
        held = rows.codes[place.code or 0] if place.number is None else rows.numbers[place.number]
        gone = _missing(rows, place)
        there = np.flatnonzero(~gone & ~np.isnan(held))
        order = there[np.argsort(held[there], kind="stable")]
        found[place.name] = InOrder(values=held[order], order=order, missing=np.flatnonzero(gone))
    return Searched(rows=rows, columns=found)


def _missing(rows: Encoded, place: Place) -> Mask:
    """Per record whether its number is missing; a missing category is a category."""
    if place.number is None or place.code is None:
        return np.zeros(len(rows), dtype=np.bool_)
    missing: Mask = np.not_equal(rows.codes[place.code], 0)
    return missing


def matches(rows: Encoded, clause: Clause, among: Index) -> Mask:
    """Per record, of those at `among`, whether the clause holds. A missing number fits only what asks for missing."""
    place = clause.place
    flags = None if place.code is None else rows.codes[place.code][among]
    if place.number is None:
        fits: Mask = np.equal(rows.codes[place.code or 0][among], int(clause.value))
        return fits
    numbers = rows.numbers[place.number, among]
    if clause.relation is Relation.MISSING:
        return np.zeros(len(numbers), dtype=np.bool_) if flags is None else flags != 0
    holds: Mask = COMPARE[clause.relation](numbers, np.float32(clause.value))
    return holds if flags is None else holds & (flags == 0)


def only_match(table: Searched, predicate: Predicate) -> int:
    """The position of the one record that fits the predicate, or -1 where none or several do."""
    fits = [table.columns[clause.place.name].fits(clause) for clause in predicate]
    fewest = min(range(len(fits)), key=lambda i: fits[i].size)
    left = fits[fewest]
    for i, clause in enumerate(predicate):
        if i != fewest and left.size:
            left = left[matches(table.rows, clause, left)]
    return int(left[0]) if left.size == 1 else -1


def univariate_predicates(rows: Encoded, columns: tuple[Place, ...], rng: np.random.Generator) -> list[Predicate]:
    """At most MOST_PREDICATES predicates of one clause, taken from the columns in turn, in each in random order."""
    queues = []
    for place in columns:
        clauses = _unique(rows, place)
        queues.append([clauses[i] for i in rng.permutation(len(clauses))[:MOST_PREDICATES]])
    in_turn = (clause for clauses in zip_longest(*queues) for clause in clauses if clause is not None)
    return [(clause,) for clause in islice(in_turn, MOST_PREDICATES)]


def _unique(rows: Encoded, place: Place) -> list[Clause]:
    """The clauses on this column that fit exactly one record."""
    if place.number is None:
        values, times = np.unique(rows.codes[place.code or 0], return_counts=True)
        return [Clause(place=place, relation=Relation.EQUAL, value=float(v)) for v in values[times == 1]]
    missing = _missing(rows, place)
    clauses = [Clause(place=place, relation=Relation.MISSING, value=0.0)] if missing.sum() == 1 else []
    values, times = np.unique(rows.numbers[place.number][~missing], return_counts=True)
    clauses += [Clause(place=place, relation=Relation.EQUAL, value=float(v)) for v in values[times == 1]]
    if values.size and times[0] == 1:
        clauses.append(Clause(place=place, relation=Relation.AT_MOST, value=float(values[0])))
    if values.size and times[-1] == 1:
        clauses.append(Clause(place=place, relation=Relation.AT_LEAST, value=float(values[-1])))
    return clauses


def multivariate_predicates(rows: Encoded, columns: tuple[Place, ...], rng: np.random.Generator) -> list[Predicate]:
    """At most MOST_PREDICATES different predicates of 2 to 4 clauses, out of at most MOST_TRIED that are tried."""
    most, tried = min(MOST_COLUMNS, len(columns)), min(MOST_TRIED, TRIED_PER_RECORD * len(rows))
    records = rng.integers(0, len(rows), tried)
    sizes = rng.integers(2, most + 1, tried)
    repeated, middle = _repeated(rows), np.median(rows.numbers, axis=1)
    table, found = searched(rows, columns), dict[Predicate, None]()
    for record, size in zip(records.tolist(), sizes, strict=True):
        drawn = np.sort(rng.permutation(len(columns))[:size])
        predicate = tuple(_clause(rows, columns[i], record, repeated, middle) for i in drawn)
        if only_match(table, predicate) == record:
            found[predicate] = None
        if len(found) == MOST_PREDICATES:
            break
    return list(found)


def _repeated(rows: Encoded) -> Mask:
    """Per number whether another record has the same in that column."""
    repeated = np.zeros(rows.numbers.shape, dtype=np.bool_)
    for column, numbers in enumerate(rows.numbers):
        _, where, times = np.unique(numbers, return_inverse=True, return_counts=True)
        repeated[column] = times[where] > 1
    return repeated


def _clause(rows: Encoded, place: Place, record: int, repeated: Mask, middle: NDArray[np.floating]) -> Clause:
    if place.number is None:
        return Clause(place=place, relation=Relation.EQUAL, value=float(rows.codes[place.code or 0][record]))
    if place.code is not None and rows.codes[place.code][record]:
        return Clause(place=place, relation=Relation.MISSING, value=0.0)
    value = float(rows.numbers[place.number, record])
    relation = Relation.AT_LEAST if value > middle[place.number] else Relation.AT_MOST
    if repeated[place.number, record]:
        relation = Relation.EQUAL
    return Clause(place=place, relation=relation, value=value)
