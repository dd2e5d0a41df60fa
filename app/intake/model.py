"""What goes into intake and what comes out, as plain values that travel as JSON between the service and its child."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from app.intake.errors import InvalidReadOptionError
from app.sketches import Sketch
from synth.table.schema import DELIMITERS, TableSchema

DECIMALS = (".", ",")
"""What may stand before the decimals of a number."""
MAX_HEADER_ROWS = 10
MAX_FOOTER = 50

ENCODINGS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "latin-1": "latin-1",
    "latin1": "latin-1",
    "iso-8859-1": "latin-1",
    "cp1252": "cp1252",
    "windows-1252": "cp1252",
    "utf-16": "utf-16",
    "utf-16-le": "utf-16-le",
    "utf-16-be": "utf-16-be",
}
"""The encodings that a caller may declare, and what Python calls them."""


class FileFormat(StrEnum):
    """What the uploaded file was, inside its archive if it had one."""

    CSV = "csv"
    TSV = "tsv"
    PARQUET = "parquet"
    FEATHER = "feather"
    """Feather, and Arrow IPC as a file or as a stream."""
    JSON = "json"
    """A list of objects."""
    JSON_LINES = "jsonl"
    """An object on each line."""
    XLSX = "xlsx"


class ColumnType(StrEnum):
    """What the cells of a column of the written Parquet file are."""

    TEXT = "text"
    INTEGER = "integer"
    REAL = "real"
    DATETIME = "datetime"


@dataclass(frozen=True, kw_only=True, slots=True)
class IntakeLimits:
    """How much one upload may be. Bytes are counted as they stream, not as the file declares them."""

    max_bytes: int = 2 * 2**30
    max_decompressed_bytes: int = 4 * 2**30
    max_columns: int = 1_000
    min_columns: int = 2
    max_rows: int = 100_000_000
    min_rows: int = 34
    """The fewest records that can be divided into training, holdout and reference."""
    max_line_bytes: int = 1 * 2**20
    """The longest record, in characters."""
    max_name_length: int = 128
    max_child_bytes: int = 3 * 2**30
    """What the child process may allocate in all; a table that needs more is refused."""
    max_cpu_seconds: int = 600
    """Processor time of the child process."""
    threads: int = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadOptions:
    """What the caller knows about the file better than it can be told from its bytes."""

    encoding: str | None = None
    delimiter: str | None = None
    decimal: str | None = None
    """The decimal sign of numbers; told from them if not given."""
    header_rows: int | None = None
    """How many lines hold column names; 0 where there are none."""
    skip_footer: int | None = None
    """How many records at the end do not count; a line of totals is recognised if not given."""
    sheet: str | None = None
    """The sheet of a spreadsheet; the first where it is not said."""

    def __post_init__(self) -> None:
        if self.encoding is not None and self.encoding.lower() not in ENCODINGS:
            raise InvalidReadOptionError(f"expected an encoding of {', '.join(ENCODINGS)}; got another one")
        if self.delimiter is not None and self.delimiter not in DELIMITERS:
            raise InvalidReadOptionError(
                "expected a delimiter of comma, semicolon, tab or vertical bar; got another one"
            )
        if self.decimal is not None and self.decimal not in DECIMALS:
            raise InvalidReadOptionError("expected a decimal sign of point or comma; got another one")
        for said, name, most in (
            (self.header_rows, "header rows", MAX_HEADER_ROWS),
            (self.skip_footer, "footer lines", MAX_FOOTER),
        ):
            if said is not None and not 0 <= said <= most:
                raise InvalidReadOptionError(f"expected 0 to {most} {name}; got another number")

    def to_json(self) -> dict[str, Any]:
        """What was said, as JSON values."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def said(self) -> tuple[str | int | None, ...]:
        """What tells these options from others."""
        return (self.encoding, self.delimiter, self.decimal, self.header_rows, self.skip_footer, self.sheet)

    @property
    def codec(self) -> str | None:
        """The declared encoding under Python's name for it."""
        return ENCODINGS[self.encoding.lower()] if self.encoding is not None else None


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnProfile:
    """One column of the written table."""

    name: str
    type: ColumnType
    missing: int
    """Records without a value."""
    constant: bool
    """Whether all records that have a value have the same."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Intake:
    """What was read: the shape of the table, its proposed schema, and a preview for its owner's eyes only."""

    rows: int
    columns: tuple[ColumnProfile, ...]
    schema: TableSchema
    preview: tuple[tuple[str, ...], ...]
    """The first records as text, missing as empty. These ARE cells of the data: never log them."""
    format: FileFormat
    encoding: str | None
    """None for formats other than text."""
    delimiter: str | None
    """None for formats other than text."""
    warnings: tuple[str, ...]
    sketches: Mapping[str, Sketch] = field(default_factory=dict)
    """Keyed hashes of the records, by kind, see `app.intake.sketch`; none where no key was given."""

    def to_json(self) -> dict[str, Any]:
        """JSON values; `from_json` reads them back."""
        return {
            "rows": self.rows,
            "columns": [asdict(column) for column in self.columns],
            "schema": self.schema.to_json(),
            "preview": [list(record) for record in self.preview],
            "format": self.format.value,
            "encoding": self.encoding,
            "delimiter": self.delimiter,
            "warnings": list(self.warnings),
            "sketches": {kind: sketch.to_json() for kind, sketch in self.sketches.items()},
        }

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> Intake:
        """What `to_json` wrote. Raises KeyError or ValueError on anything else."""
        return Intake(
            rows=values["rows"],
            columns=tuple(
                ColumnProfile(name=c["name"], type=ColumnType(c["type"]), missing=c["missing"], constant=c["constant"])
                for c in values["columns"]
            ),
            schema=TableSchema.from_json(values["schema"]),
            preview=tuple(tuple(record) for record in values["preview"]),
            format=FileFormat(values["format"]),
            encoding=values["encoding"],
            delimiter=values["delimiter"],
            warnings=tuple(values["warnings"]),
            sketches={kind: Sketch.from_json(sketch) for kind, sketch in values["sketches"].items()},
        )
