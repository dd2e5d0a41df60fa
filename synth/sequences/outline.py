"""How a table's records belong together: whose they are, in which order, and which columns are the person's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.errors import TableError
from synth.table.histories import has_histories, is_constant
from synth.table.schema import ColumnRole, ColumnSpec, TableSchema
from synth.table.source import TableSource
from synth.table.values import parse

FALLS = 0.001
"""Dates order records where they fall in this share of a person's steps at most, on average over people (`_usual`)."""
NEARLY = 0.1
"""Of several columns of dates one orders records where it falls between this share of them at most."""

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Outline:
    """The people of a table, and what its columns are to them."""

    person: str
    order: str | None
    """The column that the records of a person are ordered by; None where they stand in order in the table"""
    constant: tuple[str, ...]
    """Columns that do not change for a person, in the schema's order; without the person column"""
    ascending: tuple[str, ...]
    """Quantities that never fall from one record to the next, the order column first"""
    varying: tuple[str, ...]
    """All other columns"""
    rows: Places
    """(records,) places in the table: person after person, the records of each in order"""
    starts: Places
    """(people,) where in `rows` each person begins"""
    unnamed: int
    """Records that do not say whom they are about; they are in nobody's rows"""
    unordered: int
    """Further records that are in nobody's rows: they miss a value that orders the records, as few people's do"""

    @property
    def counts(self) -> Places:
        """(people,) records of each."""
        return np.diff(self.starts, append=len(self.rows))

    @property
    def first(self) -> Places:
        """(people,) the place of each person's first record."""
        return self.rows[self.starts]

    @property
    def who(self) -> Places:
        """(records,) the person of each of `rows`, numbered."""
        return np.repeat(np.arange(len(self.starts)), self.counts)


def owners_of(column: pd.Series) -> Places:
    """(records,) a number for each person, -1 where a record does not say whom it is about; empty text is nobody."""
    named = column.mask(column == "") if column.dtype == object else column
    return pd.factorize(named, use_na_sentinel=True)[0].astype(np.int64)


def stored_code(column: pd.Series) -> Places:
    """(records,) a number for each distinct value, -1 where it is missing."""
    return pd.factorize(column, use_na_sentinel=True)[0].astype(np.int64)


def counted(column: pd.Series, spec: ColumnSpec) -> Numbers:
    """(records,) numbers, or microseconds since 1970; NaN where there is no value."""
    values = parse(column, spec).values if spec.is_written else column
    if spec.kind.is_moment:
        moments = pd.to_datetime(values).to_numpy().astype("datetime64[us]")
        return np.where(np.isnat(moments), np.nan, moments.astype(np.int64).astype(np.float64))
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def find_outline(table: TableSource, schema: TableSchema, least: int) -> Outline | None:
    """The outline of a table; None where no column names people, or too few of them have several records.

    Fewer than `least` people who break a rule do not undo it: where they alone miss values that order records, these
    records are left out. Raises TableError where more people miss a value of the order column.
    """
    person = schema.with_role(ColumnRole.PERSON)
    if person is None:
        return None
    owner = owners_of(table.column(person))
    held = np.bincount(owner[owner >= 0])
    if not has_histories(int((held > 1).sum()), least):
        return None
    rows = np.argsort(owner, kind="stable")[int((owner < 0).sum()) :]
    starts = np.r_[0, np.cumsum(held)[:-1]].astype(np.int64)
    pairs = _follows(starts, len(rows))
    constant = _constant(table, schema, rows, starts, held > 1, least)
    quantities = {
        spec.name: counted(table.column(spec.name), spec)
        for spec in schema
        if spec.kind.is_quantity and spec.name not in constant
    }
    lacking = {name: owner[rows][np.isnan(values[rows])] for name, values in quantities.items()}
    complete = {name: values for name, values in quantities.items() if len(np.unique(lacking[name])) < least}
    order = schema.with_role(ColumnRole.ORDER)
    if order is not None and order in quantities and order not in complete:
        raise TableError(
            f"column {order!r}: expected a value in every record, as it orders the records of a person, but for "
            f"those of {least - 1} people at most; remove records without one, or name another column"
        )
    if order not in complete:
        order = _find_order(schema, complete, rows, pairs, owner[rows], least)
    if order is not None:
        rows = rows[np.lexsort((np.arange(len(rows)), complete[order][rows], owner[rows]))]
    ascending = [name for name, values in complete.items() if _ascends(values[rows], pairs, owner[rows], least)]
    if order is not None:
        ascending = [order, *(name for name in ascending if name != order)]
    absent = np.zeros(len(rows), dtype=np.bool_)
    for name in ascending:
        absent |= np.isnan(complete[name][rows])
    ordered = rows[~absent]
    starts = np.flatnonzero(np.diff(owner[ordered], prepend=-1)).astype(np.int64)
    return Outline(
        person=person,
        order=order,
        constant=tuple(name for name in schema.names if name in constant and name != person),
        ascending=tuple(ascending),
        varying=tuple(n for n in schema.names if n not in constant and n not in ascending and n != person),
        rows=ordered,
        starts=starts,
        unnamed=int((owner < 0).sum()),
        unordered=len(rows) - len(ordered),
    )


def _follows(starts: Places, records: int) -> NDArray[np.bool_]:
    """(records,) whether each is of the same person as the one before."""
    follows = np.ones(records, dtype=np.bool_)
    follows[starts] = False
    return follows


def _constant(
    table: TableSource, schema: TableSchema, rows: Places, starts: Places, several: NDArray[np.bool_], least: int
) -> frozenset[str]:
    """Columns that change for few people, or for so few that they must not decide what is learnt."""
    found = set()
    for name in schema.names:
        value = stored_code(table.column(name))[rows]
        kept = np.minimum.reduceat(value, starts) == np.maximum.reduceat(value, starts)
        if is_constant(int((~kept[several]).sum()), int(several.sum()), least):
            found.add(name)
    return frozenset(found)


def _find_order(
    schema: TableSchema,
    complete: Mapping[str, Numbers],
    rows: Places,
    pairs: NDArray[np.bool_],
    owner: Places,
    least: int,
) -> str | None:
    """The first column of dates that never falls, the only one, or one that hardly falls; else a number that rises."""
    steps = {name: np.diff(values[rows], prepend=0.0) for name, values in complete.items()}
    dates = [name for name in schema.moments if name in steps]
    falls = {name: _usual(steps[name] < 0, pairs, owner, least) for name in dates}
    sure = [name for name in dates if falls[name] <= FALLS]
    if sure:
        return sure[0]
    if len(dates) == 1:
        return dates[0]
    nearly = [name for name in dates if falls[name] <= NEARLY]
    if nearly:
        return nearly[0]
    rising = (name for name in steps if name not in dates and not _usual(steps[name] <= 0, pairs, owner, least))
    return next(rising, None)


def _usual(odd: NDArray[np.bool_], pairs: NDArray[np.bool_], owner: Places, least: int) -> float:
    """What part of a person's steps is odd, on average over people, but for the `least` - 1 with most that are."""
    _, who = np.unique(owner[pairs], return_inverse=True)
    if not len(who):
        return 0.0
    shares = np.bincount(who, odd[pairs]) / np.bincount(who)
    return float(np.sort(shares)[: len(shares) - least + 1].sum() / len(shares))


def _ascends(values: Numbers, pairs: NDArray[np.bool_], owner: Places, least: int) -> bool:
    """Whether values fall for fewer than `least` people, however often."""
    falls = (np.diff(values, prepend=0.0) < 0) & pairs
    return len(np.unique(owner[falls])) < least
