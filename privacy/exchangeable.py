"""Exact tests of whether two groups of records could have changed places: by look-ups, by ranks, by pairs.

Where records were dealt to two groups at random, which record is in which group says nothing about anything that was
made without either. All tests here condition on that thing and on the pooled records, so the labels alone are random,
and natural duplicates, ties and the shape of the table do not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, hypergeom, norm, rankdata

NEAREST = (10, 30, 100, 300, 1_000)
"""How many of the top ranks are looked at. Few records stand out in few ranks, many in many."""

Scores = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Excess:
    """One test of one hypothesis."""

    p_value: float
    """One-sided."""
    records: float
    """How many records are beyond what chance expects."""


def strongest(tests: Sequence[Excess], *, among: int = 0) -> Excess:
    """The test with the smallest p value, times the number of tests or, if that is more, `among` (Bonferroni)."""
    if not tests:
        return Excess(p_value=1.0, records=0.0)
    best = min(tests, key=lambda test: test.p_value)
    return Excess(p_value=min(1.0, best.p_value * max(among, len(tests))), records=best.records)


def found(hits: int, n: int, control_hits: int, control_n: int) -> Excess:
    """Whether more of a group's `n` records were found than of the control's (Fisher's exact test, one-sided)."""
    chance = control_hits / control_n * n
    p_value = float(hypergeom.sf(hits - 1, n + control_n, hits + control_hits, n))
    return Excess(p_value=min(1.0, p_value), records=hits - chance)


def surest(scores: Scores, control: Scores) -> Excess:
    """Whether the group has more than its share of the highest scores, at any of the depths NEAREST.

    All records that tie with the last one are taken. Given how many there are, the group's number of them is
    hypergeometric; Bonferroni over the depths. Depths beyond a fifth of the records are left to `ranks`.
    """
    pooled = np.concatenate([scores, control])
    ordered = np.sort(pooled)[::-1]
    tests = []
    for depth in NEAREST:
        if depth * 5 > len(pooled):
            break
        last = ordered[depth - 1]
        hits, others = int((scores >= last).sum()), int((control >= last).sum())
        tests.append(found(hits, len(scores), others, len(control)))
    return strongest(tests)


def ranks(scores: Scores, control: Scores) -> Excess:
    """Whether the group's scores are higher as a whole (Wilcoxon's rank-sum test, one-sided, with ties).

    The variance is that of permuted midranks (Lehmann 1975, section 1.4), so it holds with any number of ties.
    `records` is (2 AUC - 1) n: how many records would have to be recognised for sure to give this AUC.
    """
    n, m = len(scores), len(control)
    midranks = rankdata(np.concatenate([scores, control]))
    variance = n * m / (n + m) * float(midranks.var(ddof=1))
    shift = float(midranks[:n].sum()) - n * (n + m + 1) / 2
    if variance <= 0:
        return Excess(p_value=1.0, records=0.0)
    return Excess(p_value=float(norm.sf(shift / np.sqrt(variance))), records=2 * shift / m)


def pairs(crossing: NDArray[np.bool_], *, chance: float, depths: Sequence[int] | None = None) -> Excess:
    """Whether too many pairs of like records have one record on each of two sides.

    No two pairs share a record. Dealt at random, a pair crosses with probability `chance`, 2 a b / (n (n - 1)) for
    sides of a and b among n records; the number of pairs that cross is taken as binomial, which is on the careful side,
    as records are dealt without replacement. With `depths` the first so many pairs are tested, with Bonferroni.
    """
    tests = []
    for depth in [len(crossing)] if depths is None else [d for d in depths if d <= len(crossing)]:
        if depth > 0:
            hits = int(crossing[:depth].sum())
            p_value = float(binom.sf(hits - 1, depth, chance))
            tests.append(Excess(p_value=p_value, records=(hits - chance * depth) / (1 - chance) if chance < 1 else 0.0))
    return strongest(tests)
