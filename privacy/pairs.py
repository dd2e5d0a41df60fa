"""Look-ups by two numbers that together tell a person, such as latitude and longitude, and that were moved a little."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from privacy.cells import Cells, Floats

NOT_FOUND = -1.0
CLOSER = 4.0
"""A person is found where a published record is so many times nearer than to the median person."""
MEDIAN_OF = 1_000
MOST_LOOK_UPS = 20_000_000
"""People and published records, times pairs of columns: what takes about a minute."""
SMALLEST = 1e-9

Points = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class PairScores:
    """How near some published record comes to each person in some pair of columns, in halvings of the distance."""

    train: Floats
    holdout: Floats
    pairs: int
    """Pairs of columns that were looked at."""
    left_out: int
    """Pairs for which the tables are too large."""


def near_pairs(train: Cells, holdout: Cells, published: Cells) -> PairScores:
    """For each person of train and holdout the largest score over the pairs of nearly unique numbers.

    Numbers become ranks among the people, from 0 to 1, so that units and shapes do not matter. The distance of a
    person to the nearest published record is the larger of the two differences of ranks. The score is
    log2(median distance / CLOSER / distance), NOT_FOUND where it is not positive: pairs of columns that depend on each
    other have small distances for everybody. Train and holdout are treated alike, so without a leak their scores are
    exchangeable.
    """
    people = train.join(holdout)
    scores = np.full(len(people), NOT_FOUND)
    ranked = [_ranks(people.numbers[name], published.numbers[name]) for name in people.numbers]
    pairs = list(combinations(ranked, 2))
    chosen = pairs[: max(1, MOST_LOOK_UPS // max(1, len(people) + len(published)))]
    for (ours_a, theirs_a), (ours_b, theirs_b) in chosen:
        ours, theirs = np.column_stack([ours_a, ours_b]), np.column_stack([theirs_a, theirs_b])
        np.maximum(scores, _scores(ours, theirs[np.isfinite(theirs).all(axis=1)]), out=scores)
    return PairScores(
        train=scores[: len(train)],
        holdout=scores[len(train) :],
        pairs=len(chosen),
        left_out=len(pairs) - len(chosen),
    )


def _ranks(ours: Floats, theirs: Floats) -> tuple[Floats, Floats]:
    """The people's numbers, and the published ones, as shares of the people who have smaller ones; missing as NaN."""
    known = np.sort(ours[np.isfinite(ours)])
    values, first = np.unique(known, return_index=True)
    if len(values) < 2:
        return np.full(len(ours), np.nan), np.full(len(theirs), np.nan)
    rank = first / len(known)
    return np.interp(ours, values, rank), np.interp(theirs, values, rank, left=np.nan, right=np.nan)


def _scores(ours: Points, theirs: Points) -> Floats:
    scores = np.full(len(ours), NOT_FOUND)
    complete = np.flatnonzero(np.isfinite(ours).all(axis=1))
    if len(theirs) == 0 or len(complete) == 0:
        return scores
    tree = KDTree(theirs)
    # every so many of train and holdout: a sample is enough to say what is usual
    some = ours[complete[:: max(1, len(complete) // MEDIAN_OF)]]
    usual = float(np.median(np.asarray(tree.query(some, p=np.inf)[0])))
    reach = max(usual / CLOSER, SMALLEST)
    distance = np.asarray(tree.query(ours[complete], p=np.inf, distance_upper_bound=reach)[0])
    near = distance < reach
    scores[complete[near]] = np.log2(reach / np.maximum(distance[near], SMALLEST))
    return scores
