"""Makes the sketches of a data set's records, and tells by them whether two data sets share people.

A sketch keeps the smallest of the records' keyed hashes (bottom-k: Cohen & Kaplan 2007), and how often each occurs.
Both sketches of two tables keep the same part of what the tables have in common, so that it can be counted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from zlib import compress, decompressobj

import numpy as np
from numpy.typing import NDArray

from app.sketches import MOST, NO_LIMIT, Sketch

MOST_COUNTED = 2**32 - 1
CONTINUITY = 3 / 8
"""Added to a count before its square root is taken, which then varies about alike for all counts (Anscombe 1948)."""
SLACK, MARGIN = 1.25, 1.5
"""In square roots of counts, whose standard deviation is 1/2: how much each rate may be higher than its count shows,
and the lowest rate lower. By simulation tables of like sizes exceed both less than once in 50,000 comparisons, tables
of which one is ten times as large less than once in 1,000, and seventeen common records exceed both where nothing else
is."""
LEAST_LIKELY = 1e-6
"""Counts that agree as well as this in independent tables are those of the same records."""
FEWEST_IN_COMMON = 5
FEWEST_IN_BOTH = 10
"""Of a record that both tables together have so often, the split between them is near enough to a normal one."""

Hashes = NDArray[np.uint64]
Counts = NDArray[np.int64]


class Smallest:
    """Collects hashes and keeps the MOST smallest, with exact counts; holds a few times as many at a time."""

    def __init__(self) -> None:
        self._limit = NO_LIMIT
        self._hashes: Hashes = np.empty(0, dtype=np.uint64)
        self._counts: Counts = np.empty(0, dtype=np.int64)
        self._waiting: list[Hashes] = []

    @property
    def limit(self) -> int:
        """No hash from here on is kept."""
        return self._limit

    def add(self, hashes: Hashes) -> None:
        """Count these hashes of 63 bits, one for each record."""
        kept = hashes[hashes < np.uint64(self._limit)]
        if kept.size:
            self._waiting.append(kept)
        if sum(map(len, self._waiting)) > 4 * MOST:
            self._settle()

    def add_once(self, others: Smallest) -> None:
        """Count each hash that the others kept once, however often it occurs there."""
        others._settle()
        self._limit = min(self._limit, others._limit)
        self.add(others._hashes)

    def sketch(self) -> Sketch:
        """The sketch of all that was added."""
        self._settle()
        return Sketch(
            limit=self._limit,
            hashes=self._hashes.astype("<u8").tobytes(),
            counts=compress(np.minimum(self._counts, MOST_COUNTED).astype("<u4").tobytes()),
        )

    def _settle(self) -> None:
        hashes = np.concatenate([self._hashes, *self._waiting])
        times = np.concatenate([self._counts, *(np.ones(len(each), dtype=np.int64) for each in self._waiting)])
        below = hashes < np.uint64(self._limit)
        hashes, times, self._waiting = hashes[below], times[below], []
        self._hashes, place = np.unique(hashes, return_inverse=True)
        self._counts = np.bincount(place, weights=times, minlength=len(self._hashes)).astype(np.int64)
        if len(self._hashes) > MOST:
            self._limit = int(self._hashes[MOST])
            self._hashes, self._counts = self._hashes[:MOST], self._counts[:MOST]


def below(sketch: Sketch, limit: int) -> tuple[Hashes, Counts]:
    """The hashes below `limit`, in order, and their counts. Raises ValueError where some are missing."""
    hashes = np.frombuffer(sketch.hashes, dtype="<u8").astype(np.uint64)
    counts = np.frombuffer(decompressobj().decompress(sketch.counts, 4 * MOST), dtype="<u4").astype(np.int64)
    if len(counts) != len(hashes):
        raise ValueError("expected a count for each hash, got another number")
    n = int(np.searchsorted(hashes, np.uint64(limit)))
    return hashes[:n], counts[:n]


def _common(one: Sketch, other: Sketch) -> int:
    """How many hashes both have."""
    mine, others = (np.frombuffer(each.hashes, dtype="<u8") for each in (one, other))
    if not len(others):
        return 0
    return int((others[np.searchsorted(others, mine).clip(max=len(others) - 1)] == mine).sum())


def share_people(one: Mapping[str, Sketch], other: Mapping[str, Sketch]) -> bool:
    """Whether two tables have more in common, by any kind of sketch, than tables of different people would.

    The kinds are those of `app.intake.sketch`; only kinds that both have are compared.
    """
    return any(_in_common(one[kind], other[kind]) for kind in one.keys() & other.keys())


def _in_common(one: Sketch, other: Sketch) -> bool:
    limit = min(one.limit, other.limit)
    if _common(one, other) < FEWEST_IN_COMMON:
        return False  # neither test below can tell anything by so few
    mine, others = below(one, limit), below(other, limit)
    hashes = np.union1d(mine[0], others[0])
    a, b = (_counts_at(hashes, *each) for each in (mine, others))
    return _rare_in_both(a, b) or _agree_too_well(a, b)


def _counts_at(all_hashes: Hashes, hashes: Hashes, counts: Counts) -> Counts:
    """How often each of all hashes occurs. Where every record stands so many times in the table, each counts once."""
    found = np.zeros(len(all_hashes), dtype=np.int64)
    found[np.searchsorted(all_hashes, hashes)] = counts // max(1, int(np.gcd.reduce(counts, initial=0)))
    return found


def by_chance(first: float, second: float) -> float:
    """How many records are expected, at most, to occur once in each of two tables of different people.

    `first` records occur twice in the one table and never in the other, `second` the other way round. In independent
    tables a record of mean counts x and y occurs once in both with a probability in proportion to x y, and twice in one
    and never in the other in proportion to x^2 / 2 and y^2 / 2. By the inequality of Cauchy and Schwarz the expected
    number of the former is at most twice the geometric mean of those of the latter, whatever the two populations are.
    """
    return 2 * math.sqrt((first + CONTINUITY) * (second + CONTINUITY))


def _rare_in_both(a: Counts, b: Counts) -> bool:
    """Whether records that occur once in each table are too many for chance, for which all three counts are noisy."""
    both, first, second = (((a == 1) & (b == 1)).sum(), ((a == 2) & (b == 0)).sum(), ((a == 0) & (b == 2)).sum())
    highest = [(math.sqrt(int(count) + CONTINUITY) + SLACK) ** 2 - CONTINUITY for count in (first, second)]
    return math.sqrt(int(both) + CONTINUITY) - MARGIN > math.sqrt(by_chance(*highest))


def _agree_too_well(a: Counts, b: Counts) -> bool:
    """Whether the counts of frequent records agree better than chance allows, as where a table has few distinct ones.

    Pearson's chi-square for independence of record and table: populations that differ make it larger, shared records
    smaller. Its lower tail is what tells.
    """
    often = a + b >= FEWEST_IN_BOTH
    pool, mine = (a + b)[often], a[often]
    if len(pool) < 2 or not 0 < mine.sum() < pool.sum():
        return False
    share = float(mine.sum() / pool.sum())
    # whole numbers agree exactly by chance: each count may lie half a record farther off than it does
    apart = float(((np.abs(mine - pool * share) + 0.5) ** 2 / (pool * share * (1 - share))).sum())
    return chi_square_below(apart, len(pool) - 1) < LEAST_LIKELY


def chi_square_below(value: float, freedom: int) -> float:
    """P(chi-square of so many degrees of freedom <= value), by the series of the incomplete gamma function.

    Abramowitz & Stegun 6.5.29. For values below the mean, where it converges fast; 1.0 above.
    """
    half, x = freedom / 2, value / 2
    if x >= half:
        return 1.0
    if x <= 0:
        return 0.0
    term = total = 1.0 / half
    step = half
    while term > total * 1e-12:
        step += 1
        term *= x / step
        total += term
    return total * math.exp(half * math.log(x) - x - math.lgamma(half))
