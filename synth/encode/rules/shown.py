"""How the values of a column that is restored are stored and written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from synth.encode.base import flag_of, floats_of, text_of
from synth.encode.datetime import DTYPES as MOMENTS
from synth.errors import ArtifactError, SchemaError
from synth.people import People
from synth.rules.ends import MICROS
from synth.rules.numbers import UNITS, Numbers, Unit, is_dates, numbers_of, unit_of
from synth.table.schema import ColumnSpec
from synth.table.values import parse

STORED = ("int64", "Int64", "float64", "object", *MOMENTS)
LARGEST = 1e15
"""Greater numbers are not restored: doubles do not hold their decimals."""
FARTHEST_DAY = 106_000
"""Days from 1970 to the last year that all types of dates can count."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A column of numbers or dates: its spec, how it is stored, and what its values are whole in."""

    spec: ColumnSpec
    stored: str
    """The dtype of the stored column"""
    dates: bool
    per: float
    """Units in 1, or in a day; 0 where there is no such unit"""

    @property
    def name(self) -> str:
        """The column's name."""
        return self.spec.name

    @property
    def unit(self) -> Unit:
        """What the values are whole in."""
        return Unit(self.per)

    @property
    def whole_days(self) -> bool:
        """Whether it holds dates without a time."""
        return self.dates and self.per == 1 and self.spec.value_form is None

    @property
    def places(self) -> int | None:
        """How many places CSV shows, as `NumericEncoder.places` has it."""
        if self.stored != "float64" or self.dates or self.per == 0:
            return None
        own, most = round(np.log10(self.per)), self.spec.places or 0
        return max(most, 1) if own <= most else None

    def rounded(self, numbers: Numbers) -> Numbers:
        """(n,) the nearest values that the column can have."""
        within = np.clip(numbers, -self.reach, self.reach)
        return within if self.per == 0 else self.unit.numbers(self.unit.count(within))

    @property
    def reach(self) -> float:
        """The largest number that is restored, or the farthest day."""
        return FARTHEST_DAY if self.dates else LARGEST

    def written(self, numbers: Numbers) -> pd.Series:
        """(n,) the values as they are stored; NaN is missing."""
        absent = np.isnan(numbers)
        values = np.where(absent, 0.0, self.rounded(numbers))
        form = self.spec.value_form
        if form is not None and self.stored not in MOMENTS:
            counted = np.rint(values * MICROS) if self.dates else values
            at, distinct = pd.factorize(counted)
            texts = [form.format(int(each) if self.dates else float(each)) for each in distinct]
            shown = np.array([*texts, None], dtype=object)[np.where(absent, len(texts), at)]
            if self.stored == "object":
                return pd.Series(shown, name=self.name, dtype=object)
            values = np.array([0.0 if text is None else float(text) for text in shown])
        if self.stored in MOMENTS:
            moments = np.rint(values * MICROS).astype(np.int64).astype("datetime64[us]")
            moments[absent] = np.datetime64("NaT")
            return pd.Series(moments.astype(self.stored), name=self.name)
        if self.stored == "float64":
            return pd.Series(np.where(absent, np.nan, values), name=self.name)
        whole = np.rint(values).astype(np.int64)
        if self.stored == "int64" and not absent.any():
            return pd.Series(whole, name=self.name)
        return pd.Series(pd.arrays.IntegerArray(whole, absent), name=self.name)

    def told(self) -> Shown:
        """What may stand in a model file: no order of categories, no markers, and nothing of how it was read."""
        return replace(self, spec=replace(self.spec, order=(), markers=(), reason="", doubt=""))

    def to_json(self) -> dict[str, Any]:
        """JSON values; `from_json` reads them back."""
        return {"column": self.spec.to_json(), "stored": self.stored, "dates": self.dates, "per": self.per}

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> Shown:
        """What `to_json` wrote. Raises ArtifactError on anything else."""
        column = values.get("column")
        if not isinstance(column, dict):
            raise ArtifactError("rules: expected a column")
        try:
            spec = ColumnSpec.from_json(column)
        except SchemaError as error:
            raise ArtifactError(f"rules: {error}") from error
        dates, (per,) = flag_of(values, "dates"), floats_of({"per": [values.get("per")]}, "per")
        stored = text_of(values, "stored", among=STORED)
        allowed = {MICROS / unit for unit in UNITS} if dates else {0.0, *(10.0**p for p in range(7))}
        if per not in allowed or (stored in MOMENTS) > dates or (stored == "object") > (spec.value_form is not None):
            raise ArtifactError("rules: expected a unit and a type that fit the column")
        return Shown(spec=spec, stored=stored, dates=dates, per=per)


def shown_of(column: pd.Series, spec: ColumnSpec, people: People | None = None) -> Shown:
    """How a stored column is written; its unit is that of values of enough people."""
    values = parse(column, spec).values
    dates = is_dates(values)
    if column.dtype == object:
        stored = "object"
    elif pd.api.types.is_datetime64_any_dtype(column.dtype):
        stored = str(column.dtype)
    elif pd.api.types.is_float_dtype(column.dtype):
        stored = "float64"
    else:
        stored = "Int64" if column.isna().any() else "int64"
    return Shown(spec=spec, stored=stored, dates=dates, per=unit_of(numbers_of(values), dates=dates, people=people).per)


def arrow_of(column: pd.Series) -> pa.Array:
    """A restored column as Arrow; its type follows from its dtype, whatever is missing."""
    if column.dtype == object:
        return pa.array(column, pa.string(), from_pandas=True)
    if pd.api.types.is_integer_dtype(column.dtype):
        return pa.array(column, pa.int64(), from_pandas=True)
    return pa.array(column, from_pandas=True)
