"""Cells as integers, so that "these two cells agree" is equality: exact for categories, within a gap for numbers."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from privacy.distance import as_labels, as_numbers
from synth.table.schema import TableSchema

CellCodes = NDArray[np.int32]
Floats = NDArray[np.float64]

TOLERANCE = 0.1
"""A number agrees with a person's value if it lies within this share of the gap to the next value that any person has.
So value + 1 agrees in a column of widely spaced values, and in a column of consecutive integers only equality does."""
FEWEST_ALONE = 0.3
"""A column counts as nearly unique if this share of the people have a value there that nobody else has."""
MISSING_CELL = 0
NO_MATCH = -1
"""No person has this value, or one near to it. Never agrees with anything."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cells:
    """One array of codes per column that is not an identifier, all of the same length."""

    columns: Mapping[str, CellCodes]
    """0 where the cell is missing, NO_MATCH where nobody in train or holdout has the value, else the value's code."""
    numbers: Mapping[str, Floats]
    """The values themselves (dates in microseconds, missing as NaN), of the columns that hold nearly only values which
    one person alone has."""
    size: int

    def __len__(self) -> int:
        return self.size

    def take(self, index: NDArray[np.intp]) -> Cells:
        """The records at `index`, in that order."""
        return Cells(
            columns={name: codes[index] for name, codes in self.columns.items()},
            numbers={name: values[index] for name, values in self.numbers.items()},
            size=len(index),
        )

    def join(self, other: Cells) -> Cells:
        """These records followed by the other's."""
        return Cells(
            columns={name: np.concatenate([codes, other.columns[name]]) for name, codes in self.columns.items()},
            numbers={name: np.concatenate([values, other.numbers[name]]) for name, values in self.numbers.items()},
            size=self.size + other.size,
        )


def cells_of(people: Sequence[pd.DataFrame], others: Sequence[pd.DataFrame], schema: TableSchema) -> tuple[Cells, ...]:
    """The cells of all frames, `people` first, in one common code.

    The codes stand for the distinct values of `people` taken together. Which of them are whose has no influence, so
    where the people are train and holdout, the codes favour neither. A cell of `others` takes the code of the nearest
    of these values if it is near enough (TOLERANCE), else NO_MATCH. Everything is computed on float64: float32 would
    hide a second in a date.
    """
    frames = [*people, *others]
    columns: list[dict[str, CellCodes]] = [{} for _ in frames]
    kept: list[dict[str, Floats]] = [{} for _ in frames]
    for spec in schema:
        if not spec.kind.is_learnt:
            continue
        if spec.kind.is_category:
            coded = _labels([frame[spec.name] for frame in frames], len(people))
        else:
            numbers = [as_numbers(frame[spec.name]) for frame in frames]
            values, holders = _distinct(np.concatenate(numbers[: len(people)]))
            coded = [nearest_code(column, values) for column in numbers]
            if (holders == 1).sum() >= FEWEST_ALONE * sum(len(frame) for frame in people):
                for own, column in zip(kept, numbers, strict=True):
                    own[spec.name] = column
        for place, codes in zip(columns, coded, strict=True):
            place[spec.name] = codes
    return tuple(
        Cells(columns=place, numbers=numbers, size=len(frame))
        for place, numbers, frame in zip(columns, kept, frames, strict=True)
    )


def normal_label(text: str) -> str:
    """The label without differences that no reader would see: width, case, and how many blanks stand where."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _labels(columns: Sequence[pd.Series], people: int) -> list[CellCodes]:
    labels = [as_labels(column) for column in columns]
    found, texts = pd.factorize(np.concatenate(labels), use_na_sentinel=True)
    normal, _ = pd.factorize(np.array([normal_label(str(text)) for text in texts], dtype=object))
    codes = np.where(found < 0, MISSING_CELL, normal[found] + 1 if len(normal) else MISSING_CELL).astype(np.int32)
    ends = np.cumsum([len(column) for column in labels])
    held = np.isin(codes, codes[: ends[people - 1]]) | (codes == MISSING_CELL)
    codes = np.where(held, codes, NO_MATCH).astype(np.int32)
    return np.split(codes, ends[:-1])


def _distinct(numbers: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """The distinct values, sorted, without missing ones, and how many cells hold each."""
    values, counts = np.unique(numbers[~np.isnan(numbers)] + 0.0, return_counts=True)
    return values, counts


def nearest_code(numbers: Floats, values: Floats, *, tolerance: float = TOLERANCE) -> CellCodes:
    """One plus the position of the nearest of the sorted `values`, if it is within `tolerance` of that value's gap."""
    codes = np.full(len(numbers), NO_MATCH, dtype=np.int32)
    if len(values):
        left = np.clip(np.searchsorted(values, numbers, side="right") - 1, 0, len(values) - 1)
        right = np.minimum(left + 1, len(values) - 1)
        with np.errstate(invalid="ignore"):
            nearer_right = np.abs(values[right] - numbers) < np.abs(numbers - values[left])
            nearest = np.where(nearer_right, right, left)
            near = np.abs(numbers - values[nearest]) <= tolerance * gaps(values)[nearest]
        codes[near | (numbers == values[nearest])] = nearest[near | (numbers == values[nearest])] + 1
    codes[np.isnan(numbers)] = MISSING_CELL
    return codes


def gaps(values: Floats) -> Floats:
    """For each of the sorted distinct `values` how far the nearest other one lies; 0 where there is none."""
    if len(values) < 2:
        return np.zeros(len(values))
    with np.errstate(invalid="ignore"):
        steps = np.diff(values)
    steps = np.where(np.isfinite(steps), steps, 0.0)
    nearest: Floats = np.minimum(np.concatenate([steps[:1], steps]), np.concatenate([steps, steps[-1:]]))
    return nearest
