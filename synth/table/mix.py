"""Mixes as a user asks for them: which share of a table has which values. Imports no large library."""

from __future__ import annotations

import csv
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from synth.errors import SynthError
from synth.table.ranges import Condition

MOST_CELLS = 200
"""Combinations of values that a mix may have, at most."""
LONGEST_MIX = 10_000
"""Characters of one mix, at most."""
MOST_MIXES = 10
NEAR = 1e-9
"""Tolerance for numbers that are whole but for rounding."""
BESIDE = " & "
"""Stands between columns, and between their values, that have shares together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mix:
    """Shares of the values of one column, or of several together."""

    columns: tuple[str, ...]
    shares: Mapping[tuple[Condition, ...], float]
    """By the values of the columns, in their order"""

    def __post_init__(self) -> None:
        said = f"mix: {columns_said(self.columns)}"
        if not self.columns or len(set(self.columns)) < len(self.columns) or not self.shares:
            raise SynthError("mix: expected each column once, and a share for one value at least")
        if any(len(values) != len(self.columns) for values in self.shares):
            raise SynthError(f"{said}: expected a value for each column with each share")
        if not all(math.isfinite(share) and 0 <= share <= 1 for share in self.shares.values()):
            raise SynthError(f"{said}: expected shares from 0 to 1")
        total = math.fsum(self.shares.values())
        if abs(total - 1) > 1e-6:
            raise SynthError(f"{said}: expected shares that add up to 1, got {total:g}")

    def cells(self) -> list[dict[str, Condition]]:
        """What records of each cell meet, by column, in the order of the shares."""
        return [dict(zip(self.columns, values, strict=True)) for values in self.shares]

    @staticmethod
    def parse(text: str) -> Mix:
        """The mix in `income=<=50K:0.5,>50K:0.5`, or of several columns together in `income & sex=<=50K & Male:1`.

        Values with a comma stand in quotes. Raises SynthError on any other text.
        """
        names, equals, cells = text.partition("=")
        columns = tuple(name.strip() for name in names.split(BESIDE))
        shares: dict[tuple[Condition, ...], float] = {}
        for cell in _fields("mix", cells):
            value, share = _shared("mix", cell)
            values = tuple(each.strip() for each in value.split(BESIDE)) if len(columns) > 1 else (value,)
            if values in shares:
                raise SynthError("mix: expected VALUE:SHARE, each value once, got something else")
            shares[values] = share
        if not equals or not all(columns):
            raise SynthError("mix: expected COLUMN=VALUE:SHARE,VALUE:SHARE")
        return Mix(columns=columns, shares=shares)


@dataclass(frozen=True, kw_only=True, slots=True)
class Augment:
    """More records of one category of a column, until it has a wanted share."""

    column: str
    value: str
    share: float

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise SynthError(f"augment: column {self.column!r}: expected a share between 0 and 1")

    @staticmethod
    def parse(text: str) -> Augment:
        """What `income=>50K:0.5` asks for. Raises SynthError on any other text."""
        name, equals, cells = text.partition("=")
        fields = _fields("augment", cells)
        if not equals or not name.strip() or len(fields) != 1:
            raise SynthError("augment: expected COLUMN=VALUE:SHARE, a value with a comma in quotes, got something else")
        value, share = _shared("augment", fields[0])
        return Augment(column=name.strip(), value=value, share=share)


def joint_cells(mixes: Sequence[Mix], conditions: Mapping[str, Condition]) -> list[dict[str, Condition]]:
    """What the records of each cell of all mixes together meet, the last mix changing fastest."""
    chosen = product(*(mix.cells() for mix in mixes))
    return [{**conditions, **{name: value for cell in cells for name, value in cell.items()}} for cells in chosen]


def more_of(held: float, total: int, share: float) -> int:
    """How many more records of a category make its share of all as large as is wanted; 0 where it is already."""
    return max(0, math.ceil((share * total - held) / (1 - share) - NEAR))


def columns_said(columns: Sequence[str]) -> str:
    """Columns in words."""
    return f"column{'s' if len(columns) > 1 else ''} {', '.join(map(repr, columns))}"


def check_together(mixes: Sequence[Mix], conditions: Iterable[str] = ()) -> None:
    """Raises SynthError where a column is in two mixes, or in a mix and a condition, or where there are too many cells.

    `conditions` are the columns that conditions are on.
    """
    names = [name for mix in mixes for name in mix.columns]
    twice = sorted({name for name in names if names.count(name) > 1} | (set(names) & set(conditions)))
    if twice:
        raise SynthError(f"mix: expected each column in one mix or condition, got {', '.join(map(repr, twice))} in two")
    cells = math.prod(len(mix.shares) for mix in mixes)
    if cells > MOST_CELLS:
        raise SynthError(f"mix: expected at most {MOST_CELLS} combinations of values, got {cells:,}")


def check_augment(mixes: Sequence[Mix], conditions: Collection[str]) -> None:
    """Raises SynthError where something else is asked for beside more records of a category."""
    if mixes or conditions:
        raise SynthError("augment: expected no mix and no conditions beside it, got some: leave out either")


def _fields(option: str, text: str) -> list[str]:
    try:
        return next(csv.reader([text]), [])
    except csv.Error:
        raise SynthError(f"{option}: expected one line of VALUE:SHARE, got something else") from None


def _shared(option: str, cell: str) -> tuple[str, float]:
    """(value, share) of VALUE:SHARE."""
    value, colon, share = cell.rpartition(":")
    if not colon or not value.strip():
        raise SynthError(f"{option}: expected VALUE:SHARE, each value once, got something else")
    try:
        return value.strip(), float(share)
    except ValueError:
        raise SynthError(f"{option}: expected a number as the share behind each value, got other text") from None
