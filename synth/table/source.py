"""Tables that are read one column at a time, so that a table larger than memory can be learnt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from synth.table.frame import open_parquet, read_column, validate
from synth.table.schema import TableSchema


class TableSource(Protocol):
    """A table that gives one column at a time; each as the schema asks for it, see `synth.table.frame.validate`."""

    def __len__(self) -> int:
        """Records."""

    def column(self, name: str) -> pd.Series:
        """(records,) one column."""

    def taken(self, name: str) -> pd.Series | None:
        """Values of a column that is not learnt, beyond those of these records, that must not be made up either."""


@dataclass(frozen=True, slots=True, eq=False)
class FrameTable:
    """A table in memory."""

    frame: pd.DataFrame

    def __len__(self) -> int:
        return len(self.frame)

    def column(self, name: str) -> pd.Series:
        """(records,) one column."""
        found: pd.Series = self.frame[name]
        return found

    def taken(self, name: str) -> pd.Series | None:  # noqa: ARG002 - of the protocol
        """None: there are no other records."""
        return None


@dataclass(frozen=True)
class ParquetTable:
    """A Parquet file with the columns of a schema; one column of it is in memory at a time.

    It stays open once something was read, and is to stay as it is.
    """

    path: Path
    schema: TableSchema
    whole: Path | None = None
    """The table that this one is a part of: made-up identifiers are none of its identifiers either."""

    def __len__(self) -> int:
        """Records. Raises TableError where the file is not Parquet."""
        return int(self._file.metadata.num_rows)

    def column(self, name: str) -> pd.Series:
        """(records,) one column. Raises TableError where it is not there, or of a type that its kind cannot have."""
        return read_column(self._file, self.schema[name])

    def taken(self, name: str) -> pd.Series | None:
        """(all records,) the column in the whole table."""
        return None if self._whole is None else read_column(self._whole, self.schema[name])

    @cached_property
    def _file(self) -> pq.ParquetFile:
        return open_parquet(self.path)

    @cached_property
    def _whole(self) -> pq.ParquetFile | None:
        return None if self.whole is None else open_parquet(self.whole)


@dataclass(frozen=True, slots=True, eq=False)
class SomeRecords:
    """Some of the records of another table."""

    source: TableSource
    rows: NDArray[np.int64]
    """Their places in it"""

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> pd.Series:
        """(records,) one column."""
        return self.source.column(name).take(self.rows).reset_index(drop=True)

    def taken(self, name: str) -> pd.Series | None:
        """(all records,) the column of the records that are left out as well."""
        known = self.source.taken(name)
        return self.source.column(name) if known is None else known


def source_of(table: pd.DataFrame | TableSource, schema: TableSchema) -> TableSource:
    """The table by columns. Raises TableError where a frame does not have the schema's columns."""
    return FrameTable(validate(table, schema)) if isinstance(table, pd.DataFrame) else table
