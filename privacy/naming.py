"""Naming a column an identifier, a person or a category never takes it away from an attack."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from privacy.threat import AuditTables
from synth.detect.propose import TARGET_CLASSES, propose_schema
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema

ONE_RECORD_EACH = 0.9
"""A person column with a larger share of distinct values has about one record for each person."""
REPEATED = 0.1
"""A column with a smaller share of distinct values is a category to attacks, whatever its values say of somebody."""
SAME_VALUES = 0.5
"""Text that was called an identifier is a category of the synthetic table if so much of it are categories of train."""


def as_without_naming(tables: AuditTables, whole: AuditTables) -> AuditTables:
    """The tables by the schema that distances use. `whole` are the same with all records of each person.

    A column that was named an identifier, or the person column where that leaves about one record for each person,
    but that its values in train suggest to be a number, a date or a category, is attacked as that. So is a number with
    many values that was named a category: distances to it count. Identifiers are looked up besides, see
    `privacy.lookups`. Where the synthetic column holds surrogates, such as text in place of numbers, the column stays
    an identifier: there is no distance to a surrogate.
    """
    columns = tuple(_without_naming(spec, tables, whole) for spec in tables.schema)
    if columns == tables.schema.columns:
        return tables
    return replace(tables, schema=TableSchema(columns=columns))


def _without_naming(spec: ColumnSpec, tables: AuditTables, whole: AuditTables) -> ColumnSpec:
    if spec.role is ColumnRole.TARGET:
        return spec
    train = tables.train[spec.name]
    if spec.kind.is_category:
        many = pd.api.types.is_numeric_dtype(train.dtype) and train.nunique() > TARGET_CLASSES
        is_number = many and _proposed(train) is ColumnKind.NUMERICAL and _fits(spec.name, ColumnKind.NUMERICAL, tables)
        return replace(spec, kind=ColumnKind.NUMERICAL) if is_number else spec
    if spec.kind.is_learnt or not _one_record_each(spec, whole):
        return spec
    kind = _proposed(train)
    if not kind.is_learnt and train.nunique() < REPEATED * train.notna().sum():
        kind = ColumnKind.CATEGORICAL  # such as one telephone number in every record
    fits = kind.is_learnt and _fits(spec.name, kind, tables)
    return replace(spec, kind=kind, role=ColumnRole.FEATURE, form=None) if fits else spec


def _one_record_each(spec: ColumnSpec, whole: AuditTables) -> bool:
    """Whether the column names no person, or people with hardly more than one record each."""
    if spec.role is not ColumnRole.PERSON:
        return True
    present = whole.train[spec.name].dropna()
    return bool(present.nunique() > ONE_RECORD_EACH * len(present))


def _proposed(column: pd.Series) -> ColumnKind:
    return propose_schema(column.to_frame()).columns[0].kind


def _fits(name: str, kind: ColumnKind, tables: AuditTables) -> bool:
    """Whether all tables hold values of this kind, with those of the synthetic table comparable to train's."""
    frames = [frame[name] for _, frame in tables.named()]
    if kind is ColumnKind.NUMERICAL:
        return all(pd.api.types.is_numeric_dtype(column.dtype) for column in frames)
    if kind.is_moment:
        return all(pd.api.types.is_datetime64_any_dtype(column.dtype) for column in frames)
    synthetic = tables.synthetic[name].dropna()
    return bool(synthetic.isin(tables.train[name]).mean() > SAME_VALUES)
