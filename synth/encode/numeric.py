"""Quantities: atoms for values that repeat, mixture modes cut into pieces for the rest, a missing code.

Mode-specific normalization as in CTGAN (Xu et al. 2019, section 4.2), with two changes. A mode is cut into pieces of
about equal mass, so that tables over codes see the shape inside a mode. The residual is not (x - mean) / 4 sd but the
rank of x inside its piece, scaled to [-1, 1]: uniform by construction, and mapped back by the piece's own quantiles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from synth.encode.base import (
    Codes,
    EncodedColumn,
    Kind,
    Residuals,
    Selected,
    flag_of,
    floats_of,
    list_of,
    text_of,
)
from synth.encode.ranges import Floats, number_of, range_meant, select_between
from synth.encode.stepped import Stepped
from synth.errors import ArtifactError
from synth.table.ranges import Range

DTYPES = ("int64", "float64", "Int64", "object")
LARGEST_INTEGER = 2**62
LARGEST_DECIMAL = 1e15
"""Of larger numbers a double does not hold decimals."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mode:
    """One component of the Gaussian mixture, and the pieces that it is cut into."""

    mean: float
    deviation: float
    weight: float
    edges: tuple[float, ...]
    """Inner edges between its pieces, ascending."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """The quantile function of one piece of a mode as a polyline; every knot is backed by several people."""

    ranks: tuple[float, ...]
    """Ascending from 0 to 1."""
    values: tuple[float, ...]
    """Ascending, one for each rank."""

    def rank(self, x: Floats, rng: np.random.Generator) -> Floats:
        """(n,) in [0, 1]: the share of the piece below each value; drawn uniformly over a value that repeats."""
        values, first = np.unique(self.values, return_index=True)
        last = np.r_[first[1:], len(self.values)] - 1
        ranks = np.asarray(self.ranks)
        x = np.clip(x, values[0], values[-1])
        left = np.interp(x, values, ranks[first])
        at = np.searchsorted(values, x, side="right") - 1
        exact = values[at] == x
        following = np.minimum(at + 1, len(values) - 1)
        span = np.where(following > at, values[following] - values[at], 1.0)
        share = np.clip((x - values[at]) / span, 0.0, 1.0)
        between = ranks[last[at]] + share * (ranks[first[following]] - ranks[last[at]])
        tied = left + rng.random(len(x)) * (ranks[last[at]] - left)
        found: Floats = np.clip(np.where(exact, tied, between), 0.0, 1.0)
        return found


@dataclass(frozen=True, kw_only=True, slots=True)
class NumericEncoder(Kind):
    """A numeric column: codes are its atoms, then the pieces of its modes in order, then the missing one."""

    name: str
    dtype: str
    decimals: int | None
    """Decimals that all values have at most; None where there is no such number."""
    low: float
    high: float
    atoms: tuple[float, ...]
    """Values that repeat, ascending."""
    modes: tuple[Mode, ...]
    pieces: tuple[Piece, ...]
    missing: bool
    stepped: Stepped | None = None
    """What all values are apart by, where that is more than a unit of the last decimal."""

    @property
    def width(self) -> int:
        """Number of codes."""
        return len(self.atoms) + len(self.pieces) + self.missing

    @property
    def has_residual(self) -> bool:
        """Whether there are modes."""
        return bool(self.pieces)

    def piece_codes(self) -> range:
        """The codes of the pieces."""
        return range(len(self.atoms), len(self.atoms) + len(self.pieces))

    def missing_code(self) -> int | None:
        """The last one, where values may be missing and others are not."""
        return self.width - 1 if self.missing and self.width > 1 else None

    def places(self, written: int | None, markers: Sequence[str] = ()) -> int | None:
        """See `ColumnEncoder`; only of doubles none of whose values has more."""
        if self.dtype != "float64" or self.decimals is None:
            return None
        most = written or 0
        fits = self.decimals <= most and max(abs(self.low), abs(self.high)) < LARGEST_DECIMAL
        return max(most, 1) if fits and all(_has_places(float(each), most) for each in markers) else None

    def select(self, wanted: str | Range) -> Selected:
        """The values of a range of numbers, or one number."""
        meant = range_meant(self.name, wanted)
        return select_between(self, number_of(self.name, meant.low), number_of(self.name, meant.high))

    def counted(self, value: Any) -> float:  # noqa: ANN401 - a number
        """The value itself."""
        number: float = value
        return number

    def encode(self, column: pd.Series, rng: np.random.Generator) -> EncodedColumn:
        """Codes and residuals; values beyond the learnt range count as its ends."""
        raw = column.to_numpy(dtype=np.float64, na_value=np.nan)
        codes = np.full(len(raw), self.width - 1, dtype=np.int32)
        residuals = np.zeros(len(raw), dtype=np.float32)
        known = ~np.isnan(raw) & bool(self.atoms or self.pieces)
        x = np.clip(raw[known], self.low, self.high)
        codes[known], residuals[known] = self._encode_known(x, rng)
        return EncodedColumn(codes=codes, residuals=residuals if self.has_residual else None)

    def _encode_known(self, x: Floats, rng: np.random.Generator) -> tuple[Codes, Residuals]:
        codes = np.zeros(len(x), dtype=np.int32)
        residuals = np.zeros(len(x), dtype=np.float32)
        atoms = np.asarray(self.atoms)
        if len(atoms):
            codes = nearest(atoms, x)
        if not self.pieces:
            return codes, residuals
        loose = np.ones(len(x), dtype=bool) if not len(atoms) else atoms[codes] != x
        # as in fitting: the values that are no atoms have a range of their own
        rest = np.clip(x[loose], min(p.values[0] for p in self.pieces), max(p.values[-1] for p in self.pieces))
        piece = self._piece_of(rest)
        ranks = np.zeros(len(rest))
        for number in np.unique(piece):
            inside = piece == number
            ranks[inside] = self.pieces[number].rank(rest[inside], rng)
        codes[loose] = len(atoms) + piece
        residuals[loose] = 2 * ranks - 1
        return codes, residuals

    def _piece_of(self, x: Floats) -> Codes:
        mode = mode_of(x, self.modes)
        base = np.cumsum([0] + [len(m.edges) + 1 for m in self.modes])
        piece = base[mode].astype(np.int32)
        for number, one in enumerate(self.modes):
            inside = mode == number
            piece[inside] += np.searchsorted(one.edges, x[inside], side="right").astype(np.int32)
        return piece

    def decode(self, codes: Codes, residuals: Residuals | None, rng: np.random.Generator) -> pd.Series:  # noqa: ARG002
        """Values within the learnt range, rounded to the column's decimals."""
        values = self.emitted(codes, residuals)
        if self.dtype == "object":
            return pd.Series([None] * len(values), name=self.name, dtype=object)
        if self.dtype == "float64":
            return pd.Series(values, name=self.name)
        whole, absent = _whole(values)
        return pd.Series(whole if self.dtype == "int64" else pd.arrays.IntegerArray(whole, absent), name=self.name)

    def to_arrow(self, codes: Codes, residuals: Residuals | None, rng: np.random.Generator) -> pa.Array:  # noqa: ARG002
        """The same as `decode`."""
        values = self.emitted(codes, residuals)
        if self.dtype == "object":
            return pa.nulls(len(values), pa.string())
        if self.dtype == "float64":
            return pa.array(values, from_pandas=True)
        whole, absent = _whole(values)
        return pa.array(whole, mask=absent)

    def emitted(self, codes: Codes, residuals: Residuals | None) -> Floats:
        """(n,) what `decode` emits, as float64; missing is NaN. Inside a piece values rise with the residual."""
        fixed = np.full(self.width, np.nan)
        fixed[: len(self.atoms)] = self.atoms
        values = fixed[codes]
        if self.pieces and residuals is not None:
            pieces = self.piece_codes()
            inside = np.flatnonzero((codes >= pieces.start) & (codes < pieces.stop))
            ranks = (residuals[inside].astype(np.float64) + 1) / 2
            values[inside] = quantiles(self.pieces, codes[inside] - pieces.start, ranks)
        clipped: Floats = np.clip(values, self.low, self.high)
        # the ends lie off the grid of the values, so clipping comes first
        if self.stepped is not None:
            return self.stepped.nearest(clipped, self.low, self.high)
        return clipped if self.decimals is None else np.round(clipped, self.decimals)

    def to_json(self) -> dict[str, Any]:
        """The encoder's state as JSON values."""
        return {
            "encoder": "numeric",
            "name": self.name,
            "dtype": self.dtype,
            "decimals": self.decimals,
            "range": [self.low, self.high],
            "atoms": list(self.atoms),
            "modes": [
                {"mean": m.mean, "deviation": m.deviation, "weight": m.weight, "edges": list(m.edges)}
                for m in self.modes
            ],
            "pieces": [{"ranks": list(p.ranks), "values": list(p.values)} for p in self.pieces],
            "missing": self.missing,
            **({} if self.stepped is None else {"stepped": self.stepped.to_json()}),
        }

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> NumericEncoder:
        """The encoder that `to_json` wrote. Raises ArtifactError on anything else."""
        ends, decimals = floats_of(values, "range"), values.get("decimals")
        if len(ends) != 2 or ends[0] > ends[1]:
            raise ArtifactError("range: expected two ascending numbers")
        if decimals is not None and (not isinstance(decimals, int) or not 0 <= decimals <= 12):
            raise ArtifactError("decimals: expected null or an integer from 0 to 12")
        encoder = NumericEncoder(
            name=text_of(values, "name"),
            dtype=text_of(values, "dtype", among=DTYPES),
            decimals=decimals,
            low=ends[0],
            high=ends[1],
            atoms=_ascending(floats_of(values, "atoms"), "atoms"),
            modes=tuple(_mode(m) for m in list_of(values, "modes")),
            pieces=tuple(_piece(p) for p in list_of(values, "pieces")),
            missing=flag_of(values, "missing"),
            stepped=Stepped.from_json(values.get("stepped"), decimals),
        )
        if encoder.width == 0 or sum(len(m.edges) + 1 for m in encoder.modes) != len(encoder.pieces):
            raise ArtifactError("pieces: expected one for each part of a mode, and at least one code")
        if encoder.dtype != "float64" and (decimals != 0 or max(abs(encoder.low), abs(encoder.high)) > LARGEST_INTEGER):
            raise ArtifactError("decimals: expected 0, and a range within 62 bits, for a column of integers")
        if encoder.missing and encoder.dtype == "int64":
            raise ArtifactError("missing: expected false for a column of int64")
        return encoder


