"""Reads the tables of an audit: each from CSV or Parquet, all by the schema that train suggests, none by its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from app.cli.correct import corrected, with_target
from app.cli.exits import CommandError, Exit
from app.cli.screen import Told
from app.intake.errors import IntakeError
from app.intake.model import ColumnType, Intake, IntakeLimits, ReadOptions
from app.intake.numerals import as_numbers
from app.intake.read import ingest
from synth.errors import SynthError
from synth.table.frame import read_parquet
from synth.table.schema import ColumnKind, ColumnSpec, TableSchema

REAL = frozenset({"train", "holdout", "reference"})
LIMITS = IntakeLimits(min_rows=1, min_columns=1)
NAMED = 3
"""How many missing columns a sentence names."""
MOSTLY = 0.5
"""Text of which more than this share are numbers is a column of numbers with something else in it."""
INFINITE = r"[+-]?inf(?:inity)?"
NUMBERS = frozenset({ColumnType.INTEGER, ColumnType.REAL})
FITTING: Mapping[ColumnKind, frozenset[ColumnType]] = {
    ColumnKind.NUMERICAL: NUMBERS,
    ColumnKind.DATETIME: frozenset({ColumnType.DATETIME}),
    ColumnKind.IDENTIFIER: frozenset(ColumnType),
}
EXPECTED: Mapping[ColumnType, str] = {
    ColumnType.TEXT: "text",
    ColumnType.INTEGER: "numbers",
    ColumnType.REAL: "numbers",
    ColumnType.DATETIME: "dates",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """A table by its name in the audit, e.g. `holdout`."""

    name: str
    path: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What the caller knows better of the columns than can be told from train."""

    target: str | None = None
    person: str | None = None
    order: str | None = None
    columns: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """`kinds`, `roles` and `missing` by column."""
    reading: Mapping[str, Any] = field(default_factory=dict)
    """How the real tables are to be read, where that was said: the fields of `ReadOptions`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Read:
    """The tables by name, all with the columns of the schema in its order, and what their owner should know."""

    frames: Mapping[str, pd.DataFrame]
    schema: TableSchema
    rows: Mapping[str, int]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Table:
    name: str
    parquet: Path
    intake: Intake

    @property
    def types(self) -> dict[str, ColumnType]:
        return {column.name: column.type for column in self.intake.columns}

    def is_empty(self, column: str) -> bool:
        return any(c.name == column and c.missing == self.intake.rows for c in self.intake.columns)


def read_tables(given: Sequence[Given], wanted: Wanted, scratch: Path, told: Told) -> Read:
    """The tables, the first of which is train. `scratch` is a folder for what is read on the way.

    Raises CommandError, naming table and column and never a cell, where a table cannot be read, has other columns than
    train or has a column of another type, and where a column holds infinite numbers.
    """
    tables: list[_Table] = []
    for i, each in enumerate(given):
        told(i / len(given), f"reading {each.name}")
        like = tables[0].types if tables else None
        tables.append(_ingested(each, scratch / f"{i}.parquet", wanted.reading, like))
    train = tables[0]
    notes = [f"{t.name}: {warning}" for t in tables for warning in t.intake.warnings]
    for table in tables:
        _expect_finite(table)
    for table in tables[1:]:
        notes += _expect_columns(table, train)
    schema = _schema(train, wanted)
    frames = {table.name: _read(table, train, schema) for table in tables}
    left = schema.identifiers
    if left:
        notes.append(
            f"taken for identifiers, which are looked up and have no distance: {', '.join(left)} "
            "(--kind NAME=categorical takes one back)"
        )
    return Read(
        frames=frames, schema=schema, rows={name: len(frame) for name, frame in frames.items()}, notes=tuple(notes)
    )


def _bad(sentence: str) -> CommandError:
    return CommandError(sentence, Exit.BAD_INPUT)


def _ingested(given: Given, parquet: Path, reading: Mapping[str, Any], like: Mapping[str, ColumnType] | None) -> _Table:
    """The table. One that is not real may be written in a way of its own, so what was said of the file may not hold.

    It is read with the decimal sign alone, as was said, and without: what has most of train's columns, of their types,
    counts, and the first of those.
    """
    ways = [reading]
    if reading and given.name not in REAL:
        ways = [{name: said for name, said in reading.items() if name == "decimal"}, reading, {}]
    read: list[_Table] = []
    for number, way in enumerate(ways):
        out = parquet.with_suffix(f".{number}.parquet")
        try:
            intake = ingest(given.path, out, filename=given.path.name, limits=LIMITS, options=ReadOptions(**way))
        except IntakeError as error:
            refusal = _bad(f"{given.name}: {error}")
        else:
            read.append(_Table(name=given.name, parquet=out, intake=intake))
    if not read:
        raise refusal
    return max(read, key=lambda table: len(table.types.items() & (like or {}).items()))


def _expect_columns(table: _Table, train: _Table) -> list[str]:
    """A note where the columns stand in another order."""
    got, wanted = list(table.types), list(train.types)
    missing = [name for name in wanted if name not in got]
    extra = len(set(got) - set(wanted))
    if missing or extra:
        named = ", ".join(repr(name) for name in missing[:NAMED])
        said = f" ({named}{', ...' if len(missing) > NAMED else ''})" if missing else ""
        raise _bad(
            f"{table.name}: expected the {len(wanted)} columns of train, {len(missing)} are missing{said} and "
            f"{extra} are not in train"
        )
    return [] if got == wanted else [f"{table.name}: its columns stand in another order; they were put in train's"]


def _expect_finite(table: _Table) -> None:
    """Refuse text columns of numbers with `inf` among them, which would otherwise be taken for categories."""
    written = [name for name, kind in table.types.items() if kind is ColumnType.TEXT]
    if not written:
        return
    frame = pd.read_parquet(table.parquet, columns=written)
    for name in written:
        values = frame[name].dropna().astype(str).str.strip()
        infinite = values.str.fullmatch(INFINITE, case=False)
        others = as_numbers(values[~infinite]).notna()
        if infinite.any() and (others.empty or others.mean() > MOSTLY):
            raise _bad(f"{table.name}, column {name!r}: expected finite numbers, got infinite ones")


def _schema(train: _Table, wanted: Wanted) -> TableSchema:
    """The schema that train suggests, corrected by the caller."""
    for option, name in (("--target", wanted.target), ("--person", wanted.person), ("--order", wanted.order)):
        if name is not None and name not in train.types:
            raise _bad(f"{option}: expected one of the {len(train.types)} columns of train, got another name")
    for option, key in (("--kind", "kinds"), ("--role", "roles"), ("--missing", "missing")):
        if not set(wanted.columns.get(key, ())) <= set(train.types):
            raise _bad(f"{option}: expected one of the {len(train.types)} columns of train, got another name")
    schema = corrected(train.intake.schema, wanted.columns, train.parquet)
    return with_target(schema, wanted.target, train.parquet).with_roles(person=wanted.person, order=wanted.order)


def _read(table: _Table, train: _Table, schema: TableSchema) -> pd.DataFrame:
    """The table by the schema of train."""
    as_text = [spec.name for spec in schema if not table.is_empty(spec.name) and _is_code(spec, table, train)]
    for spec in schema:
        if spec.name not in as_text and not table.is_empty(spec.name):
            _expect_type(spec, table, train)
    try:
        frame = read_parquet(table.parquet, schema)
    except SynthError as error:
        raise _bad(f"{table.name}: {error}") from None
    return _as_train_writes(frame, schema, as_text)


def _is_code(spec: ColumnSpec, table: _Table, train: _Table) -> bool:
    """Whether these are integers alone where train has text, because of others among them."""
    is_category = spec.kind.is_category and spec.value_form is None
    is_text = train.types[spec.name] is ColumnType.TEXT and table.types[spec.name] is ColumnType.INTEGER
    return is_category and is_text


def _expect_type(spec: ColumnSpec, table: _Table, train: _Table) -> None:
    got, learnt = table.types[spec.name], train.types[spec.name]
    if spec.value_form is not None or (spec.markers and got is ColumnType.TEXT):
        return  # its texts are read by the form, numbers as what they are
    if spec.kind.is_category:
        fits = got is learnt or {got, learnt} <= NUMBERS or train.is_empty(spec.name)
    else:
        fits = got in FITTING[spec.kind]
    if not fits:
        raise _bad(f"{table.name}, column {spec.name!r}: expected {EXPECTED[learnt]} as in train, got {EXPECTED[got]}")


def _as_train_writes(frame: pd.DataFrame, schema: TableSchema, as_text: Sequence[str]) -> pd.DataFrame:
    """Truth values and codes as they are held of train: True is true, and 7 is the text 7 (the columns `as_text`)."""
    for spec in schema:
        if spec.arrow_type == "bool" and frame[spec.name].dtype == object:
            frame[spec.name] = frame[spec.name].str.lower()
    for name in as_text:  # text in train alone because of others among them
        texts = [None if pd.isna(value) else str(int(value)) for value in frame[name]]
        frame[name] = pd.Series(texts, dtype=object)
    return frame
