"""Quantities and dates that are stored as text, or in which some values are markers of missing ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from synth.detect.contacts import holds_contact
from synth.encode.base import Codes, EncodedColumn, Kind, Quantity, Residuals, Selected, text_of
from synth.encode.numeric import NumericEncoder
from synth.encode.quantities import QUANTITIES
from synth.encode.ranges import padded
from synth.errors import ArtifactError, SchemaError
from synth.people import People, holders
from synth.rules.numbers import stands_for_another
from synth.table.ranges import Range, as_range
from synth.table.schema import ColumnSpec
from synth.table.values import parse
from synth.written.forms import ValueForm
from synth.written.markers import is_marker

STORED = ("object", "int64", "Int64", "float64")


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenEncoder(Kind):
    """The codes of the values, then one for each marker; what is decoded is written as the column was."""

    spec: ColumnSpec
    stored: str
    """The dtype of the stored column."""
    markers: tuple[str, ...]
    """Those that may be emitted."""
    inner: Quantity

    @property
    def name(self) -> str:
        """The column's name."""
        return self.spec.name

    @property
    def width(self) -> int:
        """Number of codes."""
        return self.inner.width + len(self.markers)

    @property
    def has_residual(self) -> bool:
        """Whether there are modes."""
        return self.inner.has_residual

    def piece_codes(self) -> range:
        """The codes of the pieces."""
        return self.inner.piece_codes()

    def missing_code(self) -> int | None:
        """That of the values, or of the one marker, unless there are both."""
        inner = self.inner.missing_code()
        if not self.markers:
            return inner
        # a number may also stand for another column, see `synth.encode.rules.steps.Same`: so it is not missing
        alone = inner is None and len(self.markers) == 1 and self.width > 1
        return self.width - 1 if alone and not stands_for_another(self.markers[0]) else None

    def places(self, written: int | None, markers: Sequence[str] = ()) -> int | None:
        """Those of the values, where the markers have as few."""
        return self.inner.places(written, (*markers, *self.markers)) if self.stored == "float64" else None

    def told(self, spec: ColumnSpec) -> ColumnSpec:  # noqa: ARG002 - of the protocol
        """The spec without markers that too few people have."""
        return replace(self.spec, order=())

    @property
    def numbers(self) -> NumericEncoder | None:
        """Those of the values."""
        return self.inner.numbers

    @property
    def time_unit(self) -> int:
        """That of the values."""
        return self.inner.time_unit

    def with_numbers(self, numbers: NumericEncoder) -> WrittenEncoder:
        """The column with other values."""
        return replace(self, inner=self.inner.with_numbers(numbers))

    def summary(self) -> str:
        """That of the values."""
        return self.inner.summary()

    def losses(self, values: pd.Series, least: int) -> Iterator[str]:
        """Those of the values that the stored ones stand for."""
        return self.inner.losses(parse(values, self.spec).values, least)

    def select(self, wanted: str | Range) -> Selected:
        """The values of a range, or one value; its ends may be written as the column is."""
        return padded(self.inner.select(self._meant(wanted)), self.width)

    def _meant(self, wanted: str | Range) -> str | Range:
        """Ends that are written as the column writes numbers or times of day, as the numbers that they stand for."""
        form = self.spec.value_form
        if form is None or self.spec.kind.is_moment:
            return wanted
        if isinstance(wanted, str):
            value = None if as_range(wanted) else form.parse(wanted)
            return wanted if value is None else Range(value, value)
        low, high = (form.parse(each) if isinstance(each, str) else each for each in (wanted.low, wanted.high))
        return Range(wanted.low if low is None else low, wanted.high if high is None else high)

    def encode(self, column: pd.Series, rng: np.random.Generator) -> EncodedColumn:
        """Codes and residuals of stored values, or of the values that they stand for."""
        parsed = parse(column, self.spec)
        encoded = self.inner.encode(parsed.values, rng)
        place = {text: self.inner.width + i for i, text in enumerate(self.markers)}
        code = np.array([*(place.get(text, -1) for text in self.spec.markers), -1], dtype=np.int32)[parsed.marker]
        codes = np.where(code >= 0, code, encoded.codes).astype(np.int32)
        return EncodedColumn(codes=codes, residuals=encoded.residuals)

    def decode(self, codes: Codes, residuals: Residuals | None, rng: np.random.Generator) -> pd.Series:
        """What is stored: text in the column's form, or numbers."""
        array = self.to_arrow(codes, residuals, rng)
        if self.stored == "object":
            return pd.Series(array.to_numpy(zero_copy_only=False), name=self.name, dtype=object)
        dtype = "Int64" if self.stored == "int64" and array.null_count else self.stored
        held: pd.Series = pd.Series(array.to_pandas(integer_object_nulls=True), name=self.name)
        return held.astype(pd.api.types.pandas_dtype(dtype))

    def decode_values(self, codes: Codes, residuals: Residuals | None, rng: np.random.Generator) -> pd.Series:
        """The values that the stored ones stand for; missing for a marker."""
        known = codes < self.inner.width
        values = self.inner.decode(np.where(known, codes, 0).astype(np.int32), residuals, rng)
        if not known.all() and str(values.dtype) == "int64":
            values = values.astype("Int64")
        return values if known.all() else values.mask(~known)

    def to_arrow(self, codes: Codes, residuals: Residuals | None, rng: np.random.Generator) -> pa.Array:
        """The same as `decode`."""
        values = self.decode_values(codes, residuals, rng)
        at, distinct = pd.factorize(values, use_na_sentinel=True)
        shown = np.array([*(self._written(value) for value in distinct), None], dtype=object)[at]
        for i, text in enumerate(self.markers):
            shown[codes == self.inner.width + i] = text
        if self.stored == "object":
            return pa.array(shown, pa.string())
        kind = float if self.stored == "float64" else _whole
        return pa.array([None if text is None else kind(text) for text in shown])

    def _written(self, value: Any) -> str:  # noqa: ANN401 - numbers and timestamps
        form: ValueForm | None = self.spec.value_form
        if form is None:
            return repr(value.item() if isinstance(value, np.generic) else value)
        return form.format(self.inner.counted(value))

    def to_json(self) -> dict[str, Any]:
        """The encoder's state as JSON values."""
        return {
            "encoder": "written",
            "column": self.spec.to_json(),
            "stored": self.stored,
            "markers": list(self.markers),
            "inner": self.inner.to_json(),
        }

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> WrittenEncoder:
        """The encoder that `to_json` wrote. Raises ArtifactError on anything else."""
        column, inner, markers = values.get("column"), values.get("inner"), values.get("markers")
        if not isinstance(column, dict) or not isinstance(inner, dict) or not isinstance(markers, list):
            raise ArtifactError("written: expected a column, its markers and the state of an encoder")
        try:
            spec = ColumnSpec.from_json(column)
        except SchemaError as error:
            raise ArtifactError(f"written: {error}") from error
        if not set(map(str, markers)) <= set(spec.markers):
            raise ArtifactError("markers: expected those of the column")
        known = {kind.encoder: kind.read for kind in QUANTITIES.values()}
        read = known[text_of(inner, "encoder", among=tuple(known))]
        return WrittenEncoder(
            spec=spec,
            stored=text_of(values, "stored", among=STORED),
            markers=tuple(map(str, markers)),
            inner=read(inner),
        )


