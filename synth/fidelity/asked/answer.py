"""Answers questions from real and synthetic records, and says which hold within their tolerance.

Real are the records of train and holdout together: the people of both are who the table is about, and to an analyst a
generator that fits train alone is no better than one that fits nobody. Reference stays with the attacks.

The answers are figures on real people. Nothing is answered of fewer than 20, nor what would give the answer on fewer by
subtraction within one question; figures are rounded to their own noise (`rounding`), which one person hardly moves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.fidelity.asked.aggregate import Aggregate, Function, Term, Tolerance, check_asked, is_date
from synth.fidelity.asked.estimate import (
    FEWEST_PEOPLE,
    Estimate,
    Floats,
    Owners,
    Refusal,
    Sample,
    difference,
    estimate,
)
from synth.fidelity.asked.rounding import rounded
from synth.fidelity.frames import MISSING_LABEL, align
from synth.protection import HOLDERS
from synth.table.ranges import as_number, category_meant
from synth.table.schema import ColumnRole, TableSchema

MOST_GROUPS = 50
"""Of a question, those with most real people."""
DAY = 86_400.0
MISSING = "(missing)"
ALL = ""
"""The group of a question that names no groups."""
Labels = NDArray[np.object_]
SMALLEST_NOISE = 1e-9
"""The width of an interval, as a share of the figure itself: below it, it is the noise of doubles."""
_Pair = tuple[Estimate, Estimate, tuple[float, float]]
HOLDS, FAILS, OPEN, UNANSWERED = "holds", "does_not_hold", "cannot_be_told", "not_answered"
"""The interval of the difference lies within the tolerance, outside of it, across its end; or there is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """One number of both tables. Numbers are None, and a reason is there, where it was not answered."""

    group: str
    """The category of the question's `by`; empty where it has none."""
    term: str
    """What the coefficient of a regression belongs to; empty for all other questions."""
    outcome: str
    real: float | None = None
    synthetic: float | None = None
    difference: float | None = None
    """Synthetic minus real."""
    lower: float | None = None
    upper: float | None = None
    """`lower` to `upper` is the 95 % interval of the difference."""
    tolerance: float | None = None
    """How far the difference may lie from 0, in the answer's unit."""
    real_people: int | None = None
    """Down to a multiple of five: the next question may be on all of them but one, who misses a value."""
    synthetic_records: int | None = None
    at_least: int | None = None
    """Real people, at least, behind each part of the answer, 5 or 20: parts of a share are those with and without the
    value. More is not told, for the exact number would undo the rounding."""
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """One question with its answers: one for each group and each coefficient."""

    text: str
    function: str
    by: str
    unit: str
    """`number`, `share` or `date`: days since 1970, differences in days."""
    tolerance: float
    relative: bool
    answers: tuple[Answer, ...]
    groups_left_out: int
    """How many groups have fewer than 20 real people, or are kept back so that those cannot be worked out."""
    groups_cut: int
    """How many further groups there are beyond the 50 largest."""

    def to_json(self) -> dict[str, object]:
        """The question and its answers as JSON values."""
        return asdict(self)


def answer(
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    synthetic: pd.DataFrame,
    schema: TableSchema,
    aggregates: Iterable[Aggregate],
    *,
    tolerance: float,
) -> tuple[Asked, ...]:
    """Each question with its answers. `tolerance` is for those that name none.

    Raises AskedError where a question does not fit the schema, TableError where a table lacks a column or all records.
    """
    aggregates = tuple(aggregates)
    check_asked(aggregates, schema)
    if not aggregates:
        return ()
    named = {name for aggregate in aggregates for name in aggregate.columns}
    used = TableSchema(columns=tuple(spec for spec in schema if spec.name in named))
    aligned = align(train, holdout, synthetic, used)
    person = schema.with_role(ColumnRole.PERSON)
    tables = _Tables(
        frames=(pd.concat([aligned.train, aligned.holdout], ignore_index=True), aligned.synthetic),
        owners=(_owners([train, holdout], person), _owners([synthetic], person)),
        schema=schema,
    )
    return tuple(_asked(tables, each, each.tolerance(tolerance)) for each in aggregates)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tables:
    """The real and the synthetic records, in this order."""

    frames: tuple[pd.DataFrame, pd.DataFrame]
    owners: tuple[Owners, Owners]
    """(records,) each, whose each record is"""
    schema: TableSchema


