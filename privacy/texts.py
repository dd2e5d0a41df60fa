"""The cells of columns as text, each distinct text once, and the text of all tables of an audit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from privacy.normal_forms import plain
from privacy.threat import AuditTables
from synth.table.schema import ColumnRole, TableSchema

Keys = NDArray[np.uint64]
People = NDArray[np.intp]

_NUMBERED = re.compile(r"(\D*)(\d{1,15})(\D*)")


@dataclass(frozen=True, kw_only=True, slots=True)
class TextColumn:
    """A column of text in the form of `plain`."""

    codes: NDArray[np.intp]
    """(records,) positions in `distinct`; -1 where the cell is missing or blank."""
    distinct: tuple[str, ...]

    def first(self) -> NDArray[np.intp]:
        """(distinct texts,) the first record that has each."""
        places: NDArray[np.intp] = np.full(len(self.distinct), len(self.codes), dtype=np.intp)
        rows = np.flatnonzero(self.codes >= 0)
        np.minimum.at(places, self.codes[rows], rows)
        return places


def text_column(column: pd.Series) -> TextColumn:
    """The column as text in the form of `plain`; whole numbers without a point, dates in ISO form.

    Blank cells count as missing.
    """
    codes, values = pd.factorize(column, use_na_sentinel=True)
    texts = np.array([plain(_text(value)) or None for value in values], dtype=object)
    again, distinct = pd.factorize(texts, use_na_sentinel=True)
    # position -1, a missing cell, reads the -1 that is appended
    return TextColumn(codes=np.append(again, -1)[codes].astype(np.intp), distinct=tuple(distinct))


def joined(left: TextColumn, right: TextColumn) -> TextColumn:
    """The cells of both columns in one, where both are filled."""
    both = (left.codes >= 0) & (right.codes >= 0)
    mixed = left.codes * max(1, len(right.distinct)) + right.codes
    codes = np.full(len(mixed), -1, dtype=np.intp)
    codes[both], distinct = pd.factorize(mixed[both])
    texts = (
        f"{left.distinct[i]} {right.distinct[j]}" for i, j in (divmod(pair, len(right.distinct)) for pair in distinct)
    )
    return TextColumn(codes=codes, distinct=tuple(texts))


def is_counter(cells: TextColumn) -> bool:
    """Whether the column numbers its records and nothing else: 0 to n - 1 or 1 to n, perhaps inside a fixed text.

    `CustomerID-000001`, `CustomerID-000002`, ... is one in any order, and so are several such counters one after the
    other. A column that leaves a number out is none. A counter is the same whoever was learnt, so that a find in it
    says nothing of anybody. Identifiers taken from train are a counter only if train has all from 0 or 1 on.
    """
    if len(cells.distinct) < 2:
        return False
    around, numbers = set(), set()
    for text in cells.distinct:
        match = _NUMBERED.fullmatch(text)
        if match is None:
            return False
        around.add((match[1], match[3]))
        numbers.add(int(match[2]))
    whole = len(numbers) == len(cells.distinct) == max(numbers) - min(numbers) + 1
    return whole and len(around) == 1 and min(numbers) in (0, 1)


def _text(value: object) -> str:
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return str(value)


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """Keys of what one table holds, and whose they are."""

    keys: Keys
    people: People
    """(keys,)"""
    decoys: Keys
    """The same with their last digit changed, of those that have a digit and are not train's: what has the same form
    and is nobody's in particular."""
    columns: tuple[str, ...] = ()
    """In which something was found."""
    words: frozenset[str] = frozenset()
    """The words of names; only while a table is searched."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Texts:
    """The text of all tables: cells by table and column. The reference is there, perhaps without records."""

    schema: TableSchema
    cells: Mapping[str, Mapping[str, TextColumn]]
    people: Mapping[str, People]
    counters: frozenset[str]
    """Identifiers that are a plain counter in the synthetic table."""
    sides: tuple[str, str] = ("train", "holdout")
    """The table whose values are looked up, and the one that says what chance finds."""
    done: dict[tuple[str, str], Held] = field(default_factory=dict)
    """By table and what was searched for, so that no text is searched twice."""

    @property
    def tables(self) -> tuple[str, str, str]:
        """Both sides and the synthetic table."""
        return (*self.sides, "synthetic")

    @property
    def is_other_way_round(self) -> bool:
        """Whether train is none of the sides. It then says what people have in common."""
        return "train" not in self.sides

    def published(self) -> Mapping[str, TextColumn]:
        """All text of the synthetic table that is no counter."""
        return {name: cells for name, cells in self.cells["synthetic"].items() if name not in self.counters}


def texts_of(tables: AuditTables) -> Texts:
    """The text of the tables, which hold all records of each person."""
    frames = {"reference": tables.holdout.iloc[:0], **dict(tables.named())}
    names = [
        spec.name
        for spec in tables.schema
        if not spec.kind.is_learnt or any(_is_text(frame[spec.name]) for frame in frames.values())
    ]
    cells = {table: {name: text_column(frame[name]) for name in names} for table, frame in frames.items()}
    identifiers = tables.schema.identifiers
    return Texts(
        schema=tables.schema,
        cells=cells,
        people={table: _people(tables, frame) for table, frame in frames.items() if table != "synthetic"},
        counters=frozenset(name for name in identifiers if is_counter(cells["synthetic"][name])),
    )


def _is_text(column: pd.Series) -> bool:
    """Whether the column may hold text: whatever its dtype, it is neither of numbers nor of dates, and not empty."""
    dtype = column.dtype.categories.dtype if isinstance(column.dtype, pd.CategoricalDtype) else column.dtype
    is_number = pd.api.types.is_numeric_dtype(dtype)
    is_time = pd.api.types.is_datetime64_any_dtype(dtype) or pd.api.types.is_timedelta64_dtype(dtype)
    return not is_number and not is_time and bool(column.notna().any())


def _people(tables: AuditTables, frame: pd.DataFrame) -> People:
    person = tables.schema.with_role(ColumnRole.PERSON)
    if person is None:
        return np.arange(len(frame), dtype=np.intp)
    codes, known = pd.factorize(frame[person], use_na_sentinel=True)
    unnamed = np.flatnonzero(codes < 0)
    codes[unnamed] = len(known) + np.arange(len(unnamed))
    return codes.astype(np.intp)
