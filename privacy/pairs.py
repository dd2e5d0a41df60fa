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
    """How near some published record comes to each person in two columns, in halvings of the distance."""

    train: Floats
    holdout: Floats


def near_pairs(train: Cells, holdout: Cells, published: Cells) -> tuple[tuple[PairScores, ...], int]:
    """The scores of train and holdout in each pair of nearly unique numbers, and how many pairs there are.

    There are more pairs than scores where the tables are too large for all of them (MOST_LOOK_UPS).

    Numbers become ranks among the people, from 0 to 1, so that units and shapes do not matter. The distance of a
    person to the nearest published record is the larger of the two differences of ranks. The score is
    log2(median distance / CLOSER / distance), NOT_FOUND where it is not positive. Train and holdout are treated alike,
    so without a leak their scores are exchangeable. Pairs are kept apart: what chance finds in all the others would
    hide a leak of one.
    """
    people = train.join(holdout)
    ranked = [_ranks(people.numbers[name], published.numbers[name]) for name in people.numbers]
    pairs = list(combinations(ranked, 2))
    found = []
    for (ours_a, theirs_a), (ours_b, theirs_b) in pairs[
        : max(1, MOST_LOOK_UPS // max(1, len(people) + len(published)))
    ]:
        theirs = np.column_stack([theirs_a, theirs_b])
        scores = _scores(np.column_stack([ours_a, ours_b]), theirs[np.isfinite(theirs).all(axis=1)])
        found.append(PairScores(train=scores[: len(train)], holdout=scores[len(train) :]))
    return tuple(found), len(pairs)


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
