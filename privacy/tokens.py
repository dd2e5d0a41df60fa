"""Files read as what stands in them: the cells that could be a record's, in order, and the column they stand under."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape

import numpy as np
from numpy.typing import NDArray

Cell = str | float | None

TAG = re.compile(r"</?[A-Za-z!][^>]*>")
FIELDS = re.compile(r"[,;|\t\r\n]")
NUMBER = re.compile(r"(?<![\w.])[-\u2212]?(?:\d{1,3}(?:[,\u00a0\u202f ]\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w])")
DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?")
END = re.compile(r"min|max|low|high|upper|bound|range|edge|first|last|smallest|largest|start|end", re.IGNORECASE)
"""In the name of a field that holds the end of something."""
LONGEST_NAME = 200
"""A text that is longer is no label of a category; its parts may be."""


@dataclass(kw_only=True, slots=True)
class Tokens:
    """What stands in some files."""

    runs: list[list[Cell]] = field(default_factory=list)
    """Cells that follow one another, in the order of the file."""
    numbers: dict[str | None, list[NDArray[np.float64]]] = field(default_factory=dict)
    """Numbers outside of arrays by the column under whose name they stand; None for the others."""
    arrays: dict[str | None, list[NDArray[np.float64]]] = field(default_factory=dict)
    """Arrays of numbers in the same way."""
    labels: dict[str | None, set[str]] = field(default_factory=dict)
    """All texts in the same way."""
    ends: dict[str, dict[str, tuple[set[float], set[float]]]] = field(default_factory=dict)
    """By column and field: the smallest, and the largest, of each list of numbers; and what the field calls an end."""

    @property
    def rows(self) -> list[NDArray[np.float64]]:
        """Arrays of two dimensions, whose rows could be records of numbers."""
        return [array for array in self.arrays_of(None) if array.ndim == 2]

    def numbers_of(self, column: str | None) -> NDArray[np.float64]:
        """The distinct numbers under the column's name, those of arrays among them; all of them where it is None."""
        return _distinct([*_under(self.numbers, column), *(a.reshape(-1) for a in self.arrays_of(column))])

    def arrays_of(self, column: str | None) -> list[NDArray[np.float64]]:
        """The arrays under the column's name; all of them where it is None."""
        return _under(self.arrays, column)

    def outside_arrays(self) -> NDArray[np.float64]:
        """The distinct numbers that are in no array."""
        return _distinct(_under(self.numbers, None))

    def labels_of(self, column: str | None) -> set[str]:
        """The distinct texts under the column's name; all of them where it is None."""
        return set().union(*self.labels.values()) if column is None else self.labels.get(column, set())


def _under(parts: Mapping[str | None, list[NDArray[np.float64]]], column: str | None) -> list[NDArray[np.float64]]:
    """Those under the column's name; all of them where it is None."""
    return [part for name, some in parts.items() if column in (None, name) for part in some]


