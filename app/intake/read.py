"""From an uploaded file to Parquet. Runs in its own process, see `app.intake.run`; loads Arrow and pandas."""

from __future__ import annotations

import io
import shutil
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

from app.intake.archive import open_content
from app.intake.delimited import Open, read_delimited
from app.intake.errors import EmptyFileError, TooMuchMemoryError
from app.intake.formats import expect_effective, expect_text, format_of, open_typed
from app.intake.model import ColumnProfile, FileFormat, Intake, IntakeLimits, ReadOptions
from app.intake.sketch import sketch_table
from app.intake.table import Written, describe, write_table
from app.intake.text import HEAD_BYTES
from app.intake.typed import stored_batches


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
                found = format_of(_head(stream), filename)
                expect_effective(options, found)
                if found is not None:
                    intake = _from_typed(stream, found, written, limits, options)
            if found is None:
                expect_text(filename)
                opened = partial(open_content, source, limits)
                intake = _from_text(opened, written, filename=filename, limits=limits, options=options)
            if key is not None:
                intake = replace(intake, sketches=sketch_table(written, intake.schema, key))
        except MemoryError:
            raise TooMuchMemoryError("expected a table that can be read in the memory set aside for it") from None
        written.replace(out)
    return intake


def _from_typed(
    stream: io.BufferedReader, found: FileFormat, written: Path, limits: IntakeLimits, options: ReadOptions
) -> Intake:
    """A table of a format that says what its columns are."""
    content = written.with_name(f"content.{found.value}")
    with content.open("wb") as file:
        shutil.copyfileobj(stream, file, 1 << 20)
    typed = open_typed(content, found, limits, options)
    sample = write_table(stored_batches(typed, limits), typed.types, written)
    table = describe(written, typed.types, written.parent, sample=sample, decimal=options.decimal)
    intake = _intake(table, file_format=found, encoding=None, delimiter=None, warnings=typed.warnings)
    return replace(intake, schema=typed.typed(intake.schema))


def _from_text(
    open_text: Open, written: Path, *, filename: str | None, limits: IntakeLimits, options: ReadOptions
) -> Intake:
    read = read_delimited(open_text, written, filename=filename, limits=limits, options=options)
    return _intake(
        describe(written, read.types, written.parent, sample=read.sample, decimal=read.decimal, places=read.places),
        file_format=FileFormat.TSV if read.delimiter == "\t" else FileFormat.CSV,
        encoding=read.encoding.name,
        delimiter=read.delimiter,
        warnings=read.warnings,
    )


def _head(stream: io.BufferedReader) -> bytes:
    """The first bytes of the stream, which stay in it. Raises EmptyFileError where there are none."""
    head = stream.peek(HEAD_BYTES)[:HEAD_BYTES]
    if not head:
        raise EmptyFileError("expected a table, got a file of 0 bytes")
    return head


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
        warnings=warnings + table.warnings + emptiness,
    )


def _emptiness(column: ColumnProfile, rows: int) -> str | None:
    if column.missing == rows:
        return f"column {column.name!r}: no record has a value"
    if column.constant:
        return f"column {column.name!r}: all records that have a value have the same"
    return None
