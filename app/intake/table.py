"""The Parquet file that intake leaves: text as string, numbers as int64 or double, datetimes as timestamp[us].

The types that the columns of the upload had stand in the schema, see `synth.table.arrow_types`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from app.intake.errors import IntakeError
from app.intake.kinds import ARROW_TYPES
from app.intake.model import ColumnProfile, ColumnType
from app.intake.sampler import Sampler
from synth.detect.propose import propose_schema
from synth.detect.strays import find_strays
from synth.errors import SynthError
from synth.table.frame import read_parquet
from synth.table.schema import ColumnKind, ColumnSpec, TableSchema

PREVIEW_ROWS = 20
PREVIEW_CHARACTERS = 200

KINDS = {
    ColumnType.TEXT: ColumnKind.CATEGORICAL,
    ColumnType.INTEGER: ColumnKind.NUMERICAL,
    ColumnType.REAL: ColumnKind.NUMERICAL,
    ColumnType.DATETIME: ColumnKind.DATETIME,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """What can be told from the written file."""

    rows: int
    columns: tuple[ColumnProfile, ...]
    schema: TableSchema
    preview: tuple[tuple[str, ...], ...]
    warnings: tuple[str, ...]
    """What the owner has to know of columns, without a value of them"""


def write_table(batches: Iterator[pa.RecordBatch], types: Mapping[str, ColumnType], out: Path) -> pa.Table:
    """Evenly spaced records of the batches, whose columns are all written to `out` under the names and types given.

    Columns are taken by position.
    """
    schema = pa.schema([pa.field(name, ARROW_TYPES[kind]) for name, kind in types.items()])
    sampler = Sampler(schema)
    coded = [name for name, kind in types.items() if kind is ColumnType.TEXT]  # numbers are smaller as they are
    with pq.ParquetWriter(out, schema, compression="zstd", use_dictionary=coded) as writer:
        for batch in batches:
            arrays = [column.cast(field.type) for column, field in zip(batch.columns, schema, strict=True)]
            typed = pa.RecordBatch.from_arrays(arrays, schema=schema)
            sampler.take(typed)
            writer.write_batch(typed)
    return sampler.sample()


def describe(
    path: Path,
    types: Mapping[str, ColumnType],
    scratch: Path,
    *,
    sample: pa.Table,
    decimal: str | None = None,
    places: Mapping[str, int] | None = None,
) -> Written:
    """The profile, proposed schema and preview of the table at `path`; `scratch` is a folder for a sample of it.

    `sample` are evenly spaced records. `decimal` is the decimal sign that texts are written with, where that is known;
    `places` are those of decimals with a fixed number of them.
    """
    sampled = scratch / "sample.parquet"
    pq.write_table(sample, sampled)
    metadata = pq.read_metadata(path)
    columns = tuple(_profile(metadata, i, name, kind) for i, (name, kind) in enumerate(types.items()))
    schema, warnings = _propose(types, sampled, decimal)
    return Written(
        rows=metadata.num_rows,
        columns=columns,
        schema=_with_places(schema, places or {}),
        preview=_preview(path, sample),
        warnings=warnings,
    )


def _profile(metadata: pq.FileMetaData, index: int, name: str, kind: ColumnType) -> ColumnProfile:
    parts = [metadata.row_group(group).column(index) for group in range(metadata.num_row_groups)]
    missing = sum(part.statistics.null_count for part in parts)
    # a part without extremes is all missing, or holds text too long to compare here, which is not called constant
    unknown = any(part.statistics.null_count < part.num_values and not part.statistics.has_min_max for part in parts)
    ranges = [part.statistics for part in parts if part.statistics.has_min_max]
    extremes = {extreme for s in ranges for extreme in (s.min, s.max)}
    return ColumnProfile(name=name, type=kind, missing=missing, constant=not unknown and len(extremes) == 1)


def _propose(types: Mapping[str, ColumnType], sample: Path, decimal: str | None) -> tuple[TableSchema, tuple[str, ...]]:
    """(the schema that the sample suggests, what the owner has to know of it)."""
    try:
        as_read = TableSchema(columns=tuple(ColumnSpec(name=name, kind=KINDS[kind]) for name, kind in types.items()))
        frame = read_parquet(sample, as_read)
        texts = {str(name): frame[name].replace("", None) for name in frame if frame[name].dtype == object}
        schema = propose_schema(frame.assign(**texts), decimal=decimal)
    except SynthError as error:
        raise IntakeError(str(error)) from error
    return schema, tuple(said for spec in schema if spec.name in texts and (said := _strays(spec, texts, decimal)))


def _strays(spec: ColumnSpec, texts: Mapping[str, pd.Series], decimal: str | None) -> str | None:
    """What is said of a column that a few texts keep from being numbers or dates."""
    if spec.kind.is_quantity:
        return None
    counts = texts[spec.name].dropna().value_counts()
    strays = find_strays(spec, {str(text): int(count) for text, count in counts.items()}, decimal)
    return None if strays is None else strays.said(spec)


def _with_places(schema: TableSchema, places: Mapping[str, int]) -> TableSchema:
    return TableSchema(columns=tuple(replace(spec, places=places.get(spec.name)) for spec in schema))


def _preview(path: Path, sample: pa.Table) -> tuple[tuple[str, ...], ...]:
    """The first records as text; datetimes without a time where all of the sample are at midnight."""
    with pq.ParquetFile(path) as file:
        batch = next(file.iter_batches(batch_size=PREVIEW_ROWS), None)
    if batch is None:
        return ()
    columns = []
    for column, sampled in zip(batch.columns, sample.columns, strict=True):
        days = _are_days(column) and _are_days(sampled)
        columns.append([_shown(value.date() if days and value else value) for value in column.to_pylist()])
    return tuple(zip(*columns, strict=True))


def _are_days(column: pa.Array | pa.ChunkedArray) -> bool:
    return pa.types.is_timestamp(column.type) and pc.all(pc.equal(pc.floor_temporal(column), column)).as_py() is True


def _shown(value: object) -> str:
    return "" if value is None else str(value)[:PREVIEW_CHARACTERS]
