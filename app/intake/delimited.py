"""From delimited text to Parquet: two readers, one pass, and a second one only where a type was taken too early."""

from __future__ import annotations

import io
from bisect import bisect_left
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.csv as pa_csv

from app.intake.blocks import Chunk, Layout, Records, named
from app.intake.dialect import NAMES, Dialect, detect_dialect
from app.intake.errors import EmptyFileError, InvalidColumnNameError, ReadersDisagreeError
from app.intake.heading import Heading, find_heading
from app.intake.kinds import ARROW_TYPES, COLUMN_TYPES, SHAPES, Column
from app.intake.model import ColumnType, IntakeLimits, ReadOptions
from app.intake.records import check_count
from app.intake.scan import scan
from app.intake.table import write_table
from app.intake.text import BLOCK_BYTES, HEAD_BYTES, Encoding, decode_head, detect_encoding, utf8_blocks

Open = Callable[[], AbstractContextManager[io.BufferedReader]]
"""Opens the text at its beginning, as often as it is called."""
Item = TypeVar("Item")
BYTE_ORDER_MARK = "\ufeff".encode()


@dataclass(frozen=True, kw_only=True, slots=True)
class Delimited:
    """How a text was read, and as what its columns were written."""

    types: dict[str, ColumnType]
    encoding: Encoding
    delimiter: str
    decimal: str | None
    """The decimal sign of numbers that are stored as text, as declared or as the first records show it."""
    warnings: tuple[str, ...]
    sample: pa.Table
    """Evenly spaced records."""
    places: dict[str, int]
    """Of the decimals that are written with a fixed number of places."""


def read_delimited(
    open_text: Open, written: Path, *, filename: str | None, limits: IntakeLimits, options: ReadOptions
) -> Delimited:
    """The records of the text, written to `written` as Parquet. Raises an IntakeError where it is no table."""
    with open_text() as stream:
        head = stream.read(BLOCK_BYTES)
    encoding = detect_encoding(head[:HEAD_BYTES], options)
    whole = len(head) < BLOCK_BYTES
    text = decode_head(head, encoding)
    if not text.strip():
        raise EmptyFileError("expected column names in the first line and records below, got only blank lines")
    shown = text[:HEAD_BYTES]
    dialect = detect_dialect(shown, whole=whole and len(shown) == len(text), options=options, filename=filename)
    heading = find_heading(text, dialect, whole=whole, limits=limits, options=options)
    reading = _Reading(open_text, encoding, dialect, heading, limits=limits, options=options)
    types = reading.write(written)
    warnings = (encoding.warning, dialect.warning, *heading.warnings, *reading.warnings)
    return Delimited(
        types=types,
        encoding=encoding,
        delimiter=dialect.delimiter,
        decimal=options.decimal or ("," if heading.decimal_commas else None),
        warnings=tuple(warning for warning in warnings if warning),
        sample=reading.sample,
        places=reading.places,
    )


