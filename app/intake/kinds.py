"""Which text columns hold nothing but plain numbers or ISO dates, and are stored as such.

All else stays text as it was written, so that nothing is lost and any reading can be corrected later: `00042`, TRUE,
`$1,234.50`, `27 Dec 2020`, numbers with a marker such as NA among them. What such texts stand for is said by the form
in the schema (`synth.detect`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from app.intake.model import ColumnType
from synth.table.schema import MOST_FIXED

SAMPLE_ROWS = 100
"""Most readings are ruled out by so many records."""
WHOLE_DIGITS = 18
"""A column with fractions holds no whole number of more digits: it may be a code."""
ZERO, NINE, POINT, MINUS = b"0"[0], b"9"[0], b"."[0], b"-"[0]
DAY_LENGTH = len("2024-02-29")
NEARLY_ALL = 0.99
PLACES_SHOWN = 2_000
"""So many texts of a batch show with how many places its numbers are written."""
LONGEST_FIXED = 16
"""Characters of a number with a fixed number of places, at most: a double does not hold more digits."""
FIRST_MOMENT = -62_135_596_800_000_000
"""The first of January of the year 1, which is where calendars begin here, in microseconds."""

# a whole number is an integer of at most 64 bits and without leading zeros, or it is a code and stays text
_WHOLE = "-?(?:0|[1-9][0-9]{0,18})"
_FRACTIONS = (
    r"-?(?:0|[1-9][0-9]{0,17})|-?(?:0|[1-9][0-9]*)\.[0-9]*(?:[eE][+-]?[0-9]+)?"
    r"|-?\.[0-9]+(?:[eE][+-]?[0-9]+)?|-?(?:0|[1-9][0-9]*)[eE][+-]?[0-9]+"
)
SHAPES: Mapping[ColumnType, re.Pattern[str]] = MappingProxyType(
    {
        ColumnType.INTEGER: re.compile(_WHOLE),
        ColumnType.REAL: re.compile(_FRACTIONS),
        ColumnType.DATETIME: re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    }
)
"""How the texts of each type are written, in order of preference. No pattern repeats what it repeats."""

ARROW_TYPES: Mapping[ColumnType, pa.DataType] = MappingProxyType(
    {
        ColumnType.TEXT: pa.string(),
        ColumnType.INTEGER: pa.int64(),
        ColumnType.REAL: pa.float64(),
        ColumnType.DATETIME: pa.timestamp("us"),
    }
)
"""What columns are stored as."""
COLUMN_TYPES: Mapping[pa.DataType, ColumnType] = MappingProxyType({arrow: kind for kind, arrow in ARROW_TYPES.items()})


@dataclass(frozen=True, kw_only=True, slots=True)
class _Letters:
    """The first two characters of each text behind its sign, 0 where there is none, and the length behind the sign."""

    first: NDArray[np.uint8]
    second: NDArray[np.uint8]
    length: NDArray[np.int32]


class Column:
    """What the texts of one column may be, by all of them so far."""

    def __init__(self, types: Sequence[ColumnType], *, points_may_group: bool = False) -> None:
        """`points_may_group` says that 14.257 may be fourteen thousand: a column of nothing else stays text."""
        self._possible = list(types)
        self._sampled = self._seen = False
        self._grouped = points_may_group
        self._places: Counter[int] = Counter()
        """How many numbers are written with so many places; -1 where they are written in another way."""

    @property
    def type(self) -> ColumnType:
        """What the column is: the first type that reads every value; text where there is no value."""
        if not (self._possible and self._seen) or (self._possible[0] is ColumnType.REAL and self._grouped):
            return ColumnType.TEXT
        return self._possible[0]

    @property
    def places(self) -> int | None:
        """How many places nearly all decimals are written with, as in 12.50; None where their number varies."""
        counts = self._places
        most = max(counts, default=0)
        fixed = counts[most] >= NEARLY_ALL * counts.total() and -1 not in counts
        return most if self.type is ColumnType.REAL and fixed and 0 < most <= MOST_FIXED else None

    def read(self, texts: pa.StringArray) -> pa.Array:
        """`texts` as what the column is by now."""
        if not self._possible:
            return texts
        if texts.null_count == len(texts):
            return texts.cast(ARROW_TYPES[self.type])
        self._seen = True
        self._rule_out(texts)
        while self._possible:
            values = _read(texts, self._possible[0])
            if values is not None:
                self._keep(values)
                self._count_places(texts)
                self._grouped = self._grouped and _may_be_grouped(texts)
                return texts if self.type is ColumnType.TEXT else values
            self._possible.pop(0)
        return texts

    def _rule_out(self, texts: pa.StringArray) -> None:
        """By the shapes of some values, which costs less than to try and fail."""
        if not self._sampled:
            cells = [cell.strip(" \t") for cell in texts.slice(0, SAMPLE_ROWS).to_pylist() if cell is not None]
            self._possible = [kind for kind in self._possible if all(map(SHAPES[kind].fullmatch, cells))]
            self._sampled = True

    def _keep(self, values: pa.Array) -> None:
        """The types that these values leave: whole numbers may yet turn out to have fractions among them."""
        kind = self._possible[0]
        left = [kind]
        if kind is ColumnType.INTEGER and ColumnType.REAL in self._possible:
            extremes = pc.min_max(values).as_py()
            if max(-extremes["min"], extremes["max"]) < 10**WHOLE_DIGITS:
                left.append(ColumnType.REAL)
        self._possible = left

    def _count_places(self, texts: pa.StringArray) -> None:
        """Of evenly spaced texts: all of them would take longer than to read them."""
        if self._possible[0] in {ColumnType.INTEGER, ColumnType.REAL}:
            stride = -(-len(texts) // PLACES_SHOWN)
            self._places.update(_places_of(texts.take(pa.array(range(0, len(texts), stride), pa.int64()))))


def _may_be_grouped(texts: pa.StringArray) -> bool:
    """Whether exactly three digits stand behind the point of each number that is written as a fraction."""
    whole = pc.match_substring_regex(texts, "^[ \\t]*-?[0-9]+[ \\t]*$")
    grouped = pc.match_substring_regex(texts, "^[ \\t]*-?[1-9][0-9]{0,2}[.][0-9]{3}[ \\t]*$")
    return bool(pc.all(pc.or_(whole, grouped)).as_py())


def _places_of(texts: pa.StringArray) -> dict[int, int]:
    """How many of the numbers are written with so many places behind the point; -1 for long ones and exponents."""
    present = pc.ascii_trim(texts.drop_null(), characters=" \t")
    length, point = pc.utf8_length(present), pc.find_substring(present, ".")
    other = pc.or_(pc.match_substring(present, "e", ignore_case=True), pc.greater(length, LONGEST_FIXED))
    behind = pc.if_else(pc.less(point, 0), 0, pc.subtract(pc.subtract(length, point), 1))
    counted = pc.value_counts(pc.if_else(other, -1, behind)).to_pylist()
    return {each["values"]: each["counts"] for each in counted}


def _read(texts: pa.StringArray, kind: ColumnType) -> pa.Array | None:
    """All of the texts as values of this type, spaces around them aside; None where one of them is none."""
    values = _cast(texts, kind)
    if values is None:
        trimmed = pc.ascii_trim(texts, characters=" \t")
        values = None if trimmed.equals(texts) else _cast(trimmed, kind)
    return values


def _cast(texts: pa.StringArray, kind: ColumnType) -> pa.Array | None:
    try:
        if kind is ColumnType.INTEGER:
            values = texts.cast(pa.int64())
        elif kind is ColumnType.REAL:
            values = texts.cast(pa.float64())
        else:
            values = texts.cast(pa.date32()).cast(pa.timestamp("us"))
    except pa.ArrowInvalid:  # its text quotes a cell
        return None
    return values if _is_plain(texts, values, kind) else None


def _is_plain(texts: pa.StringArray, values: pa.Array, kind: ColumnType) -> bool:
    """Whether texts that Arrow reads have the shape of the type: Arrow takes `007`, `0x1F` and `inf` too."""
    letters = _letters(texts)
    if kind is ColumnType.DATETIME:
        return bool((letters.length == DAY_LENGTH).all()) and pc.min(values.cast(pa.int64())).as_py() >= FIRST_MOMENT
    coded = (letters.first == ZERO) & (letters.length > 1)
    if kind is ColumnType.INTEGER:
        return not coded.any()
    if (coded & (letters.second >= ZERO) & (letters.second <= NINE)).any():
        return False
    if not (((letters.first >= ZERO) & (letters.first <= NINE)) | (letters.first == POINT)).all():
        return False
    if not pc.all(pc.is_finite(values)).as_py():
        return False
    long = texts.drop_null().filter(pa.array(letters.length > WHOLE_DIGITS))
    return all(map(SHAPES[kind].fullmatch, pc.ascii_trim(long, characters=" \t").to_pylist()))


def _letters(texts: pa.StringArray) -> _Letters:
    """Those of the texts that are not missing."""
    present = texts.drop_null()
    _, offsets, content = present.buffers()
    ends = np.frombuffer(offsets, np.int32)[present.offset : present.offset + len(present) + 1]
    letters = np.append(np.frombuffer(content, np.uint8), np.zeros(3, np.uint8))
    signed = letters[ends[:-1]] == MINUS
    starts = ends[:-1] + signed
    length = (ends[1:] - starts).astype(np.int32)
    return _Letters(
        first=np.where(length > 0, letters[starts], 0).astype(np.uint8),
        second=np.where(length > 1, letters[starts + 1], 0).astype(np.uint8),
        length=length,
    )
