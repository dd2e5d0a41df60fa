"""Spikes: single values of a numeric column that very many records share, such as no capital gain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.fidelity.frames import Tables
from synth.fidelity.gaps import Sample
from synth.fidelity.levels import Levels, fine
from synth.fidelity.marginals import Marginal
from synth.protection import HOLDERS

LEAST_SHARE = 0.05
TIMES = 3.0
"""A spike is this many times as frequent as the mean of the values beside it."""
NEIGHBOURS = 2
MOST = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Spike:
    """A value and the shares of records that have it."""

    value: float
    real: float
    synthetic: float
    holdout: float

    def to_json(self) -> dict[str, float]:
        """Value and shares."""
        return {"value": self.value, "real": self.real, "synthetic": self.synthetic, "holdout": self.holdout}


def spikes(tables: Tables, sample: Sample, marginals: Mapping[str, Marginal]) -> dict[str, list[Spike]]:
    """Of each numeric column that has any: at most five, the most frequent first.

    A spike is held by 5 % of the records of train and by at least five people, and is three times as frequent as the
    mean of the two values on either side of it. It is not told where one to four people lie beside it in its bin of the
    marginal, whose share is told as well.
    """
    found = {name: _spikes(tables, sample, name, fine(marginals[name])) for name in tables.numbers}
    return {name: some for name, some in found.items() if some}


def _spikes(tables: Tables, sample: Sample, name: str, levels: Levels) -> list[Spike]:
    column = tables.train[name]
    values, counts = np.unique(column.dropna().to_numpy(dtype=np.float64), return_counts=True)
    least = max(LEAST_SHARE * len(column), HOLDERS)
    high = [i for i in np.flatnonzero(counts >= least) if counts[i] >= TIMES * _beside(counts, int(i))]
    people = pd.Series(tables.people)
    ordered = [float(values[i]) for i in sorted(high, key=lambda i: -int(counts[i]))]
    told = [value for value in ordered if people[column.to_numpy() == value].nunique() >= HOLDERS][:MOST]
    kept = [value for value in told if not _leaves_few(column, people, value, told, levels)]
    return [
        Spike(
            value=value,
            real=_share(column, value),
            synthetic=_share(tables.synthetic[name], value),
            holdout=_share(sample.holdout[name], value),
        )
        for value in kept
    ]


def _leaves_few(column: pd.Series, people: pd.Series, value: float, told: list[float], levels: Levels) -> bool:
    """Whether few people are left in the bin of a spike when all spikes are taken away, with or without its tail."""
    for each in (levels, replace(levels, open_ends=True)):
        codes, own = each.codes(column), each.codes(pd.Series([value]))[0]
        if 0 < people[(codes == own) & ~column.isin(told).to_numpy()].nunique() < HOLDERS:
            return True
    return False


def _beside(counts: NDArray[np.int64], at: int) -> float:
    around = np.concatenate([counts[max(0, at - NEIGHBOURS) : at], counts[at + 1 : at + 1 + NEIGHBOURS]])
    return float(around.mean()) if around.size else 0.0


def _share(column: pd.Series, value: float) -> float:
    return float((column.to_numpy() == value).mean())