class _Reading:
    """The text, read once or twice."""

    def __init__(
        self,
        open_text: Open,
        encoding: Encoding,
        dialect: Dialect,
        heading: Heading,
        *,
        limits: IntakeLimits,
        options: ReadOptions,
    ) -> None:
        self._open, self._encoding, self._heading, self._limits = open_text, encoding, heading, limits
        self._layout = Layout(
            delimiter=dialect.delimiter,
            skip_space=dialect.skip_space,
            fields=len(heading.names) + heading.closed,
            first_line=heading.first_line,
            skip_footer=options.skip_footer,
        )
        possible = [kind for kind in SHAPES if kind is not ColumnType.REAL or options.decimal != ","]
        grouping = options.decimal is None and (dialect.delimiter == ";" or heading.decimal_commas)
        self._columns = [Column(possible, points_may_group=grouping) for _ in heading.names]
        self._written: list[ColumnType] = []
        self._partial = False
        """Whether a batch was of other types than those that are written: types may change and change back."""
        self.warnings: tuple[str, ...] = ()
        self.sample = pa.table({})

    def write(self, written: Path) -> dict[str, ColumnType]:
        """The type of each column; the records are in `written`.

        A column is written as what its first values are. Where later ones prove that wrong, the text is read again.
        """
        self._pass(written)
        if self._partial or self._written != self._types():
            self._pass(written)
        return dict(zip(self._heading.names, self._types(), strict=True))

    @property
    def places(self) -> dict[str, int]:
        """Of the decimals that are written with a fixed number of places, by column."""
        named = zip(self._heading.names, self._columns, strict=True)
        return {name: column.places for name, column in named if column.places is not None}

    def _types(self) -> list[ColumnType]:
        return [column.type for column in self._columns]

    def _pass(self, written: Path) -> None:
        records = Records(self._layout, self._limits)
        with ExitStack() as stack:
            blocks = _after(utf8_blocks(stack.enter_context(self._open()), self._encoding), self._heading.first_byte)
            batches = stack.enter_context(closing(ahead(self._batches(ahead(records.chunks(blocks))))))
            first = next(batches, None)
            self._written = self._types() if first is None else [COLUMN_TYPES[field.type] for field in first.schema]
            types = dict(zip(self._heading.names, self._written, strict=True))
            self.sample = write_table(self._fitting(first, batches), types, written)
        check_count(records.count, self._limits)
        self.warnings = _left_out(records)

    def _fitting(self, first: pa.RecordBatch | None, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The batches as long as their types are those that are written; the others are only looked at."""
        if first is not None:
            yield first
        for batch in batches:
            if first is not None and batch.schema == first.schema:
                yield batch
            else:
                self._partial = True

    def _batches(self, chunks: Generator[Chunk, None, None]) -> Generator[pa.RecordBatch, None, None]:
        for chunk in chunks:
            texts = self._second_reading(chunk)
            if len(texts) != self._layout.fields:
                continue
            if self._heading.closed and (last := texts.pop()).null_count < len(last):
                raise InvalidColumnNameError(
                    f"lines {chunk.first_line} to {chunk.last_line}: expected nothing behind the last delimiter, as in "
                    "the first lines; got values in a column without a name"
                )
            arrays = [column.read(array) for column, array in zip(self._columns, texts, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, names=list(self._heading.names))

    def _second_reading(self, chunk: Chunk) -> list[pa.StringArray]:
        """The fields of the chunk by column, read by Arrow. None where it has no records."""
        if chunk.records == 0:
            return []
        table = parsed(chunk.data, self._layout.delimiter, self._layout.fields)
        if table is None or table.num_rows != chunk.records:
            raise ReadersDisagreeError(self._disagreement(chunk, None if table is None else table.num_rows))
        return [column.combine_chunks() for column in table.columns]

    def _disagreement(self, chunk: Chunk, rows: int | None) -> str:
        """Where the two readers part: lines, counts and what to do, and no cell."""
        other = "cannot read them" if rows is None else f"reads {rows:,}"
        delimiter, fields = self._layout.delimiter, self._layout.fields
        marks = scan(chunk.data, delimiter, final=True)
        records = [i for i in range(len(marks.ends)) if not marks.blank[i]]

        def agree(count: int) -> bool:
            table = parsed(chunk.data[: int(marks.ends[records[count - 1]])], delimiter, fields)
            return table is not None and table.num_rows == count

        first = bisect_left(range(1, len(records) + 1), x=True, key=lambda count: not agree(count))
        begins = ""
        if first < len(records):
            at = chunk.first_line + marks.line(int(marks.starts[records[first]]))
            got = int(marks.fields[records[first]])
            begins = f"; they part at the record of {got} fields that begins on line {at} or a little below"
        return (
            f"lines {chunk.first_line} to {chunk.last_line}: expected two readers to read the same records, one reads "
            f"{chunk.records:,} and the other {other}{begins}; look there for quotes that are not doubled or not "
            f"closed, and say `delimiter` if the fields are not divided by the {NAMES[delimiter]}"
        )


def parsed(data: bytes, delimiter: str, fields: int) -> pa.Table | None:
    """The records as Arrow reads them; None where it cannot."""
    if data.startswith(BYTE_ORDER_MARK):
        data = BYTE_ORDER_MARK + data  # Arrow takes the first for a mark; here it is a part of a value
    names = [f"c{i}" for i in range(fields)]
    try:
        return pa_csv.read_csv(
            pa.BufferReader(data),
            read_options=pa_csv.ReadOptions(column_names=names, block_size=len(data) + 1, use_threads=False),
            parse_options=pa_csv.ParseOptions(
                delimiter=delimiter, quote_char='"', double_quote=True, escape_char=False, newlines_in_values=True
            ),
            convert_options=pa_csv.ConvertOptions(
                check_utf8=False,
                column_types=dict.fromkeys(names, ARROW_TYPES[ColumnType.TEXT]),
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid:  # its text quotes the line
        return None


def ahead(items: Generator[Item, None, None]) -> Generator[Item, None, None]:
    """The items, the next of which is made by another thread while one is worked with."""
    with closing(items), ThreadPoolExecutor(1) as maker:
        coming = maker.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = maker.submit(next, items, None)
            yield item


def _after(blocks: Iterator[bytes], skipped: int) -> Iterator[bytes]:
    """The text without its first `skipped` bytes."""
    for block in blocks:
        if skipped < len(block):
            yield block[skipped:] if skipped else block
        skipped = max(0, skipped - len(block))


def _left_out(records: Records) -> tuple[str, ...]:
    """What the owner is told of the lines that are no part of the table."""
    said: list[str] = []
    if records.rejected:
        said.append(
            f"{records.rejected:,} of {records.count + records.rejected:,} records have another number of fields than "
            f"there are columns and were left out: {named(records.rejected_lines, records.rejected)}"
        )
    if records.bare:
        said.append(f"{records.bare:,} record{'s' * (records.bare > 1)} without any value left out")
    if records.footer_lines:
        lines = named(records.footer_lines[:10], len(records.footer_lines))
        said.append(
            f"{lines} at the end, no part of the table, {'was' if len(records.footer_lines) == 1 else 'were'} left out"
        )
    return tuple(said)
