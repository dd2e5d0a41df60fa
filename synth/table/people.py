"""Whom the records of a table are about."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synth.people import People
from synth.table.schema import ColumnRole, TableSchema
from synth.table.source import TableSource


def people_of(table: TableSource, schema: TableSchema) -> People:
    """(records,) whom each record is about: the schema's person column, or somebody else in every record without one.

    Records that do not say whom they are about count as one person's, so that they can only hide each other.
    """
    person = schema.with_role(ColumnRole.PERSON)
    if person is None:
        return np.arange(len(table), dtype=np.int64)
    return pd.factorize(table.column(person), use_na_sentinel=False)[0].astype(np.int64)
