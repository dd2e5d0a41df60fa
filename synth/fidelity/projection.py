"""Both tables seen from one side: the plane in which real records that were held out differ most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from synth.fidelity.frames import Part, Tables, draw
from synth.fidelity.gaps import FEWEST_RECORDS, Gap, Sample
from synth.fidelity.levels import Levels, distance, fine, people
from synth.fidelity.marginals import Marginal
from synth.protection import HOLDERS
from synth.threads import one_thread

Matrix = NDArray[np.float64]

SIDE = 20
"""Cells along each axis."""
MOST_RECORDS = 10_000
MOST_FEATURES = 2_000
TAIL = 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class Projection:
    """Shares of records per cell of a grid over two principal components. No record has a place of its own."""

    real: Matrix
    """Train, `SIDE` x `SIDE`: rows by the second component from the top, columns by the first. NaN where withheld."""
    synthetic: Matrix
    explained: tuple[float, float]
    """Shares of the variance of the holdout's coded records."""
    records: int
    """Of each table."""
    gap: Gap
    left_out: int
    """How many columns of a wide table are not in it."""

    def to_json(self) -> dict[str, object]:
        """Grids as nested lists, None where withheld."""
        return {
            "real": _lists(self.real),
            "synthetic": _lists(self.synthetic),
            "explained": list(self.explained),
            "records": self.records,
            "gap": self.gap.to_json(),
            "left_out": self.left_out,
        }


def projection(
    tables: Tables, sample: Sample, marginals: Mapping[str, Marginal], rng: np.random.Generator
) -> Projection | Part:
    """PCA of coded records, fitted on the holdout alone, so that neither table that is shown has shaped the plane.

    Numbers and dates are coded by the place of their bin, missing ones by the holdout's mean, and scaled to unit
    variance; categories by one column of zeros and ones each. Cells lie between the 2nd and the 98th percentile of the
    holdout, widened by a tenth; records beyond lie in the outermost cells. A cell in which one to four people of train
    lie, or nobody, is withheld.
    """
    n = min(sample.records, len(sample.train), MOST_RECORDS)
    if n < FEWEST_RECORDS:
        return Part(reason=f"Fewer than {FEWEST_RECORDS} records in holdout or in the synthetic table.")
    places = rng.permutation(len(tables.train))[:n]
    frames = (tables.train.iloc[places], draw(sample.synthetic, n, rng), draw(sample.holdout, n, rng))
    levels = within_features({name: fine(marginal) for name, marginal in marginals.items()})
    train, synthetic, holdout = _coded(frames, levels)
    centre, known = holdout.mean(axis=0), holdout.std(axis=0) > 0
    if known.sum() < 2:
        return Part(reason="The holdout's coded records do not differ in two directions.")
    plane = PCA(n_components=2, svd_solver="covariance_eigh", random_state=0)
    with one_thread():
        plane.fit((holdout - centre)[:, known])
        seen = [plane.transform((each - centre)[:, known]) for each in (train, synthetic, holdout)]
    cells = [_cells(each, seen[2]) for each in seen]
    shares = [np.bincount(each, minlength=SIDE * SIDE) / len(each) for each in cells]
    held = people(cells[0], tables.people[places], SIDE * SIDE)
    return Projection(
        real=np.where(held >= HOLDERS, shares[0], np.nan).reshape(SIDE, SIDE),
        synthetic=shares[1].reshape(SIDE, SIDE),
        explained=(float(plane.explained_variance_ratio_[0]), float(plane.explained_variance_ratio_[1])),
        records=n,
        gap=Gap(
            synthetic=distance(cells[0], cells[1], SIDE * SIDE),
            holdout=distance(cells[0], cells[2], SIDE * SIDE),
            records=n,
        ),
        left_out=len(marginals) - len(levels),
    )


def within_features(levels: Mapping[str, Levels]) -> dict[str, Levels]:
    """The first columns, until they have about 2,000 features."""
    found, width = dict[str, Levels](), 0
    for name, each in levels.items():
        if width >= MOST_FEATURES:
            break
        found[name], width = each, width + (1 if each.edges else each.size)
    return found


def _coded(frames: tuple[pd.DataFrame, ...], levels: Mapping[str, Levels]) -> list[Matrix]:
    """One matrix per frame, records x features. Numbers are scaled by the last frame."""
    matrices: list[list[Matrix]] = [[] for _ in frames]
    for name, each in levels.items():
        blocks = [_block(frame[name], each) for frame in frames]
        if each.edges:
            known = blocks[-1][np.isfinite(blocks[-1])]
            middle, spread = (float(known.mean()), float(known.std())) if known.size else (0.0, 0.0)
            blocks = [np.nan_to_num((block - middle) / (spread or 1.0)) for block in blocks]
        for matrix, block in zip(matrices, blocks, strict=True):
            matrix.append(block)
    return [np.hstack(matrix) for matrix in matrices]


def _block(column: pd.Series, levels: Levels) -> Matrix:
    codes = levels.codes(column)
    if not levels.edges:
        return np.eye(levels.size)[codes]
    edges = np.asarray(levels.edges)
    inside = column.to_numpy(dtype=np.float64).clip(edges[0], edges[-1])
    place = np.searchsorted(edges, inside, side="right").clip(1, levels.named) - 1.0
    return np.asarray(np.where(np.isnan(inside), np.nan, place))[:, None]


def _cells(points: Matrix, holdout: Matrix) -> NDArray[np.int64]:
    """The cell of each point: rows by the second component from the top, columns by the first."""
    low, high = np.quantile(holdout, TAIL, axis=0), np.quantile(holdout, 1 - TAIL, axis=0)
    margin = np.maximum(0.1 * (high - low), 1e-9)
    place = ((points - low + margin) / (high - low + 2 * margin) * SIDE).astype(np.int64).clip(0, SIDE - 1)
    return np.asarray((SIDE - 1 - place[:, 1]) * SIDE + place[:, 0], dtype=np.int64)


def _lists(matrix: Matrix) -> list[list[float | None]]:
    return [[round(float(x), 5) if np.isfinite(x) else None for x in row] for row in matrix]
