"""Columns whose values come from a list, and columns that are never learnt."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from synth.detect.contacts import holds_contact
from synth.encode.base import Codes, EncodedColumn, Kind, Residuals, Selected, flag_of, floats_of, text_of
from synth.encode.ranges import ends
from synth.errors import ArtifactError, ConditionError, TableError
from synth.people import People, at_least, holders
from synth.table.ranges import Range, category_meant
from synth.table.schema import ColumnSpec
from synth.written.markers import is_marker

DTYPES = ("object", "int64", "float64", "Int64", "bool")
Category = str | int | float | bool


@dataclass(frozen=True, kw_only=True, slots=True)
class CategoricalEncoder(Kind):
    """The categories of a column: code i is the i-th category, then the rare code, then the missing one."""

    name: str
    dtype: str
    categories: tuple[Category, ...]
    """Categories that may be emitted, most frequent first."""
    weights: tuple[float, ...]
    """How frequent each is; a rare code decodes to one of them drawn by these."""
    rare: bool
    """Whether there is a code for the categories that may not be emitted."""
    missing: bool
    """Whether there is a code for missing values."""

    @property
    def width(self) -> int:
        """Number of codes."""
        return len(self.categories) + self.rare + self.missing

    def missing_code(self) -> int | None:
        """The missing code, or the one category that stands for it."""
        if self.width < 2:
            return None
        if self.missing:
            return self.width - 1
        markers = [i for i, each in enumerate(self.categories) if isinstance(each, str) and is_marker(each)]
        return markers[0] if len(markers) == 1 else None

    def rare_code(self) -> int | None:
        """The code after those of the categories, where some are rare."""
        return len(self.categories) if self.rare else None

    def summary(self) -> str:
        """How many categories there are."""
        return f"{len(self.categories):,} categories" + (", or missing" if self.missing else "")

    def losses(self, values: pd.Series, least: int) -> Iterator[str]:
        """The rare categories."""
        if self.rare:
            distinct, kept = values.nunique(), len(self.categories)
            share = 1 - float(values.isin(list(self.categories)).sum()) / max(int(values.notna().sum()), 1)
            yield (
                f"{distinct - kept:,} of {distinct:,} categories, {share:.2%} of the values: fewer than {least} people "
                "have each, or they hold contact details; the others take their place"
            )

    def frequencies(self, counts: NDArray[np.float64]) -> Mapping[str, float]:
        """See `ColumnEncoder`: the rare code counts for the categories that it decodes to."""
        hidden = float(counts[len(self.categories)]) / math.fsum(self.weights) if self.rare else 0.0
        each = zip(self.categories, self.weights, counts, strict=False)
        return {str(category): float(own) + hidden * weight for category, weight, own in each}

    def told(self, spec: ColumnSpec) -> ColumnSpec:
        """The spec with the order of the categories that may be emitted."""
        emitted = set(map(str, self.categories))
        return replace(spec, order=tuple(each for each in spec.order if each in emitted))

    def encode(self, column: pd.Series, rng: np.random.Generator) -> EncodedColumn:  # noqa: ARG002 - of the protocol
        """Codes of the column. Unknown categories take the rare code, or the first where there is none."""
        index = pd.Index(list(self.categories))
        codes = index.get_indexer(pd.Index(column)).astype(np.int32)
        codes[codes < 0] = len(self.categories) if self.rare else 0
        if self.missing:
            codes[column.isna().to_numpy()] = self.width - 1
        return EncodedColumn(codes=codes, residuals=None)

    def decode(self, codes: Codes, residuals: Residuals | None, rng: np.random.Generator) -> pd.Series:  # noqa: ARG002
        """Categories of the codes; rare codes become categories drawn by frequency."""
        codes = self._shown(codes, rng)
        values = np.empty(self.width, dtype=object)
        values[: len(self.categories)] = self.categories
        absent = codes >= len(self.categories)
        column: pd.Series = pd.Series(values[codes], name=self.name, dtype=object)
        if self.dtype == "object":
            return column
        return column.where(~absent, np.nan).astype(pd.api.types.pandas_dtype(self.dtype))

    def to_arrow(self, codes: Codes, residuals: Residuals | None, rng: np.random.Generator) -> pa.Array:  # noqa: ARG002
        """The same as `decode`; text as a dictionary of the categories."""
        codes = self._shown(codes, rng)
        absent = codes >= len(self.categories)
        if self.dtype == "object":
            return pa.DictionaryArray.from_arrays(
                pa.array(codes, mask=absent), pa.array(self.categories, pa.string()), safe=False
            )
        kind = "int64" if self.dtype == "Int64" else self.dtype
        values = np.zeros(self.width, dtype=kind)
        values[: len(self.categories)] = self.categories
        return pa.array(values[codes], mask=absent)

    def _shown(self, codes: Codes, rng: np.random.Generator) -> Codes:
        """The codes, the rare one replaced by those of categories drawn by frequency."""
        if not self.rare:
            return codes
        codes = codes.copy()
        hidden = codes == len(self.categories)
        weights = np.asarray(self.weights)
        codes[hidden] = rng.choice(len(self.categories), size=int(hidden.sum()), p=weights / weights.sum())
        return codes

    def select(self, wanted: str | Range) -> Selected:
        """The category that a text means. Raises ConditionError where there is none, and on a range."""
        if isinstance(wanted, Range):
            raise ConditionError(f"column {self.name!r}: expected a category for a categorical column, got a range")
        shares = np.zeros(self.width)
        shares[self.code_of(wanted)] = 1.0
        return Selected(shares=shares, low=ends(self.width, -1.0), high=ends(self.width, 1.0))

    def code_of(self, text: str) -> int:
        """The code of the category that `text` means. Raises ConditionError where there is none."""
        meant = category_meant(self.categories, text)
        if meant is not None:
            return self.categories.index(meant)
        raise ConditionError(f"column {self.name!r}: expected a category that this model may emit, got another one")

    def to_json(self) -> dict[str, Any]:
        """The encoder's state as JSON values."""
        return {
            "encoder": "categorical",
            "name": self.name,
            "dtype": self.dtype,
            "categories": list(self.categories),
            "weights": list(self.weights),
            "rare": self.rare,
            "missing": self.missing,
        }

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> CategoricalEncoder:
        """The encoder that `to_json` wrote. Raises ArtifactError on anything else."""
        dtype = text_of(values, "dtype", among=DTYPES)
        wanted = {"object": str, "bool": bool, "float64": (int, float)}.get(dtype, int)
        categories = values.get("categories")
        if not isinstance(categories, list) or not all(isinstance(c, wanted) for c in categories):  # type: ignore[arg-type]
            raise ArtifactError(f"categories: expected a list of {dtype} values")
        weights = floats_of(values, "weights")
        if len(weights) != len(categories) or len(set(categories)) != len(categories) or min(weights, default=1) <= 0:
            raise ArtifactError("weights: expected a positive number for each of the distinct categories")
        encoder = CategoricalEncoder(
            name=text_of(values, "name"),
            dtype=dtype,
            categories=tuple(categories),
            weights=weights,
            rare=flag_of(values, "rare"),
            missing=flag_of(values, "missing"),
        )
        if encoder.width == 0 or (encoder.rare and not categories):
            raise ArtifactError("categories: expected at least one")
        return encoder


