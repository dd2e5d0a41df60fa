"""The kinds of columns whose values are counted: how each is fitted, and read from a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from synth.encode.base import Quantity
from synth.encode.datetime import DatetimeEncoder, fit_datetime
from synth.encode.fit_numeric import fit_numeric
from synth.encode.numeric import NumericEncoder
from synth.table.schema import ColumnKind


@dataclass(frozen=True, kw_only=True, slots=True)
class QuantityKind:
    """One kind."""

    encoder: str
    """Its name in a model file"""
    fit: Callable[..., Quantity]
    """Takes a column, random numbers, `people`, `min_count`, `max_modes` and `max_pieces`, see `fit_numeric`"""
    read: Callable[[Mapping[str, Any]], Quantity]
    """Reads what `to_json` wrote; raises ArtifactError on anything else"""


QUANTITIES: Mapping[ColumnKind, QuantityKind] = {
    ColumnKind.NUMERICAL: QuantityKind(encoder="numeric", fit=fit_numeric, read=NumericEncoder.from_json),
    ColumnKind.DATETIME: QuantityKind(encoder="datetime", fit=fit_datetime, read=DatetimeEncoder.from_json),
}
