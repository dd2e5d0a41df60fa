"""What a model knows of people with several records, and what of them a record is drawn by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from synth.encode.base import ColumnEncoder, list_of, text_of
from synth.encode.datetime import UNITS, DatetimeEncoder
from synth.encode.numeric import NumericEncoder
from synth.encode.table_encoder import TableEncoder
from synth.encode.written import WrittenEncoder
from synth.errors import ArtifactError, SynthError
from synth.sequences.forest import SequenceForest
from synth.sequences.levels import Levels, levels_of
from synth.table.schema import ColumnKind, TableSchema

Ints = NDArray[np.int64]
Numbers = NDArray[np.float64]
MOST_PACE = 2**40


@dataclass(frozen=True, kw_only=True)
class Sequences:
    """How the records of a person follow one another.

    The model around it draws people: what is constant for them, their first record, and how many records they have.
    """

    person: str
    count: str
    """The column of the table of people that says how many records each has"""
    constant: tuple[str, ...]
    ascending: tuple[str, ...]
    """Quantities that never fall; the first of them orders the records"""
    varying: tuple[str, ...]
    encoder: TableEncoder
    """Of records; whatever it emits is backed by enough people"""
    steps: tuple[NumericEncoder, ...]
    """How much each ascending column rises from one record to the next"""
    forest: SequenceForest
    """Of each column that is drawn, see `drawn`"""

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Where each learnt column stands in encoded records."""
        return {column.name: i for i, column in enumerate(self.encoder.encoders)}

    @cached_property
    def plan(self) -> Plan:
        """What columns are drawn by."""
        return plan_of(self)

    @cached_property
    def residual_places(self) -> Mapping[int, int]:
        """Where the residual of an encoded column stands."""
        return {column: i for i, column in enumerate(self.encoder.residual_columns)}

    def fits(self, people: TableSchema) -> bool:
        """Whether this is a schema of the table of people."""
        known = sorted([*self.encoder.schema.names, self.count]) == sorted(people.names)
        return known and people[self.count].kind is ColumnKind.NUMERICAL

    def to_json(self) -> dict[str, Any]:
        """All but the trees as JSON values."""
        return {
            "person": self.person,
            "count": self.count,
            "constant": list(self.constant),
            "ascending": list(self.ascending),
            "varying": list(self.varying),
            "schema": self.encoder.schema.to_json(),
            "encoder": self.encoder.to_json(),
            "steps": [each.to_json() for each in self.steps],
        }

    @staticmethod
    def from_json(values: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Sequences:
        """What `to_json` wrote, and the trees. Raises ArtifactError on anything else."""
        try:
            schema = TableSchema.from_json(list_of(values, "schema"))
            encoder = TableEncoder.from_json(values.get("encoder"), schema)
        except ArtifactError:
            raise
        except SynthError as error:
            raise ArtifactError(f"sequences: {error}") from error
        constant, ascending, varying = (_names(values, part) for part in ("constant", "ascending", "varying"))
        person = text_of(values, "person")
        if sorted([person, *constant, *ascending, *varying]) != sorted(schema.names):
            raise ArtifactError("sequences: expected each column once, as the person's, constant, ascending or varying")
        learnt = {column.name: column for column in encoder.encoders}
        if any(name not in learnt or _inner(learnt[name]) is None for name in ascending):
            raise ArtifactError("sequences: expected quantities that ascend")
        steps = tuple(NumericEncoder.from_json(each) for each in list_of(values, "steps"))
        if [each.name for each in steps] != list(ascending) or any(each.low < 0 or each.missing for each in steps):
            raise ArtifactError("sequences: expected steps of 0 or more for each ascending column")
        found = Sequences(
            person=person,
            count=text_of(values, "count"),
            constant=constant,
            ascending=ascending,
            varying=varying,
            encoder=encoder,
            steps=steps,
            forest=None,  # type: ignore[arg-type] # what it has to fit is only known from the rest
        )
        plan = plan_of(found)
        forest = SequenceForest.from_tensors(
            tensors, [each.seen for each in plan.drawn], [each.size for each in plan.drawn]
        )
        object.__setattr__(found, "forest", forest)
        return found


def _names(values: Mapping[str, Any], part: str) -> tuple[str, ...]:
    names = values.get(part)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ArtifactError(f"{part}: expected a list of columns")
    return tuple(names)


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """One column that is drawn for each record after a person's first."""

    name: str
    seen: int
    """Features that it is drawn by: the first so many"""
    levels: Levels
    """Of its own values, or of the step from the record before"""
    ascends: bool
    place: int
    """Which encoded column it is"""
    feature: int
    """Where its own level stands among the features"""
    parts: int
    """Parts of the calendar that follow there: of the column that orders records, where it holds dates"""

    @property
    def size(self) -> int:
        """Levels that may be drawn; of a column that does not ascend the last says: as in the record before."""
        return self.levels.size + (not self.ascends)

    @property
    def same(self) -> int:
        """The level that says so."""
        return self.levels.size


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The features of a record, in their order, and the columns in the order in which they are drawn.

    First stand those that are known before a record is drawn: the levels of constant columns; the number of the record,
    how many follow, and the time left for each of these; the levels of the record before, and of its steps; the mean
    levels of all before; the calendar of the record before. Then each column as it is drawn.
    """

    constant: tuple[int, ...]
    """Encoded columns"""
    quantities: tuple[int, ...]
    """Which of the drawn columns have means"""
    drawn: tuple[Drawn, ...]
    previous: int
    """Where the levels of the record before begin"""
    known: int
    """Features that are known before"""
    unit: int
    """Microseconds that the ordering column counts, 0 where it holds no dates"""
    levels: Mapping[int, Levels]
    """Of each encoded column"""

    @property
    def width(self) -> int:
        """How many features there are."""
        return self.known + sum(1 + each.parts for each in self.drawn)


def _inner(column: ColumnEncoder) -> NumericEncoder | None:
    """The numbers of a quantity."""
    inner = column.inner if isinstance(column, WrittenEncoder) else column
    inner = inner.inner if isinstance(inner, DatetimeEncoder) else inner
    return inner if isinstance(inner, NumericEncoder) else None


def numbers_of(column: ColumnEncoder) -> NumericEncoder:
    """The numbers of a quantity. Raises ArtifactError on any other column."""
    inner = _inner(column)
    if inner is None:
        raise ArtifactError(f"column {column.name!r}: expected a quantity")
    return inner


def unit_of(column: ColumnEncoder) -> int:
    """Microseconds that its numbers count; 0 for a column without dates."""
    inner = column.inner if isinstance(column, WrittenEncoder) else column
    return inner.unit if isinstance(inner, DatetimeEncoder) else 0


PARTS_OF_DAYS, PARTS_OF_TIMES = 3, 4


def calendar(units: Numbers, unit: int) -> Ints:
    """(n, 3 or 4) month, day of the month, day of the week and, where they are no whole days, minute of the day."""
    micros = (units * unit).astype(np.int64)
    days = micros // UNITS[0]
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    parts = [months.astype(np.int64) % 12, (dates - months).astype(np.int64), (days + 3) % 7]
    if unit != UNITS[0]:
        parts.append(micros % UNITS[0] // UNITS[2])
    return np.stack(parts, axis=1).astype(np.int64)


def plan_of(held: Sequences) -> Plan:
    """What the columns are drawn by."""
    columns = held.encoder.encoders
    levels = {i: levels_of(column) for i, column in enumerate(columns)}
    names = [*held.ascending, *(c.name for c in columns if c.name in held.varying)]
    place = {column.name: i for i, column in enumerate(columns)}
    constant = tuple(place[name] for name in held.constant if name in place)
    quantities = tuple(
        i for i, name in enumerate(names) if name not in held.ascending and _inner(columns[place[name]]) is not None
    )
    unit = unit_of(columns[place[held.ascending[0]]]) if held.ascending else 0
    parts = 0 if not unit else PARTS_OF_DAYS if unit == UNITS[0] else PARTS_OF_TIMES
    previous = len(constant) + 3
    known = previous + len(names) + len(held.ascending) + len(quantities) + parts
    drawn, at = list[Drawn](), known
    for i, name in enumerate(names):
        ascends = i < len(held.ascending)
        drawn.append(
            Drawn(
                name=name,
                seen=at,
                levels=levels_of(held.steps[i]) if ascends else levels[place[name]],
                ascends=ascends,
                place=place[name],
                feature=at,
                parts=0 if i else parts,
            )
        )
        at += 1 + drawn[-1].parts
    return Plan(
        constant=constant,
        quantities=quantities,
        drawn=tuple(drawn),
        previous=previous,
        known=known,
        unit=unit,
        levels=levels,
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class History:
    """What is known of B people before their next record is drawn."""

    constant: Ints
    """(B, constant columns) levels"""
    number: Ints
    """(B,) records so far"""
    count: Ints
    """(B,) records of each in the end"""
    levels: Ints
    """(B, K) levels of the record before"""
    step: Ints
    """(B, A) levels of the steps to it; 0 for a first record"""
    total: Ints
    """(B, K) sums of the levels of all records so far"""
    units: Numbers
    """(B, A) the ascending columns of the record before"""


def features_before(plan: Plan, held: Sequences, known: History) -> Ints:
    """(B, F) the features that are known before a record is drawn; 0 for the others."""
    found = np.zeros((len(known.number), plan.width), dtype=np.int64)
    left = known.count - known.number
    parts = [known.constant, known.number[:, None], left[:, None], _pace(held, known, left)[:, None]]
    quantities = list(plan.quantities)
    mean = known.total[:, quantities] // known.number[:, None]
    parts += [known.levels, known.step, mean]
    if plan.unit:
        parts.append(calendar(known.units[:, 0], plan.unit))
    found[:, : plan.known] = np.concatenate(parts, axis=1)
    return found


def _pace(held: Sequences, known: History, left: Ints) -> Ints:
    """(B,) how much of the ordering column is left for each record to come, on a logarithmic scale."""
    if not held.ascending:
        return np.zeros(len(left), dtype=np.int64)
    end = numbers_of(held.encoder.encoders[held.places[held.ascending[0]]]).high
    pace = np.clip((end - known.units[:, 0]) / np.maximum(left, 1), 0, MOST_PACE)
    found: Ints = (8 * np.log2(1 + pace)).astype(np.int64)
    return found


def put_drawn(plan: Plan, features: Ints, column: Drawn, levels: Ints, units: Numbers | None) -> None:
    """Writes what was drawn of one column to where the columns after it see it."""
    features[:, column.feature] = levels
    if column.parts and units is not None:
        features[:, column.feature + 1 : column.feature + 1 + column.parts] = calendar(units, plan.unit)


def exact_column(column: ColumnEncoder, units: Numbers) -> tuple[ColumnEncoder, NDArray[np.int32]]:
    """(an encoder that writes these very numbers as the column writes its own, (n,) their codes)."""
    from dataclasses import replace  # noqa: PLC0415

    values, codes = np.unique(units, return_inverse=True)
    ends = (float(values[0]), float(values[-1])) if len(values) else (0.0, 0.0)
    atoms = tuple(values.tolist()) or (0.0,)
    exact: Any = replace(numbers_of(column), atoms=atoms, modes=(), pieces=(), low=ends[0], high=ends[1], missing=False)
    for outer in (DatetimeEncoder, WrittenEncoder):
        inner = column.inner if isinstance(column, WrittenEncoder) and outer is DatetimeEncoder else column
        if isinstance(inner, outer):
            exact = replace(inner, inner=exact)
    return exact, codes.astype(np.int32)


def units_of(column: ColumnEncoder, counted: Numbers) -> Numbers:
    """Numbers, or microseconds, as the column's encoder counts them."""
    unit = unit_of(column)
    return np.floor(counted / unit) if unit else counted


def stored_code(column: pd.Series) -> Ints:
    """(n,) a number for each distinct value, -1 where it is missing."""
    return pd.factorize(column, use_na_sentinel=True)[0].astype(np.int64)
