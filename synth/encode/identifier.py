"""Identifiers: no value is learnt, but whether there is one is, where that varies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from synth.encode.base import Codes, EncodedColumn, Kind, Residuals, Selected
from synth.encode.surrogate import Surrogate, arrow_without, without
from synth.errors import ArtifactError, ConditionError
from synth.people import People, at_least
from synth.table.ranges import Range


@dataclass(frozen=True, kw_only=True, slots=True)
class PresenceEncoder(Kind):
    """Whether an identifier is there: code 0 where it is, code 1 where it is missing."""

    surrogate: Surrogate

    @property
    def name(self) -> str:
        """The column's name."""
        return self.surrogate.name

    @property
    def width(self) -> int:
        """2: there or missing."""
        return 2

    @property
    def made_up(self) -> Surrogate:
        """What makes the values up."""
        return self.surrogate

    def missing_code(self) -> int:
        """1."""
        return 1

    def select(self, wanted: str | Range) -> Selected:  # noqa: ARG002 - of the protocol
        """Raises ConditionError: values are made up."""
        raise ConditionError(f"column {self.name!r}: expected a column that is learnt to condition on, got identifiers")

    def encode(self, column: pd.Series, rng: np.random.Generator) -> EncodedColumn:  # noqa: ARG002 - of the protocol
        """1 where the value is missing."""
        return EncodedColumn(codes=column.isna().to_numpy().astype(np.int32), residuals=None)

    def decode(self, codes: Codes, residuals: Residuals | None, rng: np.random.Generator) -> pd.Series:  # noqa: ARG002
        """Fresh values for records counted from 0, missing where the code says so."""
        return without(self.surrogate.draw(range(len(codes)), len(codes)), codes == 1)

    def to_arrow(self, codes: Codes, residuals: Residuals | None, rng: np.random.Generator) -> pa.Array:  # noqa: ARG002
        """The same as `decode`."""
        return arrow_without(self.surrogate.to_arrow(range(len(codes)), len(codes)), codes == 1)

    def to_json(self) -> dict[str, Any]:
        """The encoder's state as JSON values."""
        return {"encoder": "presence", "surrogate": self.surrogate.to_json()}

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> PresenceEncoder:
        """The encoder that `to_json` wrote. Raises ArtifactError on anything else."""
        surrogate = values.get("surrogate")
        if not isinstance(surrogate, dict):
            raise ArtifactError("presence: expected the state of a surrogate")
        return PresenceEncoder(surrogate=Surrogate.from_json(surrogate))


def has_presence(column: pd.Series, people: People, min_count: int) -> bool:
    """Whether the identifier is there for enough people, and missing for enough others, to be learnt."""
    absent = column.isna().to_numpy()
    return bool(absent.any()) and at_least(people[absent], min_count) and at_least(people[~absent], min_count)
