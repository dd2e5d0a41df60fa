"""Finds columns that another one determines, such as a city by its postcode, where many of the values are rare."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import poisson

from synth.detect.proof import FAR_FEWER, FEWEST, MOST_COLUMNS, UNLIKELY, FoundRule, Sample
from synth.protection import HOLDERS
from synth.rules.rule import Combination
from synth.rules.share import Share
from synth.table.schema import ColumnKind, ColumnRole

RARE = 0.01
"""Share of records whose value is rare, from which on combinations are learnt as a whole."""
MOST_RARE = 0.5
"""With a greater share too few combinations would be left."""

Codes = NDArray[np.int64]


def find_combinations(sample: Sample) -> Iterator[FoundRule]:
    """Columns that another one determines, of which many values are too rare to be looked up by themselves."""
    names = [s.name for s in sample.schema if s.kind is ColumnKind.CATEGORICAL and s.role is ColumnRole.FEATURE]
    codes = {name: pd.factorize(sample.cells[name], use_na_sentinel=False)[0] for name in names[:MOST_COLUMNS]}
    for source, of in codes.items():
        times = np.bincount(of)
        rare = float((times[of] < HOLDERS).mean())
        if len(times) < FEWEST / 10 or not RARE <= rare <= MOST_RARE:
            continue
        others = [name for name in codes if name != source and _determines(sample.rng, of, codes[name])]
        if others:
            broken = max(_disagreeing(of, codes[name]) for name in others)
            n = len(of)
            share = Share(people=n, broken=broken, records=broken, unknown=0, lines=())
            note = f"each value of {source!r} has one of {others[0]!r}"
            yield FoundRule(rule=Combination(columns=(source, *others)), share=share, sure=True, note=note)


def _determines(rng: np.random.Generator, source: Codes, column: Codes) -> bool:
    """Whether all records but a few with one code of the source have one of the column."""
    if len(np.bincount(column)) < 2 or len(np.bincount(column)) > len(np.bincount(source)):
        return False
    broken = _disagreeing(source, column)
    expected = _disagreeing(source, rng.permutation(column))
    return broken < HOLDERS and broken <= FAR_FEWER * expected and poisson.logcdf(broken, expected) <= UNLIKELY


def odd_ones(source: Codes, column: Codes) -> NDArray[np.bool_]:
    """(records,) which have another code than most of those with the same code of the source."""
    frame = pd.DataFrame({"source": source, "column": column})
    most = frame.groupby(["source", "column"]).size().groupby("source").idxmax().map(lambda pair: pair[1])
    found: NDArray[np.bool_] = (frame["source"].map(most) != frame["column"]).to_numpy()
    return found


def _disagreeing(source: Codes, column: Codes) -> int:
    """Records that do not have the column's most frequent code of those with the same code of the source."""
    both = pd.Series(source.astype(np.int64) * (int(column.max()) + 1) + column).value_counts()
    most = both.groupby(both.index // (int(column.max()) + 1)).max()
    return int(len(source) - most.sum())
