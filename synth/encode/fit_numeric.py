"""Finds the atoms, mixture modes and pieces of a numeric column."""

from __future__ import annotations

import warnings
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import BayesianGaussianMixture

from synth.encode.base import LARGEST
from synth.encode.modes import Mode, Piece, mode_of
from synth.encode.numeric import LARGEST_INTEGER, NumericEncoder
from synth.encode.protected_range import mean_of, people_for_range, protected_range
from synth.encode.ranges import Floats
from synth.encode.stepped import step_of
from synth.errors import TableError
from synth.people import People, at_least, holders

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
    column: pd.Series,
    rng: np.random.Generator,
    *,
    min_count: int,
    max_modes: int,
    max_pieces: int,
    people: People | None = None,
) -> NumericEncoder:
    """The encoder of a numeric column; everything that it can emit is backed by at least `min_count` people.

    `people` is (records,), whom each record is about; without it each is about somebody else. Raises TableError on
    values too large to compute with.
    """
    dtype = str(column.dtype) if str(column.dtype) in ("float64", "Int64", "object") else "int64"
    if pd.api.types.is_float_dtype(column.dtype):
        dtype = "float64"
    present = column.notna().to_numpy()
    x = column[present].to_numpy(dtype=np.float64)
    who = (np.arange(len(column), dtype=np.int64) if people is None else people)[present]
    largest = LARGEST if dtype == "float64" else LARGEST_INTEGER
    if len(x) and np.abs(x).max() > largest:
        raise TableError(f"column {column.name!r}: expected {dtype} values of at most {largest:.0e}, got larger ones")
    too_few = not at_least(who, min_count)
    if too_few:
        x, who = x[:0], who[:0]
    missing = too_few or not present.all()
    if dtype == "int64" and missing:
        dtype = "Int64"
    decimals = decimals_of(x, who, min_count) if dtype == "float64" else 0
    atoms, loose = split_atoms(x, who, len(column), min_count)
    ends = protected_range(x[loose], who[loose], min_count, decimals)
    modes, pieces = fit_modes(
        np.clip(x[loose], *ends), who[loose], rng, min_count=min_count, max_modes=max_modes, max_pieces=max_pieces
    )
    pieces = reaching(pieces, *ends)
    emitted = [*atoms.tolist(), *(ends if pieces else ())] or [0.0]
    return NumericEncoder(
        name=str(column.name),
        dtype=dtype,
        decimals=decimals,
        low=min(emitted),
        high=max(emitted),
        atoms=tuple(float(a) for a in atoms),
        modes=modes,
        pieces=pieces,
        missing=missing,
        stepped=step_of(x, who, min_count, decimals),
    )


def decimals_of(x: Floats, people: People, least: int) -> int | None:
    """The smallest number of decimals, at most 6, that all values have; None where they have more.

    Values of fewer than `least` people do not decide.
    """
    for decimals in range(7):
        if not at_least(people[~np.isclose(x, np.round(x, decimals), rtol=1e-12, atol=1e-10)], least):
            return decimals
    return None


def split_atoms(x: Floats, who: People, records: int, min_count: int) -> tuple[Floats, NDArray[np.bool_]]:
    """(atoms ascending, which values are not atoms). Where too few people have the others, they count as atoms too."""
    values, group, counts = np.unique(x, return_inverse=True, return_counts=True)
    enough = holders(group, who, len(values)) >= min_count
    if len(values) > FEW_VALUES:
        enough &= counts >= ATOM_SHARE * records
    frequent = np.flatnonzero(enough)
    frequent = np.sort(frequent[np.argsort(-counts[frequent], kind="stable")][:FEW_VALUES])
    loose = ~np.isin(group, frequent)
    if len(frequent) and not at_least(who[loose], people_for_range(min_count)):
        loose[:] = False
    return values[frequent], loose