def _owners(frames: Sequence[pd.DataFrame], person: str | None) -> Owners:
    """Whose each record is. One without a person is a person of its own."""
    if person is None:
        return np.arange(sum(map(len, frames)), dtype=np.int64)
    names = pd.concat([frame[person] for frame in frames], ignore_index=True)
    numbers = pd.factorize(names)[0].astype(np.int64)
    return np.where(numbers < 0, len(names) + np.arange(len(names)), numbers)


def _asked(tables: _Tables, aggregate: Aggregate, meant: Tolerance) -> Asked:
    dates = is_date(aggregate, tables.schema)
    meanings = {term: _meant(tables.frames[0], term, tables.schema) for term in aggregate.values}
    sides = [
        _Side(frame, owners, aggregate, meanings, dates)
        for frame, owners in zip(tables.frames, tables.owners, strict=True)
    ]
    shown, left_out = _kept(sides[0].sizes()) if aggregate.by is not None else ([ALL], 0)
    answers = [each for group in shown[:MOST_GROUPS] for each in _answers(aggregate, group, sides, meant)]
    return Asked(
        text=aggregate.text,
        function=aggregate.function.value,
        by=aggregate.by or "",
        unit="date" if dates else "share" if aggregate.function is Function.SHARE else "number",
        tolerance=meant.size,
        relative=meant.relative,
        answers=tuple(answers),
        groups_left_out=left_out,
        groups_cut=max(len(shown) - MOST_GROUPS, 0),
    )


class _Side:
    """The records of one table that a question reads: those in which nothing that it asks for is missing."""

    def __init__(
        self,
        frame: pd.DataFrame,
        owners: Owners,
        aggregate: Aggregate,
        meanings: Mapping[Term, object],
        dates: bool,
    ) -> None:
        columns = [_numbers(frame[term.column], term, meanings) / (DAY if dates else 1.0) for term in aggregate.terms]
        known = ~np.isnan(np.column_stack(columns)).any(axis=1)
        self.columns = [column[known] for column in columns]
        self.owners = owners[known]
        labels = np.full(len(frame), ALL, dtype=object) if aggregate.by is None else _labels(frame[aggregate.by])
        self.places, self.groups = pd.factorize(labels[known])

    def sizes(self) -> pd.Series:
        """How many people each group has, the largest first."""
        people = pd.DataFrame({"group": self.places, "who": self.owners}).drop_duplicates()
        counts = people["group"].value_counts()
        return counts.set_axis(self.groups[counts.index])

    def sample(self, group: str) -> Sample:
        """The records of one group."""
        met = self.places == next(iter(np.flatnonzero(self.groups == group)), -1)
        owners = np.unique(self.owners[met], return_inverse=True)[1].astype(np.int64)
        return Sample(columns=tuple(column[met] for column in self.columns), owners=owners)


def _meant(real: pd.DataFrame, term: Term, schema: TableSchema) -> object | None:
    """The value as the real table has it; None where it has none like it."""
    if schema[term.column].kind.is_category:
        return category_meant(real[term.column].unique(), str(term.value))
    return as_number(str(term.value))


def _numbers(column: pd.Series, term: Term, meanings: Mapping[Term, object]) -> Floats:
    """(records,) the numbers of a term; NaN where its column is missing."""
    if term.value is None:
        return column.to_numpy(dtype=np.float64)
    met = (column == meanings[term]).to_numpy(dtype=np.float64)
    return np.where(column.isna() | (column == MISSING_LABEL), np.nan, met)


