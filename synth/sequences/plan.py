"""What a record is drawn by: the features of its person and of the records before, and the order of its columns."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synth.encode.base import ColumnEncoder
from synth.encode.datetime import UNITS
from synth.encode.numeric import NumericEncoder
from synth.encode.table_encoder import TableEncoder
from synth.sequences.levels import Levels, levels_of
from synth.sequences.rises import Ints, Numbers, numbers_of, parts_of

MOST_PACE = 2**40
WATCHED = 7
"""Categories of a column of which is known how often a person had them, at most. A column of no more is never drawn as
somewhere before: these shares say it better."""
MOST_BACK = 64
"""Records before in which one like this is looked for."""
OF_DAYS, OF_TIMES = 3, 4
"""Parts of the calendar of days, and of times."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """One thing that is drawn for each record: a column or, after a first record, a part of how one rises."""

    name: str
    """Of the column"""
    place: int
    """Which encoded column it is"""
    number: int
    """Which of the plan's columns it is"""
    seen: int
    """Features that it is drawn by: the first so many"""
    levels: Levels
    """Of what is drawn"""
    part: str | None
    """Which part of a rise; None for a column that is drawn as a whole"""
    feature: int
    """Where its level stands among the features"""
    last: bool
    """Whether all is drawn of the column with it"""

    @property
    def size(self) -> int:
        """Levels that may be drawn; of a column that is drawn as a whole the last two say: as somewhere before."""
        return self.levels.size + (2 if self.part is None else 0)

    @property
    def same(self) -> int:
        """The level that says: as in the record before."""
        return self.levels.size

    @property
    def again(self) -> int:
        """The level that says: as in an earlier record of the person; of a quantity, in the last one like this."""
        return self.levels.size + 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column that changes from record to record."""

    name: str
    place: int
    levels: Levels
    feature: int
    """Where its level stands among the features, once it is drawn"""
    calendar: int
    """Parts of the calendar that follow there: of the column that orders records, where it holds dates"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The features of a record, in their order, and what is drawn of it.

    First stand those that are known before a record is drawn: the levels of constant columns; the number of the record,
    how many follow, and the room that is left for each of these; the levels of the record before, and of how it came
    from the one before; the mean levels of all before; the calendar of the record before. Then all that is drawn.
    """

    constant: tuple[tuple[int, Levels], ...]
    """Encoded columns"""
    columns: tuple[Column, ...]
    drawn: tuple[Drawn, ...]
    steps: int
    """How many of these are parts of rises: the first ones"""
    shares: tuple[tuple[int, int], ...]
    """Of columns of categories the most frequent levels: how often a person had each says more than the last record"""
    means: tuple[int, ...]
    """The columns whose levels have a mean: quantities that do not ascend"""
    categories: tuple[int, ...]
    """The columns of categories, drawn before quantities"""
    like: int
    """Where it stands among the features whether an earlier record of the person has the same of all categories"""
    known: int
    """Features that are known before"""
    width: int
    """All features"""
    unit: int
    """Microseconds that the ordering column counts, 0 where it holds no dates"""
    end: float | None
    """The greatest value of the ordering column; None where no column orders records"""


def plan_of(
    encoder: TableEncoder,
    constant: Sequence[str],
    ascending: Sequence[str],
    varying: Sequence[str],
    steps: Sequence[NumericEncoder],
    determined: Collection[str] = (),
) -> Plan:
    """The plan of the columns of these names, of which some ascend by `steps`, and some are `determined` by others."""
    encoders = {column.name: column for column in encoder.encoders}
    place = {column.name: i for i, column in enumerate(encoder.encoders)}
    others = sorted((n for n in place if n in varying), key=lambda n: _turn(encoders[n], determined=n in determined))
    names = [*ascending, *others]
    unit = encoders[ascending[0]].time_unit if ascending else 0
    calendar = 0 if not unit else OF_DAYS if unit == UNITS[0] else OF_TIMES
    means = tuple(i for i, n in enumerate(names) if n not in ascending and encoders[n].numbers is not None)
    fixed = tuple((place[name], levels_of(encoders[name])) for name in constant if name in place)
    shares = tuple(
        (i, level)
        for i, name in enumerate(names)
        if name not in ascending and i not in means
        for level in range(min(encoders[name].width, WATCHED))
    )
    known = at = len(fixed) + 3 + len(names) + len(steps) + len(means) + len(shares) + calendar
    drawn, columns, rest, like = list[Drawn](), list[Column](), iter(steps), 0
    for number, name in enumerate(names):
        if number in means and not like:
            like, at = at, at + 1
        levels = levels_of(encoders[name])
        parts: tuple[str | None, ...] = parts_of(encoders[name]) if name in ascending else (None,)
        for i, part in enumerate(parts):
            drawn.append(
                Drawn(
                    name=name,
                    place=place[name],
                    number=number,
                    seen=at,
                    levels=levels if part is None else levels_of(next(rest)),
                    part=part,
                    feature=at,
                    last=i == len(parts) - 1,
                )
            )
            at += part is not None
        follows = 0 if number else calendar
        columns.append(Column(name=name, place=place[name], levels=levels, feature=at, calendar=follows))
        at += 1 + follows
    return Plan(
        constant=fixed,
        columns=tuple(columns),
        drawn=tuple(drawn),
        steps=len(steps),
        shares=shares,
        means=means,
        categories=tuple(i for i, name in enumerate(names) if name not in ascending and i not in means),
        like=like,
        known=known,
        width=at,
        unit=unit,
        end=numbers_of(encoders[ascending[0]]).high if ascending else None,
    )


def _turn(column: ColumnEncoder, *, determined: bool) -> int:
    """When a column is drawn: what determines others is known before these, and these before other quantities."""
    if column.numbers is None:
        return 1 if determined else 0
    return 2 if determined else 3


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class History:
    """What is known of B people before their next record is drawn."""

    constant: Ints
    """(B, constant columns) levels"""
    number: Ints
    """(B,) records so far; 0 before a first one, of which the ascending columns are known"""
    count: Ints
    """(B,) records of each in the end"""
    levels: Ints
    """(B, columns) levels of the record before; -1 where there is none"""
    steps: Ints
    """(B, steps) levels of how it came from the one before that; 0 for a first record"""
    total: Ints
    """(B, means and shares) sums over all records so far, see `watched`"""
    units: Numbers
    """(B, ascending columns) their numbers in the record before, or in a first one"""

    def of(self, chosen: NDArray[np.bool_]) -> History:
        """The same of some of the people."""
        return History(**{name: getattr(self, name)[chosen] for name in History.__slots__})

    def features(self, plan: Plan) -> Ints:
        """(B, width) the features that are known before a record is drawn; 0 for the others."""
        found = np.zeros((len(self.number), plan.width), dtype=np.int64)
        left = self.count - self.number
        room = np.zeros(len(left))
        if plan.end is not None:
            room = np.clip((plan.end - self.units[:, 0]) / np.maximum(left, 1), 0, MOST_PACE)
        pace = (8 * np.log2(1 + room)).astype(np.int64)
        mean = self.total // np.maximum(self.number, 1)[:, None]
        parts = [self.constant, np.stack([self.number, left, pace], axis=1), self.levels, self.steps, mean]
        if plan.unit:
            parts.append(calendar_of(self.units[:, 0], plan.unit))
        found[:, : plan.known] = np.concatenate(parts, axis=1)
        return found


def watched(plan: Plan, levels: Ints) -> Ints:
    """(n, means and shares) of (n, columns) levels what is added up over a person's records."""
    parts = [levels[:, list(plan.means)]]
    parts += [100 * (levels[:, column] == level)[:, None] for column, level in plan.shares]
    return np.concatenate(parts, axis=1).astype(np.int64)


def calendar_of(units: Numbers, unit: int) -> Ints:
    """(n, 3 or 4) month, day of the month, day of the week and, where they are no whole days, minute of the day."""
    micros = (units * unit).astype(np.int64)
    days = micros // UNITS[0]
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    parts = [months.astype(np.int64) % 12, (dates - months).astype(np.int64), (days + 3) % 7]
    if unit != UNITS[0]:
        parts.append(micros % UNITS[0] // UNITS[2])
    return np.stack(parts, axis=1).astype(np.int64)


def put_column(plan: Plan, features: Ints, column: Column, levels: Ints, units: Numbers | None) -> None:
    """Writes the levels of a column to where what is drawn after it sees them; of dates their calendar as well."""
    features[:, column.feature] = levels
    if column.calendar and units is not None:
        features[:, column.feature + 1 : column.feature + 1 + column.calendar] = calendar_of(units, plan.unit)
