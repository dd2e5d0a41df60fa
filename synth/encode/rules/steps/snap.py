"""A number that is often the same as the one of another column, and is learnt as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.detect.same import LARGEST, MOST_SOURCES
from synth.encode.base import floats_of, list_of, text_of
from synth.encode.rules.shown import Shown
from synth.encode.rules.steps.base import Stored, Values, require_learnt
from synth.encode.stepped import Stepped
from synth.errors import ArtifactError
from synth.rules.numbers import Numbers, numbers_of
from synth.table.schema import ColumnSpec

INTERVALS = 8
"""Intervals of the column's values, at most. On the table default 20 are no better."""
NEVER, ALWAYS = -1.0, 1e6
"""Bounds of distances: one that none is below, and one that none is above."""
SMALLEST = 1e-12
"""Numbers of which half are smaller than this on average are as good as 0."""
SLACK = 1e-9
"""By how much rounded shares may exceed 1 in sum."""

Where = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True)
class Beside:
    """A column that another one is often the same as."""

    column: str
    frequent: tuple[float, ...]
    """Its values that many records have, such as 0: no number becomes one of these"""
    shares: tuple[float, ...]
    """(K,) by interval: of all real records, those in which both are the same and lie in it"""
    within: tuple[float, ...] = ()
    """(K,) by interval: how near a generated number has to be to become the other one.

    Empty until the distances are known; no number becomes the other one before"""

    @staticmethod
    def from_json(state: Mapping[str, Any], intervals: int) -> Beside:
        """What `Snap.to_json` wrote, for a column with so many intervals. Raises ArtifactError on anything else."""
        shares, within = floats_of(state, "shares"), floats_of(state, "within")
        if len(shares) != intervals or min(shares) < 0 or sum(shares) > 1 + SLACK:
            raise ArtifactError("rules: expected for each interval the share of the records that are the same")
        if len(within) not in {0, intervals} or any(not NEVER <= each <= ALWAYS for each in within):
            raise ArtifactError("rules: expected for each interval how near a number has to be")
        frequent = floats_of(state, "frequent")
        return Beside(column=text_of(state, "column"), frequent=frequent, shares=shares, within=within)