def fit_categorical(column: pd.Series, *, min_count: int, people: People | None = None) -> CategoricalEncoder | None:
    """The encoder of a column; categories that fewer than `min_count` people hold become the rare code.

    So do texts with an e-mail address, a phone number or an IBAN, however many people hold them.

    `people` is (records,), whom each record is about; without it each is about somebody else. A column in which fewer
    than `min_count` people have a value at all comes out empty. None where more have one but no category is frequent
    enough to be emitted.
    Raises TableError on a dtype that no category can have.
    """
    dtype = str(column.dtype)
    if dtype not in DTYPES:
        raise TableError(f"column {column.name!r}: expected categories of {list(DTYPES)}, got {dtype}")
    counts = column.value_counts(sort=False)
    held = counts.to_numpy() if people is None else _held(column, counts.index, people)
    number, names = counts.to_numpy(), counts.index.to_numpy(dtype=object)
    kept = [i for i in np.flatnonzero(held >= min_count).tolist() if not _is_contact(names[i])]
    hidden = len(kept) < len(counts)
    if not kept and hidden:
        if not is_nearly_empty(column, people, min_count):
            return None
        hidden = False
    kept.sort(key=lambda i: (-number[i], str(names[i])))
    return CategoricalEncoder(
        name=str(column.name),
        dtype=dtype,
        categories=tuple(_plain(names[i]) for i in kept),
        weights=tuple(float(number[i]) for i in kept),
        rare=hidden,
        missing=bool(column.isna().any()),
    )


def is_nearly_empty(column: pd.Series, people: People | None, min_count: int) -> bool:
    """Whether some records have no value, and fewer than `min_count` people have one."""
    present = column.notna().to_numpy()
    return not present.all() and not at_least(np.flatnonzero(present) if people is None else people[present], min_count)


def _is_contact(category: object) -> bool:
    return isinstance(category, str) and holds_contact(category)


def _held(column: pd.Series, categories: pd.Index, people: People) -> NDArray[np.int64]:
    group = categories.get_indexer(pd.Index(column))
    known = (group >= 0) & column.notna().to_numpy()
    return holders(group[known], people[known], len(categories))


def _plain(value: Any) -> Category:  # noqa: ANN401 - numpy scalars have no common type
    plain: Category = value.item() if isinstance(value, np.generic) else value
    return plain