def _labels(column: pd.Series) -> Labels:
    if column.dtype == object:
        return column.where(column != MISSING_LABEL, MISSING).to_numpy(dtype=object)
    return column.map(lambda value: MISSING if np.isnan(value) else f"{value:.12g}").to_numpy(dtype=object)


def _kept(sizes: pd.Series) -> tuple[list[str], int]:
    """(the groups that are answered, the largest first; how many are not).

    Those of fewer than 20 people are not. Where they have fewer than 20 people even together, all others would give
    their answer away to whoever knows the one on everybody: then the next larger groups stay out as well.
    """
    kept = [str(group) for group, people in sizes.items() if people >= FEWEST_PEOPLE]
    hidden = int(sizes[sizes < FEWEST_PEOPLE].sum())
    while kept and 0 < hidden < FEWEST_PEOPLE:
        hidden += int(sizes[kept.pop()])
    return kept, len(sizes) - len(kept)


def _answers(aggregate: Aggregate, group: str, sides: Sequence[_Side], meant: Tolerance) -> Iterator[Answer]:
    names = [""]
    if aggregate.function is Function.REGRESSION:
        names = ["intercept", *(f"slope of {term}" for term in aggregate.terms[1:])]
    real, synthetic = samples = [side.sample(group) for side in sides]
    reason, pairs = _measured(aggregate, samples)
    if reason:
        # one row says it for all coefficients
        yield Answer(group=group, term="", outcome=UNANSWERED, reason=reason)
        return
    at_least = _at_least(aggregate, real)
    for name, pair in zip(names, pairs, strict=True):
        figures = rounded(*pair)
        allowed = float(f"{meant.size * abs(figures.real):.6g}") if meant.relative else meant.size
        yield Answer(
            group=group,
            term=name,
            outcome=_outcome(figures.lower, figures.upper, allowed),
            real=figures.real,
            synthetic=figures.synthetic,
            difference=figures.difference,
            lower=figures.lower,
            upper=figures.upper,
            tolerance=allowed,
            real_people=real.people // HOLDERS * HOLDERS,
            synthetic_records=len(synthetic.owners),
            at_least=at_least,
        )


def _measured(aggregate: Aggregate, samples: Sequence[Sample]) -> tuple[str, list[_Pair]]:
    """(why there is no answer, or nothing; of each number the estimates of real and synthetic, and the difference)"""
    found = []
    smooth = min(sample.people for sample in samples)
    for where, sample in zip(("real", "synthetic"), samples, strict=True):
        with np.errstate(all="ignore"):  # what overflows is no answer, see below
            estimates = estimate(aggregate, sample, real=where == "real", smooth=smooth)
        if isinstance(estimates, Refusal):
            return f"The {where} table has {estimates.reason} here.", []
        found.append(estimates)
    pairs = [(ours, theirs, difference(ours, theirs)) for ours, theirs in zip(*found, strict=True)]
    # a quantile amid equal values has no noise; any other figure has, or all people are the same in it
    if not all(_is_known(*pair, exact=aggregate.part is not None) for pair in pairs):
        return "No noise of this answer can be measured here, so nothing can be said of the difference.", []
    return "", pairs


def _is_known(real: Estimate, synthetic: Estimate, interval: tuple[float, float], *, exact: bool) -> bool:
    """Whether all figures are finite, and the interval, unless it may be `exact`, wider than the noise of doubles."""
    low, high = interval
    size = max(abs(real.value), abs(synthetic.value))
    return bool(np.isfinite([size, low, high]).all()) and (exact or high - low > size * SMALLEST_NOISE)


def _at_least(aggregate: Aggregate, real: Sample) -> int:
    counts = [real.people]
    for term, column in zip(aggregate.terms, real.columns, strict=True):
        if term.value is not None:
            counts += [real.having(column == 1), real.having(column == 0)]
    return FEWEST_PEOPLE if min(counts) >= FEWEST_PEOPLE else HOLDERS


def _outcome(lower: float, upper: float, allowed: float) -> str:
    if -allowed <= lower and upper <= allowed:
        return HOLDS
    return FAILS if lower > allowed or upper < -allowed else OPEN