@dataclass(frozen=True, kw_only=True, slots=True)
class Snap:
    """A number that is often the same as another column's.

    Its own values are learnt in all records, with what they say of further columns. Of two numbers that are the same in
    the table, generators make two that are near. So the nearest ones are made the same, as many as in the table.
    """

    shown: Shown
    low: float
    """The least value that it has"""
    high: float
    scale: float
    """Distances are relative among numbers that are larger than this, and absolute among smaller ones"""
    stepped: Stepped | None
    """The step that all its values are on, such as whole hundreds, in units of the column; None where there is none"""
    frequent: tuple[float, ...]
    """The values of this column that many records have, such as 0: these stay"""
    ends: tuple[float, ...]
    """(K - 1,) where one interval of its values ends and the next one begins, ascending"""
    beside: tuple[Beside, ...]
    """The other columns. A number that has become the first one's stays"""

    @property
    def columns(self) -> tuple[str, ...]:
        """The column that is often the same as others."""
        return (self.shown.name,)

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns that it is often the same as."""
        return tuple(each.column for each in self.beside)

    def spec(self, spec: ColumnSpec) -> ColumnSpec:
        """As it was."""
        return spec

    def forward(self, table: Values) -> pd.Series:
        """(records,) the column as it is."""
        return table.stored(self.shown.name)

    def restore(self, table: Values, learnt: pd.Series | None) -> Stored:
        """The column, of which some numbers are now those of other columns.

        Which ones follows from the numbers alone, so the same records come back the same.
        """
        stored = require_learnt(learnt)
        if not all(each.within for each in self.beside):
            return {self.shown.name: stored}
        x = numbers_of(table.values(self.shown.name))
        becomes = np.zeros(len(x), dtype=np.bool_)
        for other, where, _ in self.found(table):
            x, becomes = np.where(where, other, x), becomes | where
        if not becomes.any():
            return {self.shown.name: stored}
        written = self.shown.written(x).astype(stored.dtype).set_axis(stored.index)
        return {self.shown.name: stored.mask(becomes, written)}

    def learnt_from(self, table: Values) -> Snap:
        """The step by which as many records of a generated table become the same as of the real one."""
        free = replace(self, beside=tuple(replace(each, within=()) for each in self.beside))
        return replace(self, beside=tuple(beside for _, _, beside in free.found(table)))

    def found(self, table: Values) -> Iterator[tuple[Numbers, Where, Beside]]:
        """For each other column its (records,) numbers, which records get them, and how near they have to be."""
        x = numbers_of(table.values(self.shown.name))
        interval = np.searchsorted(self.ends, np.nan_to_num(x), side="right")
        left = ~np.isnan(x) & ~np.isin(x, self.frequent)
        for each in self.beside:
            other = numbers_of(table.values(each.column))
            distance = np.where(left & self._can_be(other, each), self.distance(x, other), np.inf)
            if not each.within:
                parts = (distance[interval == place] for place in range(len(each.shares)))
                within = (nearest(part, share * len(x)) for part, share in zip(parts, each.shares, strict=True))
                each = replace(each, within=tuple(within))  # noqa: PLW2901
            where = distance <= np.array(each.within)[interval]
            left &= ~where
            yield other, where, each

    def to_json(self) -> dict[str, Any]:
        """JSON values; `from_json` reads them back."""
        return {
            "step": "snap",
            "shown": self.shown.to_json(),
            "low": self.low,
            "high": self.high,
            "scale": self.scale,
            "stepped": None if self.stepped is None else self.stepped.to_json(),
            "frequent": list(self.frequent),
            "ends": list(self.ends),
            "others": [
                {"column": o.column, "frequent": list(o.frequent), "shares": list(o.shares), "within": list(o.within)}
                for o in self.beside
            ],
        }

    @staticmethod
    def from_json(state: Mapping[str, Any], shown: Shown) -> Snap:
        """What `to_json` wrote. Raises ArtifactError on anything else."""
        ends, frequent = floats_of(state, "ends"), floats_of(state, "frequent")
        low, high, scale = (floats_of({name: [state.get(name)]}, name)[0] for name in ("low", "high", "scale"))
        ascending = list(ends) == sorted(set(ends)) and len(ends) < INTERVALS
        if shown.dates or low > high or not SMALLEST / 2 <= scale <= 2 * LARGEST or not ascending:
            raise ArtifactError("rules: expected a number between two ends, and a few ascending intervals of it")
        stepped = Stepped.from_json(state.get("stepped"), 0 if shown.per else None)
        beside = tuple(Beside.from_json(each, len(ends) + 1) for each in list_of(state, "others"))
        names = {each.column for each in beside}
        if not 0 < len(names) == len(beside) <= MOST_SOURCES or shown.name in names:
            raise ArtifactError("rules: expected a few other columns that a number is often the same as")
        return Snap(
            shown=shown, low=low, high=high, scale=scale, stepped=stepped, frequent=frequent, ends=ends, beside=beside
        )

    def _can_be(self, other: Numbers, beside: Beside) -> Where:
        """(records,) whether the column can have the other one's numbers, and they are none of the frequent ones."""
        there = ~np.isnan(other)
        other = np.where(there, other, 0.0)
        there &= (other >= self.low) & (other <= self.high) & (self.shown.rounded(other) == other)
        if self.stepped is not None:
            there &= (self.shown.unit.count(other) - self.stepped.offset) % self.stepped.step == 0
        can_be: Where = there & ~np.isin(other, self.frequent) & ~np.isin(other, beside.frequent)
        return can_be

    def distance(self, x: Numbers, other: Numbers) -> Numbers:
        """(records,) how far apart two numbers are; of large ones a relative distance, for they are rarely near."""
        apart: Numbers = np.abs(np.arcsinh(x / self.scale) - np.arcsinh(other / self.scale))
        return apart


def nearest(distance: Numbers, wanted: float) -> float:
    """The distance up to which about `wanted` of (n,) lie; infinite ones do not count, equal ones are not split."""
    near = np.sort(distance[np.isfinite(distance)])
    count = round(wanted)
    if not count:
        return NEVER
    if count >= len(near):
        return ALWAYS
    last = near[count - 1]
    fewer, more = (int(np.searchsorted(near, last, side=side)) for side in ("left", "right"))
    if count - fewer >= more - count:
        return float(last)
    return float(near[fewer - 1]) if fewer else NEVER
