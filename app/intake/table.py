"""The Parquet file that intake leaves: text as string, numbers as int64 or double, datetimes as timestamp[us].

The types that the columns of the upload had stand in the schema, see `synth.types`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from app.intake.engine import rows_at_once
from app.intake.errors import IntakeError
from app.intake.model import ColumnProfile, ColumnType
from app.intake.sampler import sampled_rows
from synth.errors import SynthError
from synth.infer import propose_schema
from synth.schema import ColumnKind, ColumnSpec, TableSchema
from synth.table import read_parquet

PREVIEW_ROWS = 20
PREVIEW_CHARACTERS = 200

ARROW_TYPES = {
    ColumnType.TEXT: pa.string(),
    ColumnType.INTEGER: pa.int64(),
    ColumnType.REAL: pa.float64(),
    ColumnType.DATETIME: pa.timestamp("us"),
}
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


def write_table(batches: Iterator[pa.RecordBatch], types: Mapping[str, ColumnType], out: Path) -> None:
    """Writes the columns of the batches, taken by position, under the names and types given."""
    schema = pa.schema([pa.field(name, ARROW_TYPES[kind]) for name, kind in types.items()])
    coded = [name for name, kind in types.items() if kind is ColumnType.TEXT]  # numbers are smaller as they are
    with pq.ParquetWriter(out, schema, compression="zstd", use_dictionary=coded) as writer:
        for batch in batches:
            arrays = [column.cast(field.type) for column, field in zip(batch.columns, schema, strict=True)]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))


def describe(
    path: Path,
    types: Mapping[str, ColumnType],
    scratch: Path,
    *,
    decimal: str | None = None,
    sample: pa.Table | None = None,
) -> Written:
    """The profile, proposed schema and preview of the table at `path`; `scratch` is a folder for a sample of it.

    `decimal` is the decimal sign that texts are written with, where that is known; `sample` are evenly spaced records
    where they are at hand.
    """
    sampled = scratch / "sample.parquet"
    if sample is None:
        _write_sample(path, sampled, len(types))
    else:
        pq.write_table(sample, sampled)
    metadata = pq.read_metadata(path)
    columns = tuple(_profile(metadata, i, name, kind) for i, (name, kind) in enumerate(types.items()))
    return Written(
        rows=metadata.num_rows,
        columns=columns,
        schema=_propose(types, sampled, decimal),
        preview=_preview(path),
    )


def _profile(metadata: pq.FileMetaData, index: int, name: str, kind: ColumnType) -> ColumnProfile:
    parts = [metadata.row_group(group).column(index) for group in range(metadata.num_row_groups)]
    missing = sum(part.statistics.null_count for part in parts)
    # a part without extremes is all missing, or holds text too long to compare here, which is not called constant
    unknown = any(part.statistics.null_count < part.num_values and not part.statistics.has_min_max for part in parts)
    ranges = [part.statistics for part in parts if part.statistics.has_min_max]
    extremes = {extreme for s in ranges for extreme in (s.min, s.max)}
    return ColumnProfile(name=name, type=kind, missing=missing, constant=not unknown and len(extremes) == 1)


def _propose(types: Mapping[str, ColumnType], sample: Path, decimal: str | None) -> TableSchema:
    try:
        as_read = TableSchema(columns=tuple(ColumnSpec(name=name, kind=KINDS[kind]) for name, kind in types.items()))
        frame = read_parquet(sample, as_read)
        texts = {str(name): frame[name].replace("", None) for name in frame if frame[name].dtype == object}
        return propose_schema(frame.assign(**texts), decimal=decimal)
    except SynthError as error:
        raise IntakeError(str(error)) from error


def _write_sample(path: Path, sample: Path, columns: int) -> None:
    """Writes evenly spaced records, so that a sorted table shows all of itself."""
    with pq.ParquetFile(path) as file, pq.ParquetWriter(sample, file.schema_arrow) as writer:
        stride, offset = -(-file.metadata.num_rows // sampled_rows(columns)), 0
        for batch in file.iter_batches(batch_size=rows_at_once(columns)):
            first = -offset % stride
            writer.write_batch(batch.take(pa.array(range(first, batch.num_rows, stride), pa.int64())))
            offset += batch.num_rows


def _preview(path: Path) -> tuple[tuple[str, ...], ...]:
    with pq.ParquetFile(path) as file:
        batch = next(file.iter_batches(batch_size=PREVIEW_ROWS), None)
    if batch is None:
        return ()
    columns = [[_shown(value) for value in column.to_pylist()] for column in batch.columns]
    return tuple(zip(*columns, strict=True))


def _shown(value: object) -> str:
    return "" if value is None else str(value)[:PREVIEW_CHARACTERS]
