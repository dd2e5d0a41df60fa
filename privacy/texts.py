"""The cells of a column as text, each distinct text once."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from privacy.normal_forms import plain

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
