"""Finds the atoms, mixture modes and pieces of a numeric column."""

from __future__ import annotations

import warnings
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import BayesianGaussianMixture

from synth.encode.base import LARGEST
from synth.encode.numeric import LARGEST_INTEGER, Floats, Mode, NumericEncoder, Piece, mode_of
from synth.errors import TableError

FEW_VALUES = 40
"""A column with at most this many distinct values is all atoms; so many atoms any other column has at most."""
ATOM_SHARE = 0.01
"""A value with this share of the records is an atom."""
PIECE_RECORDS = 50
"""A piece of a mode holds about this many records or more."""
MIXTURE_RECORDS = 5_000
"""The mixture is fitted on at most this many records: it only cuts the range, the pieces learn the shape from all."""
MODE_WEIGHT = 0.005
"""Components with a smaller weight are dropped (Xu et al. 2019)."""
KNOTS = 32
"""A piece has about this many knots or fewer."""


def fit_numeric(
    column: pd.Series, rng: np.random.Generator, *, min_count: int, max_modes: int, max_pieces: int
) -> NumericEncoder:
    """The encoder of a numeric column; everything that it can emit is backed by at least `min_count` records.

    Raises TableError on values too large to reckon with.
    """
    dtype = str(column.dtype) if str(column.dtype) in ("float64", "Int64", "object") else "int64"
    if pd.api.types.is_float_dtype(column.dtype):
        dtype = "float64"
    x = column.dropna().to_numpy(dtype=np.float64)
    largest = LARGEST if dtype == "float64" else LARGEST_INTEGER
    if len(x) and np.abs(x).max() > largest:
        raise TableError(f"column {column.name!r}: expected {dtype} values of at most {largest:.0e}, got larger ones")
    missing = len(x) < len(column) or len(x) < min_count
    if len(x) < min_count:
        x = x[:0]
    if dtype == "int64" and missing:
        dtype = "Int64"
    decimals = decimals_of(x) if dtype == "float64" else 0
    low, high = protected_range(x, min_count)
    x = np.clip(x, low, high)
    atoms, rest = split_atoms(x, len(column), min_count)
    modes, pieces = fit_modes(rest, rng, min_count=min_count, max_modes=max_modes, max_pieces=max_pieces)
    return NumericEncoder(
        name=str(column.name),
        dtype=dtype,
        decimals=decimals,
        low=low,
        high=high,
        atoms=tuple(float(a) for a in atoms),
        modes=modes,
        pieces=pieces,
        missing=missing,
    )


