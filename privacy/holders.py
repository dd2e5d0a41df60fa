"""Who holds which value: the sides of an audit by column, for what searches files for values of few people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from privacy.canonical import MISSING, Keys, canonical
from privacy.distance import as_numbers
from privacy.threat import AuditTables
from synth.protection import HOLDERS
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema

Ends = tuple[float | None, float | None]


class Holders:
    """Who holds what: the values of each side by column, and how many people hold each."""

    def __init__(self, tables: AuditTables) -> None:
        self.train, self.holdout = tables.train, tables.holdout
        self.schema = tables.schema
        self.columns = [spec for spec in tables.schema if spec.kind.is_learnt]
        self.person = tables.schema.with_role(ColumnRole.PERSON)
        self.records = tuple(canonical(frame, tables.schema).records for frame in (self.train, self.holdout))
        self.keys = {spec.name: (keys_of(self.train, spec), keys_of(self.holdout, spec)) for spec in tables.schema}
        self.held = {
            name: (self._counted(a, self.train), self._counted(b, self.holdout)) for name, (a, b) in self.keys.items()
        }

    def _counted(self, keys: Keys, frame: pd.DataFrame) -> tuple[Keys, NDArray[np.int64]]:
        """The distinct values, and how many people have each."""
        table = pd.DataFrame({"key": keys})
        table["who"] = np.arange(len(frame)) if self.person is None else pd.factorize(frame[self.person].to_numpy())[0]
        counted = table[table["key"] != MISSING].drop_duplicates()["key"].value_counts()
        held: Keys = counted.index.to_numpy(dtype=np.uint64)
        people: NDArray[np.int64] = counted.to_numpy().astype(np.int64)
        return held, people

    def rare(self, name: str) -> tuple[Keys, Keys]:
        """The values that few people of one side have and nobody of the other: train's, and holdout's."""
        (ours, n), (others, m) = self.held[name]
        mine, theirs = ours[n < HOLDERS], others[m < HOLDERS]
        return mine[~np.isin(mine, others)], theirs[~np.isin(theirs, ours)]

    def ends(self, name: str) -> tuple[Ends, Ends]:
        """The smallest and the largest value of each side, where few of it have them."""
        sides = []
        for frame, keys, (held, n) in zip((self.train, self.holdout), self.keys[name], self.held[name], strict=True):
            numbers = as_numbers(frame[name])
            few = set(held[n < HOLDERS].tolist())
            places = [] if np.isnan(numbers).all() else [int(np.nanargmin(numbers)), int(np.nanargmax(numbers))]
            sides.append([float(numbers[i]) if keys[i].item() in few else None for i in places] or [None, None])
        (low, high), (control_low, control_high) = sides
        return (low, high), (control_low, control_high)

    def outermost(self, name: str) -> frozenset[float]:
        """The smallest and the largest value of each side, whoever has them."""
        sides = (as_numbers(frame[name]) for frame in (self.train, self.holdout))
        return frozenset(float(end) for x in sides if not np.isnan(x).all() for end in (np.nanmin(x), np.nanmax(x)))


def open_schema(spec: ColumnSpec) -> TableSchema:
    """A schema of this column alone, in which an identifier is text like any other."""
    kind = spec.kind if spec.kind.is_learnt else ColumnKind.CATEGORICAL
    return TableSchema(columns=(replace(spec, kind=kind, role=ColumnRole.FEATURE, form=spec.value_form),))


def keys_of(frame: pd.DataFrame, spec: ColumnSpec) -> Keys:
    """The keys of a column, missing values among them."""
    return canonical(frame[[spec.name]], open_schema(spec)).values[spec.name]


def is_number(holders: Holders, spec: ColumnSpec) -> bool:
    """Whether the column holds numbers or quantities."""
    dtype = holders.train[spec.name].dtype
    number = pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)
    return number or spec.kind.is_quantity
