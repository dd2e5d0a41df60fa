"""Quantities: atoms for values that repeat, mixture modes cut into pieces for the rest, a missing code.

Mode-specific normalization as in CTGAN (Xu et al. 2019, section 4.2), with two changes. A mode is cut into pieces of
about equal mass, so that tables over codes see the shape inside a mode. The residual is not (x - mean) / 4 sd but the
rank of x inside its piece, scaled to [-1, 1]: uniform by construction, and mapped back by the piece's own quantiles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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
from synth.encode.modes import Mode, Piece, ascending, mode_of, quantiles, read_mode, read_piece
from synth.encode.ranges import Floats, beyond, number_of, range_meant, select_between
from synth.encode.stepped import Stepped
from synth.errors import ArtifactError
from synth.table.ranges import Range

DTYPES = ("int64", "float64", "Int64", "object")
LARGEST_INTEGER = 2**62
LARGEST_DECIMAL = 1e15
"""Of larger numbers a double does not hold decimals."""


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

    @property
    def numbers(self) -> NumericEncoder:
        """The column itself."""
        return self

    def with_numbers(self, numbers: NumericEncoder) -> NumericEncoder:
        """The numbers themselves."""
        return numbers

    def summary(self) -> str:
        """How many ranges and single values there are."""
        ranges = f"{len(self.pieces):,} ranges and {len(self.atoms):,} single values"
        return ranges + (", or missing" if self.missing else "")

    def losses(self, values: pd.Series, least: int) -> Iterator[str]:
        """What lies further out than enough people share, and last digits."""
        if self.pieces:
            yield from beyond(values.to_numpy(dtype=np.float64, na_value=np.nan), self.low, self.high, least)
            if self.decimals is None:
                yield "the last digits: values between those of the table are interpolated"

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
            "pieces": [{"ranks": list(p.ranks[1:-1]), "values": list(p.values)} for p in self.pieces],
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
            atoms=ascending(floats_of(values, "atoms"), "atoms"),
            modes=tuple(read_mode(m) for m in list_of(values, "modes")),
            pieces=tuple(read_piece(p) for p in list_of(values, "pieces")),
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


def _has_places(marker: float, places: int) -> bool:
    return abs(marker) < LARGEST_DECIMAL and round(marker, places) == marker


def _whole(values: Floats) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """(integers, which are missing) of whole numbers and NaN."""
    absent = np.isnan(values)
    return np.where(absent, 0.0, values).astype(np.int64), absent


def nearest(atoms: Floats, x: Floats) -> Codes:
    """(n,) the index of the atom closest to each value; `atoms` ascend."""
    right = np.clip(np.searchsorted(atoms, x), 1, max(len(atoms) - 1, 1))
    if len(atoms) == 1:
        return np.zeros(len(x), dtype=np.int32)
    return np.where(x - atoms[right - 1] <= atoms[right] - x, right - 1, right).astype(np.int32)
