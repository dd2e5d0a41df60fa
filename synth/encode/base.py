"""What every column encoder offers, and how encoder state is read from an untrusted file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from synth.errors import ArtifactError

Codes = NDArray[np.int32]
Residuals = NDArray[np.float32]

LARGEST = 1e100
"""Numbers beyond are refused: sums and squares of them are no longer numbers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EncodedColumn:
    """One column as the generator sees it."""

    codes: Codes
    """(records,) which of the column's `width` categories, atoms or mode pieces each record has."""
    residuals: Residuals | None
    """(records,) in [-1, 1]: where in its mode piece a record lies, 0 elsewhere; None for a column without modes."""


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

    def piece_codes(self) -> range:
        """The codes in which a residual places the value."""

    def encode(self, column: pd.Series, rng: np.random.Generator) -> EncodedColumn:
        """The column's codes and residuals."""

    def decode(self, codes: Codes, residuals: Residuals | None, rng: np.random.Generator) -> pd.Series:
        """Values for the codes and residuals, of the dtype that the column was fitted on."""

    def to_arrow(self, codes: Codes, residuals: Residuals | None, rng: np.random.Generator) -> pa.Array:
        """The same values as those of `decode`, by the same random numbers, as Arrow writes them."""

    def to_json(self) -> dict[str, Any]:
        """The encoder's state as JSON values."""


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
