"""Leaves of a tree held back towards what lies above them: hierarchical shrinkage (Agarwal et al. 2022, equation 1).

A split is there because the training records differed across it, partly by chance. What a leaf says is therefore too
much like the few records in it. Shrinkage adds up, from the root down to the leaf, what each split says, each held back
the more the fewer records were split: root + sum over the path of (child - parent) / (1 + strength / parent's records).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeRegressor

MOST, PART = 200.0, 0.04
"""A split of so many records is held back by half: of so many, or of this part of the table where that is fewer."""

Numbers = NDArray[np.float64]


def shrunk(tree: DecisionTreeRegressor, counts: Numbers) -> Numbers:
    """(nodes, W) the share of each rank in a leaf, from (nodes, W) how many records of a leaf have it.

    A leaf has no rank that none of its records has. Rows of nodes that are no leaves are 0.
    """
    left, right = tree.tree_.children_left, tree.tree_.children_right
    levels = [np.zeros(1, dtype=np.int64)]
    while (inner := levels[-1][left[levels[-1]] >= 0]).size:
        levels.append(np.concatenate([left[inner], right[inner]]))
    strength = min(MOST, PART * float(counts.sum()))
    held = counts.copy()
    for below, above in pairwise(reversed(levels)):
        inner = above[left[above] >= 0]
        held[inner] = held[below[: len(inner)]] + held[below[len(inner) :]]
    size = held.sum(1, keepdims=True)
    share = held / size.clip(1)
    found = share.copy()
    for above in levels[:-1]:
        inner = above[left[above] >= 0]
        for child in (left[inner], right[inner]):
            found[child] = found[inner] + (share[child] - share[inner]) / (1 + strength / size[inner].clip(1))
    found = np.where(counts > 0, found, 0.0)
    whole: Numbers = found / found.sum(1, keepdims=True).clip(np.finfo(np.float64).tiny)
    return whole