def _whole(text: str) -> int:
    return int(float(text)) if "." in text or "e" in text else int(text)


def fit_written(
    column: pd.Series,
    spec: ColumnSpec,
    rng: np.random.Generator,
    *,
    min_count: int,
    max_modes: int,
    max_pieces: int,
    people: People,
) -> WrittenEncoder:
    """The encoder of a column that is stored as text or holds markers.

    Values and markers that fewer than `min_count` people have are not emitted, nor markers with an e-mail address, a
    phone number or an IBAN; such markers count as missing. The spec
    of the encoder leaves out those of them that are no common marker, such as a name typed into a column of amounts.
    """
    parsed = parse(column, spec)
    marked = parsed.marker >= 0
    held = holders(parsed.marker[marked].astype(np.int64), people[marked], len(spec.markers))
    kept = [i for i, text in enumerate(spec.markers) if held[i] >= min_count and not holds_contact(text)]
    rest = ~np.isin(parsed.marker, kept)
    fit = QUANTITIES[spec.kind].fit
    values = parsed.values[rest].reset_index(drop=True).rename(spec.name)
    if str(values.dtype) == "Int64" and not values.isna().any():
        values = values.astype("int64")
    inner = fit(values, rng, min_count=min_count, max_modes=max_modes, max_pieces=max_pieces, people=people[rest])
    stored = "object" if column.dtype == object else str(column.dtype)
    told = tuple(text for i, text in enumerate(spec.markers) if i in kept or is_marker(text) or _is_number(text))
    return WrittenEncoder(
        spec=replace(spec, markers=told),
        stored=stored if stored in STORED else "float64",
        markers=tuple(spec.markers[i] for i in kept),
        inner=inner,
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
