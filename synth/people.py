"""How many people records are about: what is emitted has to be backed by so many people, not by so many records."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

People = NDArray[np.int64]
"""(records,) a number for each person."""


def holders(groups: NDArray[np.integer], people: People, size: int) -> NDArray[np.int64]:
    """(size,) distinct people in each group; `groups` is (records,), from 0 to `size` - 1."""
    if len(groups) == 0:
        return np.zeros(size, dtype=np.int64)
    base = int(people.max()) + 1
    pairs = np.unique(groups.astype(np.int64) * base + people)
    return np.bincount(pairs // base, minlength=size)


def at_least(people: People, least: int) -> bool:
    """Whether there are so many distinct people; the first records mostly tell."""
    return len(np.unique(people[: 64 * least])) >= least or len(np.unique(people)) >= least


def distinct(people: People) -> int:
    """How many different people there are; they are numbered from 0."""
    if not len(people):
        return 0
    there = np.zeros(int(people.max()) + 1, dtype=np.bool_)
    there[people] = True
    return int(there.sum())


def one_of_each(people: People, rng: np.random.Generator) -> NDArray[np.int64]:
    """Ascending places of one record of each person, drawn by chance; all where each is about somebody else."""
    order = rng.permutation(len(people))
    _, first = np.unique(people[order], return_index=True)
    return np.sort(order[first])