def protected_range(x: Floats, min_count: int) -> tuple[float, float]:
    """The `min_count`-th smallest and largest value; twice the median where there are too few values for both."""
    if len(x) == 0:
        return 0.0, 0.0
    if len(x) < 2 * min_count:
        middle = float(np.sort(x)[len(x) // 2])
        return middle, middle
    ends = np.partition(x, [min_count - 1, len(x) - min_count])
    return float(ends[min_count - 1]), float(ends[len(x) - min_count])


def decimals_of(x: Floats) -> int | None:
    """The smallest number of decimals, at most 6, that all values have; None where they have more."""
    for decimals in range(7):
        if np.allclose(x, np.round(x, decimals), rtol=1e-12, atol=1e-10):
            return decimals
    return None


def split_atoms(x: Floats, records: int, min_count: int) -> tuple[Floats, Floats]:
    """(atoms ascending, values that are none). Few values left over are counted as the nearest atom."""
    values, counts = np.unique(x, return_counts=True)
    least = min_count if len(values) <= FEW_VALUES else max(min_count, ATOM_SHARE * records)
    frequent = np.flatnonzero(counts >= least)
    frequent = np.sort(frequent[np.argsort(-counts[frequent], kind="stable")][:FEW_VALUES])
    atoms = values[frequent]
    rest = x[~np.isin(x, atoms)]
    if len(atoms) and len(rest) < 2 * min_count:
        rest = rest[:0]
    return atoms, rest


def fit_modes(
    x: Floats, rng: np.random.Generator, *, min_count: int, max_modes: int, max_pieces: int
) -> tuple[tuple[Mode, ...], tuple[Piece, ...]]:
    """The mixture's modes, each cut into pieces in proportion to its records, and the pieces."""
    if len(x) == 0:
        return (), ()
    modes = fit_mixture(x, rng, max_modes)
    most = int(np.clip(len(x) // PIECE_RECORDS, 1, max_pieces))
    while True:
        belongs = mode_of(x, modes)
        sizes = np.bincount(belongs, minlength=len(modes))
        enough = sizes >= max(2 * min_count, len(x) * MODE_WEIGHT)
        if enough.all() or len(modes) == 1:
            break
        kept = np.flatnonzero(enough) if enough.any() else [int(sizes.argmax())]
        modes = tuple(modes[i] for i in kept)
    cut: list[Mode] = []
    pieces: list[Piece] = []
    for number, mode in enumerate(modes):
        mine = np.sort(x[belongs == number])
        parts = max(1, round(most * len(mine) / len(x)))
        edges = _edges(mine, parts)
        groups = np.split(mine, np.searchsorted(mine, edges))
        edges, groups = _merge_small(edges, groups, min_count)
        cut.append(replace(mode, edges=tuple(float(e) for e in edges)))
        pieces.extend(fit_piece(group, min_count) for group in groups)
    return tuple(cut), tuple(pieces)


def _edges(x: Floats, parts: int) -> Floats:
    """Where to cut the ascending values into parts of about equal size: between two values, so at none of them."""
    above = np.unique(np.quantile(x, np.arange(1, parts) / parts, method="higher"))
    above = above[above > x[0]]
    below = x[np.searchsorted(x, above) - 1]
    return np.unique(np.maximum((above + below) / 2, np.nextafter(below, np.inf)))


def _merge_small(edges: Floats, groups: list[Floats], min_count: int) -> tuple[Floats, list[Floats]]:
    kept_edges: list[float] = []
    kept = [groups[0]]
    for edge, group in zip(edges, groups[1:], strict=True):
        if len(kept[-1]) < min_count or len(group) < min_count:
            kept[-1] = np.r_[kept[-1], group]
        else:
            kept_edges.append(float(edge))
            kept.append(group)
    return np.asarray(kept_edges), kept


def fit_mixture(x: Floats, rng: np.random.Generator, max_modes: int) -> tuple[Mode, ...]:
    """The components of a variational Gaussian mixture with a Dirichlet process prior (Xu et al. 2019, section 4.2)."""
    sample = x if len(x) <= MIXTURE_RECORDS else rng.choice(x, MIXTURE_RECORDS, replace=False)
    centre, scale = float(sample.mean()), float(sample.std())
    components = min(max_modes, len(np.unique(sample)))
    if scale < 1e-150 or components < 2:
        return (Mode(mean=centre, deviation=1.0, weight=1.0, edges=()),)
    mixture = BayesianGaussianMixture(
        n_components=components,
        weight_concentration_prior_type="dirichlet_process",
        weight_concentration_prior=1e-3,
        max_iter=50,
        random_state=int(rng.integers(2**31)),
    )
    with warnings.catch_warnings():
        # The limit on iterations is a choice: the modes only have to cut the range sensibly.
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit(((sample - centre) / scale)[:, None])
    means = mixture.means_[:, 0] * scale + centre
    deviations = np.sqrt(mixture.covariances_[:, 0, 0]) * scale
    kept = [i for i in np.argsort(means) if mixture.weights_[i] > MODE_WEIGHT] or [int(mixture.weights_.argmax())]
    return tuple(
        Mode(mean=float(means[i]), deviation=float(deviations[i]), weight=float(mixture.weights_[i]), edges=())
        for i in kept
    )


def fit_piece(x: Floats, min_count: int) -> Piece:
    """The quantile function of the ascending values `x`.

    A value of at least `min_count` records is a step. Runs of rarer ones become straight lines between knots, each the
    mean of `min_count` neighbours; runs shorter than that leave no knot of their own.
    """
    n = len(x)
    values, first, counts = np.unique(x, return_index=True, return_counts=True)
    step = counts >= max(min_count, n / (2 * KNOTS))
    ranks: list[float] = []
    knots: list[float] = []
    bounds = np.flatnonzero(np.diff(np.r_[-1, step.astype(int), -1]) != 0)
    for begin, end in pairwise(bounds):
        if step[begin]:
            for i in range(begin, end):
                ranks += [first[i] / n, (first[i] + counts[i]) / n]
                knots += [values[i], values[i]]
            continue
        start, stop = first[begin], first[end] if end < len(values) else n
        _add_run(x[start:stop], start, n, min_count, ranks, knots)
    if not ranks:
        return Piece(ranks=(0.0, 1.0), values=(float(x.mean()), float(x.mean())))
    ranks[0], ranks[-1] = 0.0, 1.0
    rising = np.maximum.accumulate(np.asarray(knots, dtype=np.float64))
    return Piece(ranks=tuple(float(r) for r in ranks), values=tuple(float(v) for v in rising))


def _add_run(run: Floats, start: int, n: int, min_count: int, ranks: list[float], knots: list[float]) -> None:
    if len(run) < min_count:
        return
    blocks = np.array_split(run, max(1, min(KNOTS, len(run) // min_count)))
    ranks.append(start / n)
    knots.append(float(run[:min_count].mean()))
    position = start
    for block in blocks:
        ranks.append((position + len(block) / 2) / n)
        knots.append(float(_middle(block, min_count).mean()))
        position += len(block)
    ranks.append(position / n)
    knots.append(float(run[-min_count:].mean()))


def _middle(x: Floats, size: int) -> Floats:
    begin = (len(x) - size) // 2
    return x[begin : begin + size]
