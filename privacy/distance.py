"""One encoder and one distance for every attack: Gower's, with exact nearest neighbours in bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.table.schema import TableSchema

Numbers = NDArray[np.float32]
Codes = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.uint32]

QUERY_BLOCK = 32
CORPUS_BLOCK = 8192
"""32 x 8192 distances of 4 bytes: a block stays in a core's cache, and memory does not grow with the tables."""
CHUNK = 64
WORKERS = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Encoded:
    """Records as scaled numbers (one row of the array per column) and as category codes (one array per column)."""

    numbers: Numbers
    """float32, columns x records."""
    codes: tuple[Codes, ...]
    """One array of `len(self)` codes per categorical column and per numeric column that has missing values."""

    def __len__(self) -> int:
        return int(self.numbers.shape[1])

    def take(self, index: NDArray[np.intp]) -> Encoded:
        """The records at `index`, in that order."""
        return Encoded(numbers=self.numbers[:, index], codes=tuple(c[index] for c in self.codes))

    def join(self, other: Encoded) -> Encoded:
        """These records followed by the other's."""
        codes = tuple(np.concatenate([a, b]) for a, b in zip(self.codes, other.codes, strict=True))
        return Encoded(numbers=np.concatenate([self.numbers, other.numbers], axis=1), codes=codes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Neighbours:
    """The nearest records of a corpus for each query, nearest first."""

    distances: Numbers
    """float32, queries x k; Gower distance times the number of columns."""
    index: NDArray[np.intp]
    """queries x k, positions in the corpus."""


def as_numbers(column: pd.Series) -> NDArray[np.float64]:
    """A numeric or datetime column as float64: missing as NaN, datetimes in microseconds."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        moments = column.dt.tz_localize(None) if getattr(column.dt, "tz", None) is not None else column
        ticks = moments.to_numpy(dtype="datetime64[us]")
        return np.where(np.isnat(ticks), np.nan, ticks.astype(np.int64).astype(np.float64))
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def as_labels(column: pd.Series) -> NDArray[np.object_]:
    """A categorical column as text, missing as None; numbers that mean the same give the same text."""
    missing = column.isna().to_numpy(dtype=bool)
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
        texts = pd.Series(as_numbers(column)).map(repr).to_numpy(dtype=object)
    else:
        texts = column.map(str).to_numpy(dtype=object)
    texts = texts.copy()
    texts[missing] = None
    return texts


def encode(frames: Sequence[pd.DataFrame], schema: TableSchema, *, scale_on: int) -> tuple[Encoded, ...]:
    """The frames in one common encoding, without identifiers; numbers are scaled on the first `scale_on` frames.

    A number is divided by the spread between the 1st and 99th percentile of its column (the full range where that is
    0), so that one far outlier does not silence the column; the distance is thus Gower's (1971), eq. 1, up to the
    choice of range. Missing is a category of its own: equal to itself, one unit from any value.
    Infinite values are put one spread beyond the largest finite one.
    """
    ends = np.cumsum([len(frame) for frame in frames])
    seen = int(ends[scale_on - 1])
    numbers: list[Numbers] = []
    codes: list[Codes] = []
    for spec in schema:
        if not spec.kind.is_learnt:
            continue
        if spec.kind.is_category:
            labels = np.concatenate([as_labels(frame[spec.name]) for frame in frames])
            # Codes in the order of the texts: in the order of appearance a code would tell which table came first.
            texts = np.array(["" if label is None else f"={label}" for label in labels], dtype=object)
            codes.append(_narrow(pd.factorize(texts, sort=True)[0]))
            continue
        values = np.concatenate([as_numbers(frame[spec.name]) for frame in frames])
        missing = np.isnan(values)
        if missing.any():
            codes.append(missing.astype(np.uint8))
        numbers.append(_scaled(values, missing, seen))
    table = np.stack(numbers) if numbers else np.empty((0, int(ends[-1])), dtype=np.float32)
    whole = Encoded(numbers=table, codes=tuple(codes))
    starts = np.concatenate([[0], ends[:-1]])
    return tuple(whole.take(np.arange(a, b)) for a, b in zip(starts, ends, strict=True))


def _narrow(codes: NDArray[np.intp]) -> Codes:
    top = int(codes.max(initial=0))
    if top < 2**8:
        return codes.astype(np.uint8)
    return codes.astype(np.uint16) if top < 2**16 else codes.astype(np.uint32)


def _scaled(values: NDArray[np.float64], missing: NDArray[np.bool_], seen: int) -> Numbers:
    finite = values[:seen][np.isfinite(values[:seen])]
    if finite.size == 0:
        finite = values[np.isfinite(values)]
    if finite.size == 0:
        return np.zeros(len(values), dtype=np.float32)
    low, middle, high = np.quantile(finite, [0.01, 0.5, 0.99])
    spread = float(high - low) or float(finite.max() - finite.min()) or 1.0
    clipped = np.clip(values, finite.min() - 100 * spread, finite.max() + 100 * spread)
    infinite = np.isinf(values)
    if infinite.any():
        clipped = np.where(infinite & (values > 0), finite.max() + spread, clipped)
        clipped = np.where(infinite & (values < 0), finite.min() - spread, clipped)
    scaled: Numbers = ((np.where(missing, middle, clipped) - middle) / spread).astype(np.float32)
    return scaled


def directions(rows: Encoded) -> Encoded:
    """The records with their numbers, counted from each column's smallest, as a vector of length 1 (or 0)."""
    if len(rows) == 0:
        return rows
    shifted = rows.numbers - rows.numbers.min(axis=1, keepdims=True)
    length = np.sqrt((shifted**2).sum(axis=0, keepdims=True))
    unit: Numbers = np.divide(shifted, length, out=np.zeros_like(shifted), where=length > 0)
    return Encoded(numbers=unit, codes=rows.codes)


def nearest(queries: Encoded, corpus: Encoded, k: int, *, skip_self: bool = False, cosine: bool = False) -> Neighbours:
    """The `k` nearest records of the corpus for each query, exactly; fewer where the corpus is smaller.

    With `skip_self` the corpus is the queries themselves and no record counts as its own neighbour. With `cosine` the
    numbers, which must come from `directions`, count by the cosine of their angle and not by their differences.
    Memory: a few blocks of QUERY_BLOCK x CORPUS_BLOCK, whatever the sizes. Raises ValueError on an empty corpus.
    """
    k = min(k, len(corpus) - int(skip_self))
    if k < 1:
        raise ValueError("expected a corpus with at least one neighbour, got none")
    starts = range(0, len(queries), QUERY_BLOCK)
    with ThreadPoolExecutor(WORKERS) as pool:
        block = partial(_nearest_block, queries, corpus, k, skip_self=skip_self, cosine=cosine)
        parts = list(pool.map(block, starts))
    if not parts:
        return Neighbours(distances=np.empty((0, k), dtype=np.float32), index=np.empty((0, k), dtype=np.intp))
    return Neighbours(
        distances=np.concatenate([part.distances for part in parts]), index=np.concatenate([p.index for p in parts])
    )


def _nearest_block(
    queries: Encoded, corpus: Encoded, k: int, start: int, *, skip_self: bool, cosine: bool
) -> Neighbours:
    rows = slice(start, min(start + QUERY_BLOCK, len(queries)))
    size = rows.stop - rows.start
    best = np.full((size, k), np.inf, dtype=np.float32)
    index = np.zeros((size, k), dtype=np.intp)
    scratch = np.empty((size, CORPUS_BLOCK), dtype=np.float32)
    for left in range(0, len(corpus), CORPUS_BLOCK):
        columns = slice(left, min(left + CORPUS_BLOCK, len(corpus)))
        block = (_angles if cosine else _distances)(queries, rows, corpus, columns, scratch)
        if skip_self:
            same = np.arange(max(rows.start, columns.start), min(rows.stop, columns.stop))
            block[same - rows.start, same - columns.start] = np.inf
        better = np.flatnonzero(block.min(axis=1) < best[:, -1])
        if better.size == 0:
            continue
        _merge(best, index, better, block[better], left)
    return Neighbours(distances=best, index=index)


def _merge(best: Numbers, index: NDArray[np.intp], rows: NDArray[np.intp], block: Numbers, left: int) -> None:
    """Put the block's candidates among the best of these rows, in place."""
    k = best.shape[1]
    found = _candidates(block, k)
    near = np.concatenate([best[rows], np.take_along_axis(block, found, axis=1)], axis=1)
    where = np.concatenate([index[rows], found + left], axis=1)
    few = np.argpartition(near, k - 1, axis=1)[:, :k]
    near, where = np.take_along_axis(near, few, axis=1), np.take_along_axis(where, few, axis=1)
    order = np.argsort(near, axis=1, kind="stable")
    best[rows] = np.take_along_axis(near, order, axis=1)
    index[rows] = np.take_along_axis(where, order, axis=1)


def _candidates(block: Numbers, k: int) -> NDArray[np.intp]:
    """Columns that hold each row's `k` smallest values: those of the `k` chunks with the smallest minima.

    A value in another chunk has `k` minima at or below it. Sorting the few that are left is many times cheaper than
    partitioning the whole row.
    """
    n, width = block.shape
    if k == 1:
        nearest_one: NDArray[np.intp] = np.argmin(block, axis=1, keepdims=True)
        return nearest_one
    whole = width // CHUNK * CHUNK
    if whole // CHUNK <= k:
        return np.broadcast_to(np.arange(width), block.shape)
    minima = block[:, :whole].reshape(n, -1, CHUNK).min(axis=2)
    chunks = np.argpartition(minima, k - 1, axis=1)[:, :k]
    inside = (chunks[:, :, None] * CHUNK + np.arange(CHUNK)).reshape(n, -1)
    rest = np.broadcast_to(np.arange(whole, width), (n, width - whole))
    return np.concatenate([inside, rest], axis=1)


def _distances(queries: Encoded, rows: slice, corpus: Encoded, columns: slice, scratch: Numbers) -> Numbers:
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    total = np.zeros(shape, dtype=np.float32)
    part = scratch[:, : shape[1]]
    for mine, theirs in zip(queries.numbers, corpus.numbers, strict=True):
        np.subtract(mine[rows, None], theirs[None, columns], out=part)
        np.abs(part, out=part)
        np.add(total, part, out=total)
    return _plus_unequal(total, queries, rows, corpus, columns)


def _angles(queries: Encoded, rows: slice, corpus: Encoded, columns: slice, scratch: Numbers) -> Numbers:
    """Categories that differ plus the number of numeric columns times one minus the cosine of the numbers."""
    total = scratch[:, : columns.stop - columns.start]
    np.matmul(queries.numbers[:, rows].T, corpus.numbers[:, columns], out=total)
    np.subtract(1, total, out=total)
    np.multiply(total, np.float32(len(queries.numbers)), out=total)
    return _plus_unequal(np.maximum(total, 0), queries, rows, corpus, columns)


def _plus_unequal(total: Numbers, queries: Encoded, rows: slice, corpus: Encoded, columns: slice) -> Numbers:
    if queries.codes:
        unequal = np.zeros(total.shape, dtype=np.uint16)
        for ours, others in zip(queries.codes, corpus.codes, strict=True):
            np.add(unequal, ours[rows, None] != others[None, columns], out=unequal, casting="unsafe")
        np.add(total, unequal, out=total)
    return total
