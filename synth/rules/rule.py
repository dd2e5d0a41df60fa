"""Rules between columns, such as `admitted <= discharged`. `synth.rules.text` reads and writes them as text,
and `synth.rules.kept` tells which records keep them. This loads nothing, so that whoever only reads a schema may.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from synth.errors import RuleError
from synth.rules.ends import as_bound
from synth.rules.part_names import MOMENTS, PARTS
from synth.zones import is_zone

MOST_COLUMNS = 256
"""Of a rule."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """`low <= high`, or `low < high` where it is strict: two numbers, or two dates."""

    low: str
    high: str
    strict: bool = False

    def __post_init__(self) -> None:
        _distinct(self.columns)

    @property
    def columns(self) -> tuple[str, ...]:
        """Both."""
        return self.low, self.high


@dataclass(frozen=True, kw_only=True, slots=True)
class Linear:
    """`target = 100 * a + b - c + constant`: whole multiples of columns, rounded as the target is. Dates count days."""

    target: str
    terms: tuple[tuple[int, str], ...]
    constant: int = 0

    def __post_init__(self) -> None:
        _distinct(self.columns)
        if not self.terms or any(weight == 0 for weight, _ in self.terms):
            raise RuleError("rule: expected columns that are added, each with a multiple other than 0")

    @property
    def columns(self) -> tuple[str, ...]:
        """The target, then what is added."""
        return self.target, *(name for _, name in self.terms)


@dataclass(frozen=True, kw_only=True, slots=True)
class Product:
    """`target = a * b`, rounded as the target is."""

    target: str
    factors: tuple[str, ...]

    def __post_init__(self) -> None:
        _distinct(self.columns)
        if len(self.factors) < 2:
            raise RuleError("rule: expected two columns or more that are multiplied")

    @property
    def columns(self) -> tuple[str, ...]:
        """The target, then the factors."""
        return self.target, *self.factors


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockSum:
    """`target = clock(other + minutes)`, or `other - minutes`: times of day as numbers HHMM, modulo a day."""

    target: str
    other: str
    minutes: str
    later: bool = True
    """Whether the minutes are added, rather than taken away"""

    def __post_init__(self) -> None:
        _distinct(self.columns)

    @property
    def columns(self) -> tuple[str, ...]:
        """The target, then the other time of day and the minutes."""
        return self.target, self.other, self.minutes


@dataclass(frozen=True, kw_only=True, slots=True)
class DatePart:
    """`target = month(date)`: a part of a date, as a number or as a name; `weekday(date) - 1` counts from 0."""

    target: str
    date: str
    part: str
    """One of `synth.rules.part_names.PARTS`"""
    zone: str = ""
    """The time zone that it is told in, where the date is held in UTC; as the date is held where it is empty"""
    plus: int = 0
    """What is added to the part"""

    def __post_init__(self) -> None:
        _distinct(self.columns)
        if self.part not in PARTS:
            raise RuleError(f"rule: expected a part of a date, one of {', '.join(PARTS)}")
        if self.zone and not is_zone(self.zone):
            raise RuleError("rule: expected a time zone such as Europe/Berlin or +02:00")
        if abs(self.plus) > 1 or (self.plus and self.part in MOMENTS):
            raise RuleError("rule: expected a part of a date alone, or with 1 added or taken away")

    @property
    def columns(self) -> tuple[str, ...]:
        """The target, then the date."""
        return self.target, self.date


@dataclass(frozen=True, kw_only=True, slots=True)
class OneHot:
    """Exactly one of the columns is 1 or true; the others are 0 or false."""

    columns: tuple[str, ...]

    def __post_init__(self) -> None:
        _distinct(self.columns)
        _several(self.columns)


@dataclass(frozen=True, kw_only=True, slots=True)
class Combination:
    """The columns have values together that several people have together: a city with its country.

    A real record breaks it by no more than being alone with its combination.
    """

    columns: tuple[str, ...]

    def __post_init__(self) -> None:
        _distinct(self.columns)
        _several(self.columns)


@dataclass(frozen=True, kw_only=True, slots=True)
class NullWhen:
    """`column` is missing where `other` is `value`, or missing itself where `value` is None."""

    column: str
    other: str
    value: str | None = None

    def __post_init__(self) -> None:
        _distinct(self.columns)

    @property
    def columns(self) -> tuple[str, ...]:
        """Both."""
        return self.column, self.other


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """`column` lies between two ends, each a number or a date as ISO 8601; None leaves one open."""

    column: str
    low: float | str | None = None
    high: float | str | None = None
    above: bool = False
    """Whether the lower end itself is left out."""
    below: bool = False
    """Whether the upper end itself is left out."""

    def __post_init__(self) -> None:
        low, high = self.ends
        if low > high or (low == high and (self.above or self.below)):
            raise RuleError(f"rule: column {self.column!r}: expected a lower end before the upper one")

    @property
    def columns(self) -> tuple[str, ...]:
        """The one."""
        return (self.column,)

    @property
    def ends(self) -> tuple[float, float]:
        """Both as numbers, dates in days since 1970; infinite where one is open."""
        low = -math.inf if self.low is None else as_bound(self.low)
        return low, math.inf if self.high is None else as_bound(self.high)


@dataclass(frozen=True, kw_only=True, slots=True)
class Unique:
    """No two records have the same values in all of the columns."""

    columns: tuple[str, ...]

    def __post_init__(self) -> None:
        _distinct(self.columns)
        if not self.columns:
            raise RuleError("rule: expected a column that is unique, got none")


Formula = Linear | Product | ClockSum | DatePart
"""A rule by which the target is computed from the other columns."""
AnyRule = Order | Formula | OneHot | Combination | NullWhen | Bounds | Unique


def _distinct(columns: tuple[str, ...]) -> None:
    if len(set(columns)) < len(columns):
        raise RuleError("rule: expected each column once, got one twice")
    if len(columns) > MOST_COLUMNS:
        raise RuleError(f"rule: expected at most {MOST_COLUMNS} columns, got {len(columns)}")


def _several(columns: tuple[str, ...]) -> None:
    if len(columns) < 2:
        raise RuleError(f"rule: expected two columns or more, got {len(columns)}")
