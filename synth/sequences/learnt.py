"""Which records of a table are learnt, or could have been: what training takes, and whom attacks have to ask about.

Whoever is not learnt is no member. Counted as one, they thin out what is given away about those who are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synth.encode.rules.declared import check_declared, unbroken
from synth.sequences.outline import Outline, counted, find_outline, owners_of
from synth.table.schema import ColumnRole, TableSchema
from synth.table.source import FrameTable, SomeRecords, TableSource

Places = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Learnable:
    """What is learnt of a table, and would be of another one of the same kind."""

    schema: TableSchema
    outline: Outline | None
    """Of the records that break no rule; None where people's records are not learnt one after another"""

    def kept(self, table: TableSource) -> TableSource:
        """The table without the records that break a declared rule, where the schema has them left out."""
        kept = unbroken(table, self.schema)
        return table if kept.all() else SomeRecords(table, np.flatnonzero(kept))

    def rows(self, table: TableSource) -> Places:
        """Places of the records that are learnt, in order.

        Of people with several records those that are somebody's and have what orders them. Where too few people have
        several for that, the first record of each: a person must not count as many.
        """
        kept = unbroken(table, self.schema)
        person = self.schema.with_role(ColumnRole.PERSON)
        if person is None:
            return np.flatnonzero(kept)
        owner = owners_of(table.column(person))
        if self.outline is None:
            kept[kept] = (owner[kept] < 0) | ~pd.Series(owner[kept]).duplicated().to_numpy()
            return np.flatnonzero(kept)
        kept &= owner >= 0
        for name in self.outline.ascending:
            kept &= ~np.isnan(counted(table.column(name), self.schema[name]))
        return np.flatnonzero(kept)

    def of(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The records of a table in memory that are learnt, or could have been."""
        rows = self.rows(FrameTable(frame))
        return frame if len(rows) == len(frame) else frame.iloc[rows].reset_index(drop=True)

    def source(self, table: TableSource) -> TableSource:
        """The same of a table by columns."""
        rows = self.rows(table)
        return table if len(rows) == len(table) else SomeRecords(table, rows)


def learnable(table: TableSource, schema: TableSchema, least: int) -> Learnable:
    """What is learnt of the table that is trained on.

    Raises RuleError where a declared rule contradicts it, and TableError as `find_outline` does.
    """
    check_declared(table, schema)
    found = Learnable(schema=schema, outline=None)
    return Learnable(schema=schema, outline=find_outline(found.kept(table), schema, least))