def quantiles(pieces: tuple[Piece, ...], number: Codes, rank: Floats) -> Floats:
    """(n,) the values at these shares of the pieces of these numbers, which rise with the share inside a piece.

    The knots of all pieces lie on one line, so that one search finds the places in all of them.
    """
    sizes = [len(piece.ranks) for piece in pieces]
    last = np.cumsum(sizes) - 1
    ranks, values = (np.concatenate([getattr(piece, part) for piece in pieces]) for part in ("ranks", "values"))
    # 2 apart, so that the end of one piece is not the beginning of the next; at most 2^10 pieces leave 42 bits to ranks
    line = ranks + 2 * np.repeat(np.arange(len(pieces)), sizes)
    at = np.searchsorted(line, rank + 2 * number, side="right") - 1
    following = np.minimum(at + 1, last[number])
    run = ranks[following] - ranks[at]
    share = np.divide(rank - ranks[at], run, out=np.zeros_like(rank), where=run > 0)
    # rounding may lift an interpolated value past the next knot
    found: Floats = np.minimum(values[at] + share * (values[following] - values[at]), values[following])
    return found


def _has_places(marker: float, places: int) -> bool:
    return abs(marker) < LARGEST_DECIMAL and round(marker, places) == marker


def _whole(values: Floats) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """(integers, which are missing) of whole numbers and NaN."""
    absent = np.isnan(values)
    return np.where(absent, 0.0, values).astype(np.int64), absent


