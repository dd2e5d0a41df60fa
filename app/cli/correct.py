"""The schema of a file without a service, with what was said on the command line in place of what was proposed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from app.services.columns import content_of
from synth.detect.correct import Content, Said, correct
from synth.table.schema import ColumnKind, TableSchema

TARGET_CLASSES = 20
"""A numeric target with at most this many distinct values is a class label."""


def corrected(schema: TableSchema, columns: Mapping[str, Mapping[str, Any]], parquet: Path) -> TableSchema:
    """The schema with `kinds`, `roles` and `missing` as they were said. Raises SchemaError where that cannot be."""

    def content(name: str) -> Content:
        with pq.ParquetFile(parquet) as file:
            return content_of(file, name)

    return correct(schema, Said(**columns), content)


def with_target(schema: TableSchema, target: str | None, parquet: Path) -> TableSchema:
    """The schema with this target; one that is a number of few distinct values, or an identifier, is a class label."""
    if target is None:
        return schema
    kind = schema[target].kind
    few = kind is ColumnKind.NUMERICAL and (
        pc.count_distinct(pq.read_table(parquet, columns=[target]).column(0)).as_py() <= TARGET_CLASSES
    )
    if few or not kind.is_learnt:
        schema = corrected(schema, {"kinds": {target: ColumnKind.CATEGORICAL.value}}, parquet)
    return schema.with_roles(target=target)
