"""Dates and points in time: a quantity counted in the coarsest unit of which all values are multiples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from synth.encode.base import Codes, EncodedColumn, Kind, Residuals, Selected, count_of, text_of
from synth.encode.fit_numeric import fit_numeric
from synth.encode.numeric import NumericEncoder
from synth.encode.ranges import micros_of, range_meant, select_between
from synth.errors import ArtifactError
from synth.people import People, at_least
from synth.table.ranges import Range

UNITS = (86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000, 1_000, 1)
"""Microseconds in a day, an hour, a minute, a second, a millisecond and a microsecond."""
DTYPES = ("datetime64[s]", "datetime64[ms]", "datetime64[us]", "datetime64[ns]")


@dataclass(frozen=True, kw_only=True, slots=True)
class DatetimeEncoder(Kind):
    """A datetime column as a number of units since 1970."""

    dtype: str
    unit: int
    """Microseconds; all values are multiples of it."""
    inner: NumericEncoder

    @property
    def name(self) -> str:
        """The column's name."""
        return self.inner.name

    @property
    def width(self) -> int:
        """Number of codes."""
        return self.inner.width

    @property
    def has_residual(self) -> bool:
        """Whether there are modes."""
        return self.inner.has_residual

    def piece_codes(self) -> range:
        """The codes of the pieces."""
        return self.inner.piece_codes()

    def missing_code(self) -> int | None:
        """That of the units."""
        return self.inner.missing_code()

    @property
    def numbers(self) -> NumericEncoder:
        """The units."""
        return self.inner

    @property
    def time_unit(self) -> int:
        """The unit."""
        return self.unit

    def with_numbers(self, numbers: NumericEncoder) -> DatetimeEncoder:
        """The column with other units."""
        return replace(self, inner=numbers)

    def summary(self) -> str:
        """That of the units."""
        return self.inner.summary()

    def losses(self, values: pd.Series, least: int) -> Iterator[str]:
        """Those of the units."""
        return self.inner.losses(self.units(values), least)

    def select(self, wanted: str | Range) -> Selected:
        """The moments of a range of dates or datetimes, or one of them."""
        meant = range_meant(self.name, wanted)
        low, high = micros_of(self.name, meant.low, last=False), micros_of(self.name, meant.high, last=True)
        least = None if low is None else -(-low // self.unit)
        return select_between(self.inner, least, None if high is None else high // self.unit)

    def counted(self, value: Any) -> float:  # noqa: ANN401 - a timestamp
        """Microseconds since 1970."""
        return int(np.datetime64(value, "us").astype(np.int64))

    def encode(self, column: pd.Series, rng: np.random.Generator) -> EncodedColumn:
        """Codes and residuals of the units since 1970."""
        return self.inner.encode(self.units(column), rng)

    def units(self, column: pd.Series) -> pd.Series:
        """The column in units since 1970, as `inner` counts it."""
        return _to_units(column, self.unit)

    def decode(self, codes: Codes, residuals: Residuals | None, rng: np.random.Generator) -> pd.Series:  # noqa: ARG002
        """Datetimes within the learnt range, whole in the learnt unit."""
        return pd.Series(self._times(codes, residuals), name=self.name)

    def to_arrow(self, codes: Codes, residuals: Residuals | None, rng: np.random.Generator) -> pa.Array:  # noqa: ARG002
        """The same as `decode`."""
        return pa.array(self._times(codes, residuals))

    @property
    def whole_days(self) -> bool:
        """Whether all values are at midnight."""
        return self.unit == UNITS[0]

    def _times(self, codes: Codes, residuals: Residuals | None) -> NDArray[np.datetime64]:
        units = self.inner.emitted(codes, residuals)
        absent = np.isnan(units)
        micros = np.where(absent, 0.0, units).astype(np.int64) * self.unit
        times = micros.astype("datetime64[us]")
        times[absent] = np.datetime64("NaT")
        return times.astype(self.dtype)

    def to_json(self) -> dict[str, Any]:
        """The encoder's state as JSON values."""
        return {
            "encoder": "datetime",
            "dtype": self.dtype,
            "unit": self.unit,
            "inner": self.inner.to_json(),
        }

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> DatetimeEncoder:
        """The encoder that `to_json` wrote. Raises ArtifactError on anything else."""
        unit, inner = count_of(values, "unit"), values.get("inner")
        if unit not in UNITS or not isinstance(inner, dict):
            raise ArtifactError("datetime: expected a known unit and the state of a numeric encoder")
        encoder = NumericEncoder.from_json(inner)
        dtype = text_of(values, "dtype", among=DTYPES)
        most = 2**63 // 1000 if dtype == "datetime64[ns]" else 2**62
        if encoder.dtype != "Int64" or max(abs(encoder.low), abs(encoder.high)) * unit > most:
            raise ArtifactError(f"datetime: expected whole units within the years that {dtype} can count")
        return DatetimeEncoder(dtype=dtype, unit=unit, inner=encoder)


def _to_units(column: pd.Series, unit: int) -> pd.Series:
    micros = column.to_numpy().astype("datetime64[us]")
    units = np.where(np.isnat(micros), 0, micros.astype(np.int64) // unit)
    return pd.Series(units, name=column.name, dtype="Int64").mask(np.isnat(micros))


def fit_datetime(
    column: pd.Series,
    rng: np.random.Generator,
    *,
    min_count: int,
    max_modes: int,
    max_pieces: int,
    people: People | None = None,
) -> DatetimeEncoder:
    """The encoder of a datetime column; everything that it can emit is backed by at least `min_count` people."""
    if not pd.api.types.is_datetime64_dtype(column.dtype):
        column = column.astype("datetime64[us]")
    present = column.notna().to_numpy()
    micros = column[present].to_numpy().astype("datetime64[us]").astype(np.int64)
    who = np.arange(len(micros)) if people is None else people[present]
    unit = next((u for u in UNITS if not at_least(who[micros % u != 0], min_count)), UNITS[-1])
    units = _to_units(column, unit)
    inner = fit_numeric(units, rng, min_count=min_count, max_modes=max_modes, max_pieces=max_pieces, people=people)
    return DatetimeEncoder(dtype=str(column.dtype), unit=unit, inner=inner)