def _ascending(values: tuple[float, ...], name: str) -> tuple[float, ...]:
    if any(a > b for a, b in pairwise(values)):
        raise ArtifactError(f"{name}: expected ascending numbers")
    return values


def _mode(values: Mapping[str, Any]) -> Mode:
    numbers = floats_of({"mode": [values.get("mean"), values.get("deviation"), values.get("weight")]}, "mode")
    if numbers[1] <= 0 or numbers[2] <= 0:
        raise ArtifactError("modes: expected positive deviations and weights")
    edges = _ascending(floats_of(values, "edges"), "edges")
    return Mode(mean=numbers[0], deviation=numbers[1], weight=numbers[2], edges=edges)


def _piece(values: Mapping[str, Any]) -> Piece:
    ranks, knots = floats_of(values, "ranks"), floats_of(values, "values")
    if len(ranks) != len(knots) or not ranks or ranks[0] != 0 or ranks[-1] != 1:
        raise ArtifactError("pieces: expected as many values as ranks, and ranks from 0 to 1")
    return Piece(ranks=_ascending(ranks, "ranks"), values=_ascending(knots, "values"))


def nearest(atoms: Floats, x: Floats) -> Codes:
    """(n,) the index of the atom closest to each value; `atoms` ascend."""
    right = np.clip(np.searchsorted(atoms, x), 1, max(len(atoms) - 1, 1))
    if len(atoms) == 1:
        return np.zeros(len(x), dtype=np.int32)
    return np.where(x - atoms[right - 1] <= atoms[right] - x, right - 1, right).astype(np.int32)


def mode_of(x: Floats, modes: tuple[Mode, ...]) -> Codes:
    """(n,) the mode with the greatest responsibility for each value.

    CTGAN draws the mode by responsibility. Taking the greatest keeps the pieces of different modes apart, so that one
    value has one code and tables over codes are not blurred.
    """
    mean, deviation, weight = (np.array([getattr(m, k) for m in modes]) for k in ("mean", "deviation", "weight"))
    distance = (x[:, None] - mean) / deviation
    responsibility: Floats = np.log(weight) - np.log(deviation) - 0.5 * distance**2
    mode: Codes = responsibility.argmax(axis=1).astype(np.int32)
    return mode
