"""Whom the records of a table are about."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synth.people import People
from synth.table.schema import ColumnRole, TableSchema
from synth.table.source import TableSource


def people_of(table: TableSource, schema: TableSchema) -> People:
    """(records,) which person each record is about; without a person column each record is about another one.

    Records whose person is missing count as one person: as many people they could make a rare value look common.
    """
    person = schema.with_role(ColumnRole.PERSON)
    if person is None:
        return np.arange(len(table), dtype=np.int64)
    return pd.factorize(table.column(person), use_na_sentinel=False)[0].astype(np.int64)
