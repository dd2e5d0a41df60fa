"""How many records of each cell of a mix a table has, and each piece of it: whole numbers that add up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synth.errors import ConditionError
from synth.randomness import Rng
from synth.sampling.pieces import PIECE
from synth.table.mix import NEAR, columns_said


def whole_counts(
    joint: NDArray[np.float64], n: int, margins: Sequence[NDArray[np.float64]], names: Sequence[str]
) -> NDArray[np.int64]:
    """Whole numbers of records in each cell, n together; each margin by largest remainders as well.

    Raises ConditionError, which names the columns, where so few records cannot have them.
    """
    counts = _largest_remainders(joint.ravel(), n).reshape(joint.shape)
    for axis, margin in enumerate(margins):
        others = tuple(i for i in range(joint.ndim) if i != axis)
        quota = _largest_remainders(margin, n)
        while True:
            over = counts.sum(axis=others) - quota
            if not over.any():
                break
            # one record from a value of which there are too many to one of which there are too few, all else equal
            from_, to = int(np.argmax(over)), int(np.argmin(over))
            gain = np.where(np.take(counts, from_, axis) > 0, np.take(joint, to, axis), 0.0)
            place = np.unravel_index(int(np.argmax(gain)), gain.shape)
            if gain[place] <= 0:  # into a cell in which no record can be
                raise ConditionError(
                    f"mix: {columns_said(names)}: expected more records, or shares that {n:,} can have together"
                )
            counts[tuple(np.insert(place, axis, from_))] -= 1
            counts[tuple(np.insert(place, axis, to))] += 1
    return counts


def _largest_remainders(shares: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    """Hamilton's method: whole parts, and one more for the largest remainders; ties by order."""
    exact = shares / shares.sum() * n
    counts: NDArray[np.int64] = np.floor(exact + NEAR).astype(np.int64)
    more = np.argsort(-(exact - counts), kind="stable")[: n - int(counts.sum())]
    counts[more] += 1
    found: NDArray[np.int64] = counts
    return found


def dealt_to_pieces(counts: NDArray[np.int64], n: int, rng: Rng) -> NDArray[np.int64]:
    """(pieces, cells): the records of each cell are dealt to pieces at random."""
    random, left, found = rng.spawn("pieces").numpy, counts.copy(), []
    for begin in range(0, max(n, 1), PIECE):
        size = min(PIECE, n - begin)
        dealt = left if size == left.sum() else random.multivariate_hypergeometric(left, size)
        found.append(dealt)
        left = left - dealt
    return np.stack(found)
