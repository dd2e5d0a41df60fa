"""Conditions that are the same for every kind of column: one of several values, a value that is there or missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.encode.base import ColumnEncoder, Selected
from synth.encode.ranges import ends, lies_in
from synth.errors import ConditionError
from synth.table.ranges import AnyOf, Condition, Presence, Range, as_range, category_meant


def selected_by(column: ColumnEncoder, wanted: Condition) -> Selected:
    """What a condition selects of a column. Raises ConditionError where that is nothing that may be emitted."""
    if column.made_up is not None:
        raise ConditionError(f"column {column.name!r}: expected a column that is learnt, got identifiers")
    if isinstance(wanted, Presence):
        return _there(column, wanted)
    if isinstance(wanted, AnyOf):
        return _any_of(column, wanted)
    return column.select(wanted)


def missing_codes(column: ColumnEncoder) -> NDArray[np.bool_]:
    """(width,) which codes stand for no value. A category whose text stands for that is a value."""
    codes, none = np.arange(column.width, dtype=np.int32), np.zeros(column.width, dtype=np.float32)
    shown = column.decode_values(codes, none if column.has_residual else None, np.random.default_rng(0))
    return shown.isna().to_numpy(dtype=bool)


def meets(values: pd.Series, wanted: Condition) -> NDArray[np.bool_]:
    """(records,) which values of a column meet a condition, by the same rules as what is sampled under it.

    Numbers and dates stand in place of the texts that stand for them. Raises ConditionError on a condition of another
    kind than the column.
    """
    if isinstance(wanted, Presence):
        missing: NDArray[np.bool_] = values.isna().to_numpy(dtype=bool)
        return missing if wanted is Presence.MISSING else ~missing
    if isinstance(wanted, AnyOf):
        met: NDArray[np.bool_] = np.any([meets(values, each) for each in wanted.values], axis=0)
        return met
    if isinstance(wanted, str) and values.dtype.kind == "M":
        wanted = as_range(wanted) or wanted  # a date is written in more ways than one
    if isinstance(wanted, Range):
        return lies_in(values, wanted)
    category = category_meant(values.dropna().unique(), wanted)
    same = values.notna() & (values.astype(str) == str(category)) & (category is not None)
    found: NDArray[np.bool_] = same.to_numpy(dtype=bool)
    return found


def _there(column: ColumnEncoder, wanted: Presence) -> Selected:
    missing = missing_codes(column)
    shares = (missing if wanted is Presence.MISSING else ~missing).astype(np.float64)
    if not shares.any():
        found = "it always has one" if wanted is Presence.MISSING else "it never has one"
        raise ConditionError(f"column {column.name!r}: expected a column that may be {wanted.value}, {found}")
    return Selected(shares=shares, low=ends(column.width, -1.0), high=ends(column.width, 1.0))


def _any_of(column: ColumnEncoder, wanted: AnyOf) -> Selected:
    if not wanted.values:
        raise ConditionError(f"column {column.name!r}: expected one value or more, got none")
    found = [column.select(value) for value in dict.fromkeys(wanted.values)]
    inside = list(column.piece_codes())
    taken = np.sum([each.shares[inside] > 0 for each in found], axis=0)
    if (taken > 1).any():
        raise ConditionError(
            f"column {column.name!r}: expected a range, got several values of a column of quantities that lie close "
            "together"
        )
    best = np.argmax([each.shares for each in found], axis=0)
    parts = {name: np.stack([getattr(each, name) for each in found]) for name in ("shares", "low", "high")}
    return Selected(**{name: np.take_along_axis(part, best[None], 0)[0] for name, part in parts.items()})
