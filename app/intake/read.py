"""From an uploaded file to Parquet. Runs in its own process, see `app.intake.run`; loads Arrow and pandas."""

from __future__ import annotations

import io
import shutil
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

from app.intake.archive import PARQUET, open_content
from app.intake.delimited import Open, read_delimited
from app.intake.errors import NotParquetError, TooMuchMemoryError
from app.intake.model import ColumnProfile, FileFormat, Intake, IntakeLimits, ReadOptions
from app.intake.parquet import inspect_parquet, read_batches
from app.intake.sketch import sketch_table
from app.intake.table import Written, describe, write_table


def ingest(
    source: Path,
    out: Path,
    *,
    filename: str | None,
    limits: IntakeLimits,
    options: ReadOptions | None = None,
    key: bytes | None = None,
) -> Intake:
    """What the uploaded file `source` holds; its table is written to `out` as Parquet.

    `filename` is what the uploader calls the file; it is a hint, never a path. With `key` the records are sketched
    under it. `out` appears whole or not at all, and nothing else is left behind. Raises a subclass of IntakeError for
    every file that is refused.
    """
    options = options or ReadOptions()
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".intake-") as folder:
        scratch = Path(folder)
        written = scratch / "table.parquet"
        try:
            with open_content(source, limits) as stream:
                is_parquet = stream.peek(len(PARQUET))[: len(PARQUET)] == PARQUET
                if is_parquet:
                    intake = _from_parquet(stream, written, limits)
            if not is_parquet:
                _expect_text(filename)
                opened = partial(open_content, source, limits)
                intake = _from_text(opened, written, filename=filename, limits=limits, options=options)
            if key is not None:
                intake = replace(intake, sketches=sketch_table(written, intake.schema, key))
        except MemoryError:
            raise TooMuchMemoryError("expected a table that can be read in the memory set aside for it") from None
        written.replace(out)
    return intake


def _expect_text(filename: str | None) -> None:
    if filename is not None and filename.lower().endswith((".parquet", ".pq")):
        raise NotParquetError("expected Parquet, as the file name says; the content does not begin with PAR1")


def _from_parquet(stream: io.BufferedReader, written: Path, limits: IntakeLimits) -> Intake:
    plain = written.with_name("content.parquet")
    with plain.open("wb") as file:
        shutil.copyfileobj(stream, file, 1 << 20)
    types = inspect_parquet(plain, limits)
    write_table(read_batches(plain, types, limits), types, written)
    table = describe(written, types, written.parent)
    return _intake(table, file_format=FileFormat.PARQUET, encoding=None, delimiter=None, warnings=())


def _from_text(
    open_text: Open, written: Path, *, filename: str | None, limits: IntakeLimits, options: ReadOptions
) -> Intake:
    read = read_delimited(open_text, written, filename=filename, limits=limits, options=options)
    return _intake(
        describe(written, read.types, written.parent, decimal=options.decimal, sample=read.sample),
        file_format=FileFormat.TSV if read.delimiter == "\t" else FileFormat.CSV,
        encoding=read.encoding.name,
        delimiter=read.delimiter,
        warnings=read.warnings,
    )


def _intake(
    table: Written,
    *,
    file_format: FileFormat,
    encoding: str | None,
    delimiter: str | None,
    warnings: tuple[str, ...],
) -> Intake:
    emptiness = tuple(w for column in table.columns if (w := _emptiness(column, table.rows)))
    return Intake(
        rows=table.rows,
        columns=table.columns,
        schema=table.schema,
        preview=table.preview,
        format=file_format,
        encoding=encoding,
        delimiter=delimiter,
        warnings=warnings + emptiness,
    )


def _emptiness(column: ColumnProfile, rows: int) -> str | None:
    if column.missing == rows:
        return f"column {column.name!r}: no record has a value"
    if column.constant:
        return f"column {column.name!r}: all records that have a value have the same"
    return None
