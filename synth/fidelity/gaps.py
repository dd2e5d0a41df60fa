"""How far each column, each pair of columns and each pattern of missing cells is off, beside a real sample's distance.

Every distance is measured twice, from train: of n synthetic records, and of n holdout records, which are what a real
sample of the same size reaches. The more levels a column has, the larger the distance of a real sample is; what counts
is the excess over it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.fidelity.frames import Part, Tables, draw
from synth.fidelity.levels import Codes, Levels, coarse, distance, fine, people, shown_cells
from synth.fidelity.marginals import Marginal
from synth.protection import HOLDERS

MOST_RECORDS = 20_000
FEWEST_RECORDS = 50
MOST_COLUMNS = 300
"""Of a wider table, the pairs among those columns that are farthest off by themselves."""
WORST_PAIRS = 10

Matrix = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """As many records of each table, with train beside them. What is measured on it is a figure and its floor."""

    train: pd.DataFrame
    synthetic: pd.DataFrame
    holdout: pd.DataFrame

    @property
    def records(self) -> int:
        """Records of synthetic and of holdout."""
        return len(self.synthetic)

    @property
    def fewest(self) -> int:
        """Records of the smallest table."""
        return min(len(self.train), self.records)


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """A total variation distance from train, from 0 to 1.

    Of few levels it is a difference of two fractions, and all its digits would give both counts away.
    """

    synthetic: float
    holdout: float
    records: int
    """Of the smallest of the tables: five of them are the step in which the distances are told."""

    @property
    def excess(self) -> float:
        """By how much the synthetic table is farther off than a real sample."""
        return self.synthetic - self.holdout

    def to_json(self) -> dict[str, float]:
        """Both distances, in steps of five records: less is noise, and would tell of fewer people."""
        step = HOLDERS / max(self.records, HOLDERS)
        return {
            name: round(min(round(distance / step) * step, 1.0), 6)
            for name, distance in (("synthetic", self.synthetic), ("holdout", self.holdout))
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class PairCells:
    """The joint distribution of two columns, at most eight levels each. A cell of few real people is withheld."""

    columns: tuple[str, str]
    levels: tuple[Levels, Levels]
    real: Matrix
    """Shares of train, NaN where withheld."""
    synthetic: Matrix
    gap: Gap

    def to_json(self) -> dict[str, object]:
        """The cells as nested lists, one row for each level of the first column, None where withheld."""
        return {
            "columns": list(self.columns),
            "levels": [levels.to_json() for levels in self.levels],
            "real": _lists(self.real),
            "synthetic": _lists(self.synthetic),
            "gap": self.gap.to_json(),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class PairGaps:
    """The pairs that are farthest off, worst first, and the mean over all pairs that were compared."""

    worst: tuple[PairCells, ...]
    compared: int
    mean: Gap
    left_out: int
    """How many columns of a wide table were not compared."""

    def to_json(self) -> dict[str, object]:
        """The figures as JSON values."""
        return {
            "worst": [pair.to_json() for pair in self.worst],
            "compared": self.compared,
            "mean": self.mean.to_json(),
            "left_out": self.left_out,
        }


def same_size(tables: Tables, rng: np.random.Generator) -> Sample:
    """Train, and as many records of the synthetic table as of the holdout, at most 20,000 of each."""
    n = min(len(tables.synthetic), len(tables.holdout), MOST_RECORDS)
    return Sample(
        train=draw(tables.train, MOST_RECORDS, rng),
        synthetic=draw(tables.synthetic, n, rng),
        holdout=draw(tables.holdout, n, rng),
    )


def column_gaps(sample: Sample, marginals: Mapping[str, Marginal]) -> dict[str, Gap]:
    """The distance of each column, over the categories or bins of its marginal."""
    return {name: _gap(sample, name, fine(marginal)) for name, marginal in marginals.items()}


def _gap(sample: Sample, name: str, levels: Levels) -> Gap:
    train = levels.codes(sample.train[name])
    return Gap(
        synthetic=distance(train, levels.codes(sample.synthetic[name]), levels.size),
        holdout=distance(train, levels.codes(sample.holdout[name]), levels.size),
        records=sample.fewest,
    )


def pair_gaps(
    tables: Tables, sample: Sample, marginals: Mapping[str, Marginal], columns: Mapping[str, Gap]
) -> PairGaps | Part:
    """The distance of each pair, over at most eight levels a column.

    The worst are those that are farthest off beyond what either of their columns is by itself, each distance taken over
    that of a real sample: a column that is off would else stand in every one of them.
    """
    chosen = sorted(columns, key=lambda name: -columns[name].excess)[:MOST_COLUMNS]
    names = [name for name in columns if name in set(chosen)]
    if sample.records < FEWEST_RECORDS:
        return Part(reason=f"Fewer than {FEWEST_RECORDS} records in holdout or in the synthetic table.")
    if len(names) < 2:
        return Part(reason="There is only one column.")
    levels = {name: coarse(marginals[name]) for name in names}
    ours, theirs = _distances(sample, levels)
    upper = np.triu_indices(len(names), 1)
    excess = ours - theirs
    alone = np.maximum(*np.meshgrid(np.diag(excess), np.diag(excess)))
    order = np.argsort(-(excess - alone)[upper], kind="stable")[:WORST_PAIRS]
    worst = [(names[upper[0][k]], names[upper[1][k]]) for k in order]
    gaps = [Gap(synthetic=float(ours[upper][k]), holdout=float(theirs[upper][k]), records=sample.fewest) for k in order]
    return PairGaps(
        worst=tuple(_cells(tables, pair, levels, gap) for pair, gap in zip(worst, gaps, strict=True)),
        compared=len(upper[0]),
        mean=Gap(synthetic=float(ours[upper].mean()), holdout=float(theirs[upper].mean()), records=sample.fewest),
        left_out=len(columns) - len(names),
    )


def _distances(sample: Sample, levels: Mapping[str, Levels]) -> tuple[Matrix, Matrix]:
    """Of each pair the distance of synthetic and that of holdout from train; on the diagonal of each column."""
    starts = np.concatenate([[0], np.cumsum([each.size for each in levels.values()])[:-1]])
    real, synthetic, holdout = (_joint(frame, levels) for frame in (sample.train, sample.synthetic, sample.holdout))

    def summed(other: Matrix) -> Matrix:
        cells = np.abs(real - other)
        return np.asarray(np.add.reduceat(np.add.reduceat(cells, starts, axis=0), starts, axis=1) / 2, dtype=np.float64)

    return summed(synthetic), summed(holdout)


def _joint(frame: pd.DataFrame, levels: Mapping[str, Levels]) -> Matrix:
    """The shares of all pairs of levels of all columns: one product of the table in one-hot form with itself."""
    width = sum(each.size for each in levels.values())
    hot = np.zeros((len(frame), width), dtype=np.float32)
    start, rows = 0, np.arange(len(frame))
    for name, each in levels.items():
        hot[rows, start + each.codes(frame[name])] = 1.0
        start += each.size
    return np.asarray(hot.T @ hot / len(frame), dtype=np.float64)


def _cells(tables: Tables, pair: tuple[str, str], levels: Mapping[str, Levels], gap: Gap) -> PairCells:
    first, second = (levels[name] for name in pair)
    shape = (first.size, second.size)

    def joint(frame: pd.DataFrame) -> Codes:
        return first.codes(frame[pair[0]]) * second.size + second.codes(frame[pair[1]])

    real, synthetic = joint(tables.train), joint(tables.synthetic)
    size = shape[0] * shape[1]
    held = people(real, tables.people, size).reshape(shape)
    shares = [np.bincount(each, minlength=size).reshape(shape) / len(each) for each in (real, synthetic)]
    return PairCells(
        columns=pair,
        levels=(first, second),
        real=np.where(shown_cells(held), shares[0], np.nan),
        synthetic=shares[1],
        gap=gap,
    )


def _lists(matrix: Matrix) -> list[list[float | None]]:
    return [[round(float(x), 6) if np.isfinite(x) else None for x in row] for row in matrix]


def mean_of(gaps: Sequence[Gap]) -> Gap:
    """The mean of several distances."""
    return Gap(
        synthetic=float(np.mean([gap.synthetic for gap in gaps])),
        holdout=float(np.mean([gap.holdout for gap in gaps])),
        records=min(gap.records for gap in gaps),
    )
