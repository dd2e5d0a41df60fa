"""The registry of the kinds of columns: how a column of each kind is fitted, and how its encoder is read from a file.

A new kind has a module with its encoder (`synth.encode.base.ColumnEncoder`) and a line in each of the two tables here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.encode.base import ColumnEncoder
from synth.encode.categorical import CategoricalEncoder, fit_categorical, is_nearly_empty
from synth.encode.identifier import PresenceEncoder
from synth.encode.quantities import QUANTITIES
from synth.encode.written import WrittenEncoder, fit_written
from synth.people import People
from synth.randomness import some_of
from synth.table.schema import ColumnKind, ColumnSpec

FITTED_RECORDS = 1_000_000
"""The encoder of a quantity is fitted on at most so many records, drawn at random from a larger table."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Limits on what an encoder emits and how fine it is."""

    min_count: int
    """People who back whatever is emitted, at least"""
    max_modes: int
    """Components of a quantity's mixture, at most"""
    max_pieces: int
    """Pieces of a quantity, at most"""


Fit = Callable[[pd.Series, ColumnSpec, People, Limits, np.random.Generator], ColumnEncoder | None]
"""The encoder of a column; None where its values are to be made up."""


def _quantity(
    column: pd.Series, spec: ColumnSpec, people: People, limits: Limits, rng: np.random.Generator
) -> ColumnEncoder:
    """Of numbers or dates, however they are written."""
    part = _part(column, rng)
    column, people = column.iloc[part], people[part]
    bounds = {"min_count": limits.min_count, "max_modes": limits.max_modes, "max_pieces": limits.max_pieces}
    if spec.is_written:
        return fit_written(column, spec, rng, people=people, **bounds)
    return QUANTITIES[spec.kind].fit(column, rng, people=people, **bounds)


def _part(column: pd.Series, rng: np.random.Generator) -> NDArray[np.int64]:
    """The records that the encoder of a quantity is fitted on; a missing value among them where the column has one.

    Whatever is backed by enough people in a part of the table is backed by enough in the whole.
    """
    part = some_of(len(column), FITTED_RECORDS, rng)
    absent = column.isna().to_numpy()
    if absent.any() and not absent[part].any():
        part[-1] = int(absent.argmax())
    return part


def _categories(
    column: pd.Series, _spec: ColumnSpec, people: People, limits: Limits, _rng: np.random.Generator
) -> ColumnEncoder | None:
    return fit_categorical(column, min_count=limits.min_count, people=people)


def _identifier(
    column: pd.Series, spec: ColumnSpec, people: People, limits: Limits, rng: np.random.Generator
) -> ColumnEncoder | None:
    """None, but of a column that next to nobody has: there is nothing to make up."""
    empty = is_nearly_empty(column, people, limits.min_count)
    return _categories(column, spec, people, limits, rng) if empty else None


FITS: Mapping[ColumnKind, Fit] = {
    **dict.fromkeys(QUANTITIES, _quantity),
    ColumnKind.CATEGORICAL: _categories,
    ColumnKind.IDENTIFIER: _identifier,
}
"""By the kind that the schema gives a column."""
READS: Mapping[str, Callable[[Mapping[str, Any]], ColumnEncoder]] = {
    **{kind.encoder: kind.read for kind in QUANTITIES.values()},
    "categorical": CategoricalEncoder.from_json,
    "written": WrittenEncoder.from_json,
    "presence": PresenceEncoder.from_json,
}
"""By the name that an encoder has in a model file."""
