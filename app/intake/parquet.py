"""Opens a Parquet file that a stranger wrote: flat columns of known types only, each batch validated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from app.intake.engine import rows_at_once
from app.intake.errors import NotParquetError, TooLargeError
from app.intake.model import FileFormat, IntakeLimits
from app.intake.records import check_count, check_names, tidied
from app.intake.typed import Typed, check_types, refusing, renamed
from synth.table.arrow_types import is_text

INDEX = "__index_level_"
"""How pandas names an index that has no name."""


def open_parquet(path: Path, limits: IntakeLimits) -> Typed:
    """The columns of the file, from its footer, and its records. An index of pandas without a name is left out.

    Raises NotParquetError, UnsupportedTypeError, TooLargeError and what checking names and counts raises.
    """
    with _refusing():
        metadata = pq.read_metadata(path)
        schema = metadata.schema.to_arrow_schema()
        declared = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    names = [name for name in schema.names if not name.startswith(INDEX)]
    tidy, told = tidied(names)
    check_names(tidy, limits)
    check_count(metadata.num_rows, limits)
    if declared > limits.max_decompressed_bytes:
        raise TooLargeError(f"expected at most {limits.max_decompressed_bytes:,} bytes after decompression, got more")
    kept = pa.schema([schema.field(name) for name in names], schema.metadata)
    shown = renamed(kept, tidy)
    check_types(shown)
    left = len(schema.names) - len(names)
    return Typed(
        format=FileFormat.PARQUET,
        schema=shown,
        batches=_batches(path, kept),
        warnings=(*told, *((f"{left} columns of a pandas index without a name were left out",) if left else ())),
        arrow_types={field.name: str(field.type) for field in shown},
    )


def _batches(path: Path, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The records. Text is read as dictionaries: a page may repeat a long text as often as it likes in a few bytes."""
    texts = [field.name for field in schema if is_text(field.type)]
    with _refusing():
        file = pq.ParquetFile(path, read_dictionary=texts)
    with file:
        batches = file.iter_batches(batch_size=rows_at_once(len(schema)), columns=schema.names, use_threads=False)
        while (batch := _next(batches)) is not None:
            yield batch.select(schema.names)


def _next(batches: Iterator[pa.RecordBatch]) -> pa.RecordBatch | None:
    with _refusing():
        batch = next(batches, None)
        if batch is not None:
            batch.validate(full=True)
        return batch


@contextmanager
def _refusing() -> Iterator[None]:
    with refusing(NotParquetError, "expected readable Parquet, reading failed"):
        yield
