"""Whom records are about: what is emitted has to be backed by so many people, not by so many records."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.table.schema import ColumnRole, TableSchema
from synth.table.source import TableSource

People = NDArray[np.int64]
"""(records,) a number for each person."""


def people_of(table: TableSource, schema: TableSchema) -> People:
    """(records,) whom each record is about: the schema's person column, or somebody else in every record without one.

    Records that do not say whom they are about count as one person's, so that they can only hide each other.
    """
    person = schema.with_role(ColumnRole.PERSON)
    if person is None:
        return np.arange(len(table), dtype=np.int64)
    return pd.factorize(table.column(person), use_na_sentinel=False)[0].astype(np.int64)


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