def fit_modes(
    x: Floats, who: People, rng: np.random.Generator, *, min_count: int, max_modes: int, max_pieces: int
) -> tuple[tuple[Mode, ...], tuple[Piece, ...]]:
    """The mixture's modes, each cut into pieces in proportion to its records, and the pieces."""
    if len(x) == 0:
        return (), ()
    modes = fit_mixture(x, rng, max_modes)
    most = int(np.clip(len(x) // PIECE_RECORDS, 1, max_pieces))
    while True:
        belongs = mode_of(x, modes)
        sizes = np.bincount(belongs, minlength=len(modes))
        enough = (holders(belongs, who, len(modes)) >= 2 * min_count) & (sizes >= len(x) * MODE_WEIGHT)
        if enough.all() or len(modes) == 1:
            break
        kept = np.flatnonzero(enough) if enough.any() else [int(sizes.argmax())]
        modes = tuple(modes[i] for i in kept)
    if len(modes) == 1:
        # A single mode holds everything wherever it lies; a component left over may lie at one person's value.
        modes = (Mode(mean=float(x.mean()), deviation=1.0, weight=1.0, edges=()),)
    cut: list[Mode] = []
    pieces: list[Piece] = []
    for number, mode in enumerate(modes):
        mine = np.flatnonzero(belongs == number)
        mine = mine[np.argsort(x[mine], kind="stable")]
        values, people = x[mine], who[mine]
        edges = _backed_edges(values, people, max(1, round(most * len(mine) / len(x))), min_count)
        bounds = np.searchsorted(values, edges)
        cut.append(replace(mode, edges=tuple(float(e) for e in edges)))
        groups = zip(np.split(values, bounds), np.split(people, bounds), strict=True)
        pieces.extend(fit_piece(group, theirs, min_count) for group, theirs in groups)
    return tuple(cut), tuple(pieces)


def _backed_edges(x: Floats, who: People, parts: int, min_count: int) -> list[float]:
    """Edges between about so many parts of the ascending values, each of which has `min_count` people or more."""
    kept: list[float] = []
    begin = 0
    for edge in _edges(x, parts):
        at = int(np.searchsorted(x, edge))
        if at_least(who[begin:at], min_count) and at_least(who[at:], min_count):
            kept.append(float(edge))
            begin = at
    return kept


def _edges(x: Floats, parts: int) -> Floats:
    """Where to cut the ascending values into parts of about equal size: between two values, so at none of them."""
    above = np.unique(np.quantile(x, np.arange(1, parts) / parts, method="higher"))
    above = above[above > x[0]]
    below = x[np.searchsorted(x, above) - 1]
    return np.unique(np.maximum((above + below) / 2, np.nextafter(below, np.inf)))


def reaching(pieces: tuple[Piece, ...], low: float, high: float) -> tuple[Piece, ...]:
    """The pieces, the first of which begins at one end of the range and the last of which stops at the other."""
    if not pieces:
        return ()
    first = replace(pieces[0], values=(low, *pieces[0].values[1:]))
    joined = (first, *pieces[1:])
    return (*joined[:-1], replace(joined[-1], values=(*joined[-1].values[:-1], high)))


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


def fit_piece(x: Floats, who: People, min_count: int) -> Piece:
    """The quantile function of the ascending values `x`.

    A value of at least `min_count` people is a step. Runs of rarer ones become straight lines between knots, each the
    mean of `min_count` people or more who are neighbours; runs of fewer leave no knot of their own.
    """
    n = len(x)
    values, first, group, counts = np.unique(x, return_index=True, return_inverse=True, return_counts=True)
    step = (holders(group, who, len(values)) >= min_count) & (counts >= n / (2 * KNOTS))
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
        if at_least(who[start:stop], min_count):
            places = _knots_of(stop - start, min_count)
            ranks += [(start + place) / n for place in places]
            knots += [_mean_around(x[start:stop], who[start:stop], int(place), min_count) for place in places]
    if not ranks:
        return Piece(ranks=(0.0, 1.0), values=(float(x.mean()), float(x.mean())))
    ranks[0], ranks[-1] = 0.0, 1.0
    rising = np.maximum.accumulate(np.asarray(knots, dtype=np.float64))
    return Piece(ranks=tuple(float(r) for r in ranks), values=tuple(float(v) for v in rising))


def _knots_of(n: int, min_count: int) -> Floats:
    """Where among `n` ascending values the knots lie: at both ends and in the middles of blocks of about equal size."""
    bounds = np.linspace(0, n, max(1, min(KNOTS, n // min_count)) + 1)
    places: Floats = np.r_[0.0, (bounds[:-1] + bounds[1:]) / 2, float(n)]
    return places


def _mean_around(x: Floats, who: People, place: int, min_count: int) -> float:
    """The mean of `min_count` people or more around a place, each counting once however many records are theirs."""
    size = min_count
    while True:
        begin = int(np.clip(place - size // 2, 0, len(x) - size))
        people, person = np.unique(who[begin : begin + size], return_inverse=True)
        if len(people) >= min_count or size == len(x):
            return mean_of(np.bincount(person, x[begin : begin + size]) / np.bincount(person), None)
        size = min(2 * size, len(x))
