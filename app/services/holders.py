"""How many people are behind records of a stored table: the one count that checks before a job go by."""

from __future__ import annotations

import hmac
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from app.blobs import Blobs, Stored
from app.data_keys import key_of_file
from synth.table.schema import ColumnRole, TableSchema

BATCH_RECORDS = 65_536
RATIO = 0.75
"""Of the geometric distribution of what is added to a minimum: 3 people on average."""
NOBODY = frozenset({None, ""})


@dataclass(slots=True)
class Holders:
    """The people of some records, gathered batch by batch. Without a person column each record is another person's."""

    records: Counter[object] = field(default_factory=Counter)
    """How many each named person has"""
    nameless: int = 0
    """How many name nobody"""
    unowned: int = 0
    """How many there are without a person column"""

    @property
    def behind(self) -> int:
        """How many people there are at least: all records that name nobody may be of one person."""
        return len(self.records) + self.unowned + (self.nameless > 0)

    @property
    def divided(self) -> int:
        """How many people the sealed split divides: a record that names nobody is a person of its own."""
        return len(self.records) + self.unowned + self.nameless

    def add(self, batch: pa.RecordBatch, schema: TableSchema, met: pa.Array | None = None) -> None:
        """Count the records of a batch of `read`, or those that the mask has."""
        person = schema.with_role(ColumnRole.PERSON)
        if person is None:
            self.unowned += len(batch) if met is None else pc.sum(met).as_py() or 0
            return
        owners = batch.column(person)
        found = pc.value_counts(owners if met is None else owners.filter(met))
        for owner, count in zip(found.field("values").to_pylist(), found.field("counts").to_pylist(), strict=True):
            if owner in NOBODY:
                self.nameless += count
            else:
                self.records[owner] += count

    @staticmethod
    def together(some: Iterable[Holders]) -> Holders:
        """The people of all records."""
        found = Holders()
        for each in some:
            found.records.update(each.records)
            found.nameless += each.nameless
            found.unowned += each.unowned
        return found


def read(source: Any, schema: TableSchema, columns: Iterable[str]) -> Iterator[pa.RecordBatch]:  # noqa: ANN401
    """These columns and the person column of a stored table from its start, some records at a time."""
    person = schema.with_role(ColumnRole.PERSON)
    names = list(dict.fromkeys([*columns, *([] if person is None else [person])]))
    source.seek(0)
    file = pq.ParquetFile(source)
    yield from file.iter_batches(batch_size=BATCH_RECORDS, columns=names, use_threads=False)


def least_of(blobs: Blobs, table: Stored, fewest: int, columns: Iterable[str]) -> int:
    """How many people have to be behind values of these columns: `fewest` or some more, twice as many at most.

    What is added is geometric, follows from the data set's own key and the columns, and is told to nobody. So an answer
    does not say that there are just `fewest`, and asking again brings no other draw.
    """
    name = key_of_file(table.key)
    if name is None:
        raise ValueError("expected a table of a tenant, got a file of the installation")
    said = json.dumps(["people behind values", fewest, sorted(set(columns))]).encode()
    drawn = int.from_bytes(hmac.digest(blobs.keys.get_or_make(name), said, "sha256")[:8], "big")
    return fewest + min(int(math.log((drawn + 1) / 2**64) / math.log(RATIO)), fewest)