def _distinct(parts: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    joined: NDArray[np.float64] = np.unique(np.concatenate(parts)) if parts else np.empty(0)
    return joined[np.isfinite(joined)]


def read_tokens(documents: Sequence[object], columns: Sequence[str]) -> Tokens:
    """The tokens of some documents: JSON values, arrays of numbers (a model's tensors), or text such as a page.

    A cell stands under a column where an object around it has the column's name as a key to it, or as the value of
    one of its fields; the innermost counts.
    """
    tokens = Tokens()
    reader = _Reader(tokens=tokens, columns=frozenset(columns), order=tuple(columns))
    for document in documents:
        run: list[Cell] = []
        reader.read(document, None, run)
        tokens.runs.append(run)
    return tokens


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reader:
    tokens: Tokens
    columns: frozenset[str]
    order: tuple[str, ...]

    def read(self, value: object, column: str | None, run: list[Cell], name: str = "") -> None:
        """Note what stands in `value`, in a field of this name, and append its cells to the run."""
        if isinstance(value, Mapping):
            self._object(value, column, run)
        elif isinstance(value, np.ndarray):
            self._array(value, column, run, name)
        elif isinstance(value, np.generic):
            self.read(np.asarray(value) if value.dtype.kind == "M" else value.item(), column, run, name)
        elif isinstance(value, (list, tuple)):
            self._list(value, column, run, name)
        elif isinstance(value, str):
            self._text(value, column, run)
        elif isinstance(value, bool):
            run.append(str(value))
        elif isinstance(value, (int, float)):
            number = as_number(value)
            self._numbers(np.array([number]), column)
            run.append(number)
        elif value is None:
            run.append(None)

    def _object(self, value: Mapping[object, object], column: str | None, run: list[Cell]) -> None:
        named = [each for each in value.values() if isinstance(each, str) and each in self.columns]
        around = named[0] if len(named) == 1 else column
        if self.columns <= {key for key in value if isinstance(key, str)}:
            cells: list[Cell] = []
            for name in self.order:
                self.read(value[name], name, cells)
            self.tokens.runs.append(cells)
        for key, each in value.items():
            if isinstance(key, str):
                self._text(key, around, run)
            is_end = isinstance(key, str) and END.search(key) and isinstance(each, (int, float, str))
            if around is not None and is_end and not np.isnan(end := as_number(each)):
                for side in self._ends(around, str(key)):
                    side.add(end)
            self.read(each, key if isinstance(key, str) and key in self.columns else around, run, str(key))

    def _ends(self, column: str, name: str) -> tuple[set[float], set[float]]:
        # a column's own name is no field that others have as well
        field_name = "" if name in self.columns else name
        return self.tokens.ends.setdefault(column, {}).setdefault(field_name, (set(), set()))

    def _list(self, value: Sequence[object], column: str | None, run: list[Cell], name: str) -> None:
        numbers = [v for v in map(as_number, value) if not np.isnan(v)] if column is not None else []
        if column is not None and len(numbers) > 0:
            low, high = self._ends(column, name)
            low.add(min(numbers))
            high.add(max(numbers))
        for each in value:
            self.read(each, column, run, name)

    def _array(self, value: NDArray[np.generic], column: str | None, run: list[Cell], name: str) -> None:
        """The numbers of a tensor, points in time in microseconds; anything else is read one by one."""
        if value.dtype.kind == "M":
            value = np.where(np.isnat(value), np.nan, value.astype("datetime64[us]").astype(np.float64))
        if value.dtype.kind in "OSU":
            self._list(value.reshape(-1).tolist(), column, run, name)
        elif value.dtype.kind in "iuf" and value.size:
            self.tokens.arrays.setdefault(column, []).append(value.astype(np.float64))

    def _text(self, value: str, column: str | None, run: list[Cell]) -> None:
        if len(value) <= LONGEST_NAME:
            run.append(value.strip())
            self.tokens.labels.setdefault(column, set()).add(value.strip())
        if not re.search(r"\d|[,;|\t\r\n<]", value):
            return
        plain = unescape(TAG.sub("\n", value))
        numbers = [float(re.sub("[,\u00a0\u202f ]", "", n).replace("\u2212", "-")) for n in NUMBER.findall(plain)]
        dates = [_microseconds(date) for date in DATE.findall(plain)]
        self._numbers(np.array([*numbers, *dates], dtype=np.float64), column)
        parts = [part.strip().strip("\"'") for part in FIELDS.split(plain)]
        if len(parts) > 1:
            self.tokens.labels.setdefault(column, set()).update(part for part in parts if part)
            self.tokens.runs.append([part or None for part in parts])
            self.tokens.runs.append([part for part in parts if part])

    def _numbers(self, numbers: NDArray[np.float64], column: str | None) -> None:
        if len(numbers):
            self.tokens.numbers.setdefault(column, []).append(numbers)


def _microseconds(date: str) -> float:
    try:
        return float(np.datetime64(date.replace(" ", "T"), "us").astype(np.int64))
    except ValueError:
        return float("nan")


def as_number(cell: object) -> float:
    """The cell as a number, a date in microseconds; NaN where it is neither."""
    if isinstance(cell, str):
        if DATE.fullmatch(cell):
            return _microseconds(cell)
        try:
            return float(cell)
        except ValueError:
            return float("nan")
    if not isinstance(cell, (int, float)) or isinstance(cell, bool):
        return float("nan")
    try:
        return float(cell)
    except OverflowError:
        return float("nan")


def as_text(cell: Cell) -> str | None:
    """The cell as text: a whole number without a point, nothing where it is empty."""
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    return cell or None
