"""A kind of column: what its encoder offers, and how encoder state is read from an untrusted file.

`synth.encode.kinds` registers the kinds. `Kind` has the defaults.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from synth.errors import ArtifactError
from synth.table.ranges import Range
from synth.table.schema import ColumnSpec

if TYPE_CHECKING:
    from synth.encode.numeric import NumericEncoder
    from synth.encode.surrogate import Surrogate

Codes = NDArray[np.int32]
Residuals = NDArray[np.float32]

LARGEST = 1e100
"""Larger numbers are refused: sums of their squares overflow."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EncodedColumn:
    """One column as the generator sees it."""

    codes: Codes
    """(records,) which of the column's `width` categories, atoms or mode pieces each record has."""
    residuals: Residuals | None
    """(records,) in [-1, 1]: where in its mode piece a record lies, 0 elsewhere; None for a column without modes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Selected:
    """What of one column a condition selects."""

    shares: NDArray[np.float64]
    """(width,) how much of each code: 0, 1, or of a piece the share of its ranks"""
    low: NDArray[np.float32]
    """(width,) the least residual selected"""
    high: NDArray[np.float32]
    """(width,) the greatest"""


class ColumnEncoder(Protocol):
    """Turns the values of one column into codes and residuals, and back."""

    @property
    def name(self) -> str:
        """The column's name."""

    @property
    def width(self) -> int:
        """Number of codes."""

    @property
    def has_residual(self) -> bool:
        """Whether some codes are mode pieces, in which a residual places the value."""

    @property
    def whole_days(self) -> bool:
        """Whether it holds dates without a time."""

    @property
    def made_up(self) -> Surrogate | None:
        """What makes its values up; None where they are learnt."""

    @property
    def numbers(self) -> NumericEncoder | None:
        """The numbers inside of a quantity, as they are counted; None for a kind whose values are not counted."""

    @property
    def time_unit(self) -> int:
        """Microseconds that one of `numbers` stands for; 0 for a kind without dates."""

    def with_numbers(self, numbers: NumericEncoder) -> ColumnEncoder:
        """The column of a quantity with other numbers inside. Raises TypeError on a kind that has none."""

    def piece_codes(self) -> range:
        """The codes in which a residual places the value."""

    def rare_code(self) -> int | None:
        """The code for values that may not be emitted, which decodes to another one each time; None without one."""

    def missing_code(self) -> int | None:
        """The code that says that the value is missing, or is the one text that stands for that, as NA in R's files.

        None where there is none or several, and where there are no other codes.
        """

    def places(self, written: int | None, markers: Sequence[str] = ()) -> int | None:
        """How many decimal places CSV shows of all values, of which some are `markers`; None for as many as each has.

        As many as the column was `written` with, and one of doubles that are all whole: they would be read as integers.
        """

    def told(self, spec: ColumnSpec) -> ColumnSpec:
        """What of the column's spec stands in the model file: nothing that too few people have."""

    def summary(self) -> str:
        """What is learnt of the column, in a few words."""

    def losses(self, values: pd.Series, least: int) -> Iterator[str]:
        """What of the table's values will not come back, a phrase each; `least` people must stand behind a value."""

    def frequencies(self, counts: NDArray[np.float64]) -> Mapping[str, float]:
        """How often it has each of its categories, in the order of their codes, which `counts` (width,) counts.

        Empty for a kind without categories.
        """

    def select(self, wanted: str | Range) -> Selected:
        """What a condition selects: a category, a value or a range.

        Raises ConditionError where that is nothing that may be emitted, or where the condition is of another kind.
        """

    def encode(self, column: pd.Series, rng: np.random.Generator) -> EncodedColumn:
        """The column's codes and residuals."""

    def decode(self, codes: Codes, residuals: Residuals | None, rng: np.random.Generator) -> pd.Series:
        """Values for the codes and residuals, of the dtype that the column was fitted on."""

    def decode_values(self, codes: Codes, residuals: Residuals | None, rng: np.random.Generator) -> pd.Series:
        """Numbers and dates in place of the texts that stand for them."""

    def to_arrow(self, codes: Codes, residuals: Residuals | None, rng: np.random.Generator) -> pa.Array:
        """The same values as those of `decode`, by the same random numbers, as Arrow writes them."""

    def to_json(self) -> dict[str, Any]:
        """The encoder's state as JSON values."""


