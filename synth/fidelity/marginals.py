"""The distribution of each column in the real and in the synthetic table, coarse enough to be looked at by people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.fidelity.frames import MISSING_LABEL, Tables
from synth.protection import HOLDERS

Numbers = NDArray[np.float64]
Holders = NDArray[np.int64]

MOST_CATEGORIES = 20
MOST_BINS = 30
TAIL = 0.01
"""Numbers are drawn between this quantile and its mirror, rounded outwards; an extreme held by a few plays no part."""
OTHER = "(other)"


@dataclass(frozen=True, kw_only=True, slots=True)
class CategoryShares:
    """Shares of records per category; the last label may be `(other)`. Shares and missing sum to 1 per table."""

    labels: tuple[str, ...]
    real: tuple[float, ...]
    synthetic: tuple[float, ...]
    real_missing: float
    synthetic_missing: float

    def to_json(self) -> dict[str, object]:
        """The shares as JSON values."""
        return {
            "kind": "categories",
            "labels": list(self.labels),
            "real": list(self.real),
            "synthetic": list(self.synthetic),
            "real_missing": self.real_missing,
            "synthetic_missing": self.synthetic_missing,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Histogram:
    """Shares of records per bin. Datetimes are in seconds since 1970. Tails and missing make up the rest to 1."""

    edges: tuple[float, ...]
    """One more than there are bins."""
    real: tuple[float, ...]
    synthetic: tuple[float, ...]
    real_tails: tuple[float, float]
    """Shares of real records below the first and above the last edge; one of fewer than 5 is in the bin beside it."""
    synthetic_tails: tuple[float, float]
    real_missing: float
    synthetic_missing: float

    def to_json(self) -> dict[str, object]:
        """The histogram as JSON values."""
        return {
            "kind": "histogram",
            "edges": list(self.edges),
            "real": list(self.real),
            "synthetic": list(self.synthetic),
            "real_tails": list(self.real_tails),
            "synthetic_tails": list(self.synthetic_tails),
            "real_missing": self.real_missing,
            "synthetic_missing": self.synthetic_missing,
        }


Marginal = CategoryShares | Histogram


def marginals(tables: Tables) -> dict[str, Marginal]:
    """One marginal per column: shares of train beside shares of synthetic."""
    numbers = set(tables.numbers)
    holders = tables.people
    return {
        name: _histogram(tables.train[name], tables.synthetic[name], holders)
        if name in numbers
        else _categories(tables.train[name], tables.synthetic[name], holders)
        for name in tables.columns
    }


def _categories(real: pd.Series, other: pd.Series, holders: Holders) -> CategoryShares:
    counts = real[real != MISSING_LABEL].value_counts()
    held = pd.Series(holders).groupby(real.to_numpy()).nunique()
    shown = [str(label) for label in counts.index if held[label] >= HOLDERS][:MOST_CATEGORIES]
    shares = [_shares(column, shown) for column in (real, other)]
    labels = [*shown, OTHER] if any(share[0][-1] > 0 for share in shares) else shown
    return CategoryShares(
        labels=tuple(labels),
        real=shares[0][0][: len(labels)],
        synthetic=shares[1][0][: len(labels)],
        real_missing=shares[0][1],
        synthetic_missing=shares[1][1],
    )


def _shares(column: pd.Series, shown: list[str]) -> tuple[tuple[float, ...], float]:
    found = column.value_counts(normalize=True)
    named = [float(found.get(label, 0.0)) for label in shown]
    missing = float(found.get(MISSING_LABEL, 0.0))
    rest = float(column.isin([*shown, MISSING_LABEL]).to_numpy().mean())
    return (*named, max(0.0, 1.0 - rest)), missing


def _histogram(real: pd.Series, other: pd.Series, holders: Holders) -> Histogram:
    is_known = real.notna().to_numpy()
    known, holders = real.to_numpy(dtype=np.float64)[is_known], holders[is_known]
    edges = _edges(known, holders)
    folded = _is_few(holders[known < edges[0]]), _is_few(holders[known > edges[-1]])
    ours, theirs = (_bins(column, edges, folded) for column in (real, other))
    return Histogram(
        edges=tuple(float(edge) for edge in edges),
        real=ours[0],
        synthetic=theirs[0],
        real_tails=ours[1],
        synthetic_tails=theirs[1],
        real_missing=ours[2],
        synthetic_missing=theirs[2],
    )


def _is_few(holders: Holders) -> bool:
    """Whether there is somebody, but too few to be shown by themselves."""
    return 0 < np.unique(holders).size < HOLDERS


def _edges(known: Numbers, holders: Holders) -> Numbers:
    """Edges of at most 30 equally wide bins, each joined with its right neighbour until it has 5 real holders."""
    if np.unique(holders).size < HOLDERS:
        return np.array([0.0, 1.0])
    low, high = _range(known, holders)
    whole = bool((known == np.round(known)).all())
    step = _round_step(max(high - low, 0.0) / (MOST_BINS - 2), whole=whole)
    first = np.floor(low / step) * step
    count = max(1, int(np.ceil((high - first) / step + 1e-9)) + int(whole))
    edges = first + step * np.arange(count + 1)
    places = np.where(known == edges[-1], count, np.searchsorted(edges, known, side="right"))
    kept, running = [edges[0]], np.empty(0, dtype=np.int64)
    for place, right in enumerate(edges[1:], start=1):
        running = np.union1d(running, holders[places == place])
        if running.size >= HOLDERS:
            kept.append(right)
            running = running[:0]
    if len(kept) == 1:
        kept.append(edges[-1])
    kept[-1] = edges[-1]
    return np.asarray(kept)


def _range(known: Numbers, holders: Holders) -> tuple[float, float]:
    """The quantiles to draw between, moved inwards until 5 real holders lie at or beyond each."""
    low, high = -_beyond(-known, holders), _beyond(known, holders)
    if low > high:
        low = high = float(np.median(known))
    return low, high


def _beyond(known: Numbers, holders: Holders) -> float:
    """A value of the table, at most the upper quantile, that at least 5 holders have or exceed."""
    order = np.argsort(-known, kind="stable")
    first = np.sort(np.unique(holders[order], return_index=True)[1])
    fifth = known[order][first[HOLDERS - 1]]
    return float(min(fifth, np.quantile(known, 1 - TAIL, method="lower")))


def _round_step(width: float, *, whole: bool) -> float:
    """The next of 1, 2, 2.5, 5 times a power of ten that is at least `width`; an integer for whole numbers."""
    if width <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(width))
    step = next(float(m * power) for m in (1, 2, 2.5, 5, 10) if m * power >= width * (1 - 1e-9))
    return max(1.0, float(np.ceil(step))) if whole else step


def _bins(
    column: pd.Series, edges: Numbers, folded: tuple[bool, bool]
) -> tuple[tuple[float, ...], tuple[float, float], float]:
    """Shares in the bins, in the tails and of missing values; a folded tail counts to the bin beside it."""
    n = len(column)
    values = column.dropna().to_numpy(dtype=np.float64)
    counts = np.histogram(values, edges)[0]
    tails = [int((values < edges[0]).sum()), int((values > edges[-1]).sum())]
    for side, end in ((0, 0), (1, -1)):
        if folded[side]:
            counts[end] += tails[side]
            tails[side] = 0
    return tuple(float(c) / n for c in counts), (tails[0] / n, tails[1] / n), (n - len(values)) / n
