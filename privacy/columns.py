"""Where each column of the schema lies in an encoded table, so that an attack can treat some columns as unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from privacy.distance import Encoded, Numbers, as_numbers
from privacy.errors import AuditInputError
from synth.table.schema import ColumnKind, ColumnRole, TableSchema


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """One column and its positions in `Encoded`; an identifier has none."""

    name: str
    kind: ColumnKind
    is_target: bool
    number: int | None
    """Its row of `Encoded.numbers`, where it is a number or a datetime."""
    code: int | None
    """Its array of `Encoded.codes`: the categories, or for a number whether it is missing (None where it never is)."""

    @property
    def is_identifier(self) -> bool:
        """Whether the column is left out of every distance."""
        return not self.kind.is_learnt


def places(frames: Sequence[pd.DataFrame], schema: TableSchema) -> tuple[Place, ...]:
    """The place of each column, in the schema's order, in what `encode` makes of the same frames."""
    found: list[Place] = []
    numbers = codes = 0
    for spec in schema:
        number = code = None
        if spec.kind.is_category:
            code = codes
        elif spec.kind.is_learnt:
            number = numbers
            code = codes if any(np.isnan(as_numbers(frame[spec.name])).any() for frame in frames) else None
        numbers += number is not None
        codes += code is not None
        is_target = spec.role is ColumnRole.TARGET
        found.append(Place(name=spec.name, kind=spec.kind, is_target=is_target, number=number, code=code))
    return tuple(found)


def usable(columns: Sequence[Place]) -> tuple[Place, ...]:
    """The columns that attacks may use: all but identifiers."""
    return tuple(place for place in columns if not place.is_identifier)


def named(columns: Sequence[Place], names: Sequence[str]) -> tuple[Place, ...]:
    """The columns of these names, in that order. Raises AuditInputError where there is no such column."""
    known = {place.name: place for place in columns}
    unknown = sum(name not in known for name in names)
    if unknown:
        raise AuditInputError(f"expected names among the table's {len(known)} columns, got {unknown} other names")
    return tuple(known[name] for name in names)


def only(rows: Encoded, columns: Sequence[Place]) -> Encoded:
    """The records reduced to these columns."""
    numbers: Numbers = rows.numbers[[place.number for place in columns if place.number is not None]]
    return Encoded(numbers=numbers, codes=tuple(rows.codes[place.code] for place in columns if place.code is not None))
