"""Rules between columns, such as `admitted <= discharged`. `synth.rules.text` reads and writes them as text.

A rule says of each record whether it keeps it. A record in which a cell that the rule needs is missing neither keeps
nor breaks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.errors import RuleError
from synth.rules.numbers import Numbers, as_bound, matches, numbers_of, tolerance_of

BROKEN, KEPT, UNKNOWN = 0, 1, -1
"""What a record does with a rule; UNKNOWN where a cell is missing."""
MOST_COLUMNS = 256
"""Of a rule."""

Kept = NDArray[np.int8]
"""(records,) BROKEN, KEPT or UNKNOWN."""
Cells = Mapping[str, pd.Series]
"""Columns by name, as values: numbers, datetimes and texts, see `synth.table.values.values_of`."""


class Rule(Protocol):
    """What each rule offers."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it is about, each once."""

    def kept_by(self, cells: Cells) -> Kept:
        """(records,) which records keep it. Raises RuleError where a column is of a kind that it cannot be about."""


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

    def kept_by(self, cells: Cells) -> Kept:
        """Whether the first is not after the second."""
        _alike(cells, self.columns)
        low, high = numbers_of(cells[self.low]), numbers_of(cells[self.high])
        return _verdict(low < high if self.strict else low <= high, np.isnan(low) | np.isnan(high))


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

    def total(self, cells: Cells) -> Numbers:
        """(records,) what the target has to be, not rounded; NaN where a cell is missing."""
        found = np.full(len(cells[self.terms[0][1]]), float(self.constant))
        for weight, name in self.terms:
            found += weight * numbers_of(cells[name])
        return found

    def kept_by(self, cells: Cells) -> Kept:
        """Whether the target is the sum, to half a unit of its last place."""
        target, total = numbers_of(cells[self.target]), self.total(cells)
        return _verdict(np.abs(target - total) <= tolerance_of(target, total), np.isnan(target) | np.isnan(total))


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

    def total(self, cells: Cells) -> Numbers:
        """(records,) what the target has to be, not rounded; NaN where a cell is missing."""
        found: Numbers = np.prod([numbers_of(cells[name]) for name in self.factors], axis=0)
        return found

    def kept_by(self, cells: Cells) -> Kept:
        """Whether the target is the product, to half a unit of its last place."""
        target, total = numbers_of(cells[self.target]), self.total(cells)
        return _verdict(np.abs(target - total) <= tolerance_of(target, total), np.isnan(target) | np.isnan(total))


@dataclass(frozen=True, kw_only=True, slots=True)
class OneHot:
    """Exactly one of the columns is 1 or true; the others are 0 or false."""

    columns: tuple[str, ...]

    def __post_init__(self) -> None:
        _distinct(self.columns)
        _several(self.columns)

    def kept_by(self, cells: Cells) -> Kept:
        """Whether the columns are 0 or 1 and sum to 1."""
        total = np.zeros(len(cells[self.columns[0]]))
        fits = np.ones(len(total), dtype=np.bool_)
        for name in self.columns:
            values = numbers_of(cells[name])
            fits &= (values == 0) | (values == 1)
            total += values
        return _verdict(fits & (total == 1), np.isnan(total))


@dataclass(frozen=True, kw_only=True, slots=True)
class Combination:
    """The columns have values together that several people have together: a city with its country.

    A real record breaks it by no more than being alone with its combination.
    """

    columns: tuple[str, ...]

    def __post_init__(self) -> None:
        _distinct(self.columns)
        _several(self.columns)

    def kept_by(self, cells: Cells) -> Kept:
        """All of them: the table itself says which combinations there are. See `synth.rules.share.known_among`."""
        return np.full(len(cells[self.columns[0]]), KEPT, dtype=np.int8)


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

    def when(self, cells: Cells) -> NDArray[np.bool_]:
        """(records,) where the column has to be missing."""
        other = cells[self.other]
        return other.isna().to_numpy() if self.value is None else matches(other, self.value)

    def kept_by(self, cells: Cells) -> Kept:
        """Whether the column is missing where it has to be; UNKNOWN in all other records."""
        return _verdict(cells[self.column].isna().to_numpy(), ~self.when(cells))


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
        low = -np.inf if self.low is None else as_bound(self.low)
        return low, np.inf if self.high is None else as_bound(self.high)

    def kept_by(self, cells: Cells) -> Kept:
        """Whether the value lies inside."""
        dates = pd.api.types.is_datetime64_any_dtype(cells[self.column].dtype)
        if any(end is not None and isinstance(end, str) != dates for end in (self.low, self.high)):
            raise RuleError(f"rule: column {self.column!r}: expected ends of its kind, numbers or dates")
        x, (low, high) = numbers_of(cells[self.column]), self.ends
        inside = (x > low if self.above else x >= low) & (x < high if self.below else x <= high)
        return _verdict(inside, np.isnan(x))


@dataclass(frozen=True, kw_only=True, slots=True)
class Unique:
    """No two records have the same values in all of the columns."""

    columns: tuple[str, ...]

    def __post_init__(self) -> None:
        _distinct(self.columns)
        if not self.columns:
            raise RuleError("rule: expected a column that is unique, got none")

    def kept_by(self, cells: Cells) -> Kept:
        """Whether no other record has the same."""
        frame = pd.DataFrame({name: cells[name].reset_index(drop=True) for name in self.columns})
        return _verdict(~frame.duplicated(keep=False).to_numpy(), frame.isna().any(axis=1).to_numpy())


AnyRule = Order | Linear | Product | OneHot | Combination | NullWhen | Bounds | Unique


def _verdict(kept: NDArray[np.bool_], unknown: NDArray[np.bool_]) -> Kept:
    return np.where(unknown, UNKNOWN, np.where(kept, KEPT, BROKEN)).astype(np.int8)


def _distinct(columns: tuple[str, ...]) -> None:
    if len(set(columns)) < len(columns):
        raise RuleError("rule: expected each column once, got one twice")
    if len(columns) > MOST_COLUMNS:
        raise RuleError(f"rule: expected at most {MOST_COLUMNS} columns, got {len(columns)}")


def _several(columns: tuple[str, ...]) -> None:
    if len(columns) < 2:
        raise RuleError(f"rule: expected two columns or more, got {len(columns)}")


def _alike(cells: Cells, columns: tuple[str, ...]) -> None:
    if len({pd.api.types.is_datetime64_any_dtype(cells[name].dtype) for name in columns}) > 1:
        raise RuleError(f"rule: columns {' and '.join(map(repr, columns))}: expected two numbers or two dates")