class Quantity(ColumnEncoder, Protocol):
    """A kind whose values are counted."""

    def with_numbers(self, numbers: NumericEncoder) -> Quantity:
        """The column with other numbers inside."""

    def counted(self, value: Any) -> float:  # noqa: ANN401 - a number or a timestamp
        """The number that a form of the column writes for a value that `decode` gave."""


class Kind:
    """The defaults of a kind of column."""

    __slots__ = ()

    @property
    def has_residual(self) -> bool:
        """False: there is nothing inside of a code."""
        return False

    @property
    def whole_days(self) -> bool:
        """False."""
        return False

    @property
    def made_up(self) -> Surrogate | None:
        """None: values are learnt."""
        return None

    @property
    def numbers(self) -> NumericEncoder | None:
        """None."""
        return None

    @property
    def time_unit(self) -> int:
        """0."""
        return 0

    def with_numbers(self, numbers: NumericEncoder) -> ColumnEncoder:  # noqa: ARG002 - of the protocol
        """Raises TypeError."""
        raise TypeError(f"expected the encoder of a quantity, got {type(self).__name__}")

    def piece_codes(self) -> range:
        """None."""
        return range(0)

    def rare_code(self) -> int | None:
        """None."""
        return None

    def missing_code(self) -> int | None:
        """None."""
        return None

    def places(self, written: int | None, markers: Sequence[str] = ()) -> int | None:  # noqa: ARG002
        """None: as many as each value has."""
        return None

    def told(self, spec: ColumnSpec) -> ColumnSpec:
        """The spec without an order of categories."""
        return replace(spec, order=())

    def summary(self: ColumnEncoder) -> str:
        """How many codes there are."""
        return f"{self.width:,} values"

    def losses(self, values: pd.Series, least: int) -> Iterator[str]:  # noqa: ARG002 - of the protocol
        """Nothing that is known."""
        return iter(())

    def frequencies(self, counts: NDArray[np.float64]) -> Mapping[str, float]:  # noqa: ARG002 - of the protocol
        """Empty."""
        return {}

    def decode_values(
        self: ColumnEncoder, codes: Codes, residuals: Residuals | None, rng: np.random.Generator
    ) -> pd.Series:
        """The same as `decode`."""
        return self.decode(codes, residuals, rng)


def count_of(values: Mapping[str, Any], name: str, *, least: int = 0) -> int:
    """The integer called `name`. Raises ArtifactError where it is none or less than `least`."""
    value = values.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ArtifactError(f"{name}: expected an integer of {least} or more")
    return value


def flag_of(values: Mapping[str, Any], name: str) -> bool:
    """The boolean called `name`. Raises ArtifactError where it is none."""
    value = values.get(name)
    if not isinstance(value, bool):
        raise ArtifactError(f"{name}: expected true or false")
    return value


def text_of(values: Mapping[str, Any], name: str, *, among: Sequence[str] | None = None) -> str:
    """The text called `name`. Raises ArtifactError where it is none or not `among` the allowed ones."""
    value = values.get(name)
    if not isinstance(value, str) or (among is not None and value not in among):
        raise ArtifactError(f"{name}: expected text" + (f" among {list(among)}" if among else ""))
    return value


def floats_of(values: Mapping[str, Any], name: str) -> tuple[float, ...]:
    """The finite numbers called `name`. Raises ArtifactError where one is not."""
    value = values.get(name)
    if not isinstance(value, list):
        raise ArtifactError(f"{name}: expected a list of numbers")
    if not all(isinstance(v, (int, float)) and not isinstance(v, bool) and abs(v) <= LARGEST for v in value):
        raise ArtifactError(f"{name}: expected finite numbers only")
    return tuple(float(v) for v in value)


def list_of(values: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The objects called `name`. Raises ArtifactError where one is none."""
    value = values.get(name)
    if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
        raise ArtifactError(f"{name}: expected a list of objects")
    return value
