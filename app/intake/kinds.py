"""Which text columns hold nothing but plain numbers or ISO dates, and are stored as such.

All else stays text as it was written, so that nothing is lost and any reading can be corrected later: `00042`, TRUE,
`$1,234.50`, `27 Dec 2020`, numbers with a marker such as NA among them. What such texts stand for is said by the form
in the schema (`synth.detect`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from app.intake.engine import rows_at_once, text
from app.intake.model import ColumnType

SAMPLE_ROWS = 500
"""Most readings are ruled out by so many records."""
COLUMNS_AT_ONCE = 16
"""How many columns one query reads: each takes memory for every step of its expression."""
VALUE = "$value"
"""Stands for the trimmed value in the SQL below."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """One way to read text, as SQL: which values it applies to and what they become."""

    type: ColumnType
    shape: str
    """A regular expression for the whole value."""
    value: str

    def reads(self, value: str) -> str:
        """SQL for what `value` becomes, NULL where it cannot be read; CASE spares it the costly failing casts."""
        return f"CASE WHEN regexp_full_match({value}, {text(self.shape)}) THEN {self.value.replace(VALUE, value)} END"


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """How one staged column is written."""

    reading: Reading | None
    """None for a column that stays text."""

    @property
    def type(self) -> ColumnType:
        """What the column holds once written."""
        return ColumnType.TEXT if self.reading is None else self.reading.type


# the year 0 is none that dates are counted from: such text stays as it is written
_ISO_DATE = "([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])-[0-9]{2}-[0-9]{2}"
_AS_FINITE = f"(CASE WHEN isfinite(TRY_CAST({VALUE} AS DOUBLE)) THEN TRY_CAST({VALUE} AS DOUBLE) END)"
# a whole number is an integer of at most 64 bits and without leading zeros, or it is a code and stays text
_WHOLE = "-?(0|[1-9][0-9]{0,18})"
_EXACT = "-?(0|[1-9][0-9]{0,17})"
_BROKEN = r"-?((0|[1-9][0-9]*)\.[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|-?(0|[1-9][0-9]*)[eE][+-]?[0-9]+"

INTEGER = Reading(type=ColumnType.INTEGER, shape=_WHOLE, value=f"TRY_CAST({VALUE} AS BIGINT)")
REAL = Reading(type=ColumnType.REAL, shape=f"{_EXACT}|{_BROKEN}", value=_AS_FINITE)
DAY = Reading(type=ColumnType.DATETIME, shape=_ISO_DATE, value=f"TRY_CAST({VALUE} AS TIMESTAMP)")
READINGS = (INTEGER, REAL, DAY)
"""In order of preference."""


def decide_columns(connection: duckdb.DuckDBPyConnection, staged: Path, columns: int) -> list[Decision]:
    """How each of the text columns c0, c1, ... of `staged` is written: every value of it was looked at."""
    likely = _likely(staged)
    proven: dict[str, Decision] = {}
    names = list(likely)
    for start in range(0, len(names), COLUMNS_AT_ONCE):
        group = {name: likely[name] for name in names[start : start + COLUMNS_AT_ONCE]}
        proven |= _proven(connection, staged, group)
    return [proven.get(f"c{i}", Decision(reading=None)) for i in range(columns)]


def _likely(staged: Path) -> dict[str, tuple[Reading, ...]]:
    """The columns whose first values all have the shape of some reading, with these readings.

    It only saves work: what is likely here is then put to every value of the table.
    """
    with pq.ParquetFile(staged) as file:
        batch = next(file.iter_batches(batch_size=SAMPLE_ROWS))
    shapes = {reading: re.compile(reading.shape) for reading in READINGS}
    likely: dict[str, tuple[Reading, ...]] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        cells = [cell.strip(" \t") for cell in column.to_pylist() if cell is not None]
        fitting = tuple(reading for reading, shape in shapes.items() if all(map(shape.fullmatch, cells)))
        if fitting:
            likely[name] = fitting
    return likely


def _proven(
    connection: duckdb.DuckDBPyConnection, staged: Path, candidates: dict[str, tuple[Reading, ...]]
) -> dict[str, Decision]:
    """The decision for each column: its first reading that fits every value."""
    values = ", ".join(f"{name}, {_value(name)} AS v{name}" for name in candidates)
    counts: list[str] = []
    for name, readings in candidates.items():
        counts += [f"count({name})", *(f"count({r.reads('v' + name)})" for r in readings)]
    query = f"SELECT {', '.join(counts)} FROM (SELECT {values} FROM read_parquet({text(str(staged))}))"  # noqa: S608
    found = iter(connection.execute(query).fetchall()[0])
    decisions: dict[str, Decision] = {}
    for name, readings in candidates.items():
        present = next(found)
        fitting = tuple(reading for reading in readings if next(found) == present)
        decisions[name] = Decision(reading=fitting[0] if fitting and present else None)
    return decisions


def convert(
    connection: duckdb.DuckDBPyConnection, staged: Path, decisions: Sequence[Decision]
) -> Iterator[pa.RecordBatch]:
    """The rows of `staged`, in order and a few at a time, each column read as decided.

    One query over the whole table would hold far more of a wide table than the memory limit allows.
    """
    read = [(f"c{i}", decision.reading) for i, decision in enumerate(decisions) if decision.reading is not None]
    groups = [read[start : start + COLUMNS_AT_ONCE] for start in range(0, len(read), COLUMNS_AT_ONCE)]
    with pq.ParquetFile(staged) as file:
        for batch in file.iter_batches(batch_size=rows_at_once(len(decisions))):
            columns = dict(zip(batch.schema.names, batch.columns, strict=True))
            for group in groups:
                values = ", ".join(f"{_value(name)} AS v{name}" for name, _ in group)
                reads = ", ".join(f"{reading.reads('v' + name)} AS {name}" for name, reading in group)
                connection.register("batch", pa.table({name: columns[name] for name, _ in group}))
                result = connection.sql(f"SELECT {reads} FROM (SELECT {values} FROM batch)").to_arrow_table()  # noqa: S608
                connection.unregister("batch")
                columns |= {name: result.column(name).combine_chunks() for name, _ in group}
            yield pa.RecordBatch.from_pydict(columns)


def _value(name: str) -> str:
    """SQL for the trimmed value."""
    return f"trim({name}, ' \t')"
