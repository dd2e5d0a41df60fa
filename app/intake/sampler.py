"""Evenly spaced records of a table whose length nobody knows yet, so that a sorted table shows all of itself."""

from __future__ import annotations

import pyarrow as pa

SAMPLE_ROWS = 50_000
SAMPLE_CELLS = 2_000_000


def sampled_rows(columns: int) -> int:
    """How many records of a table of so many columns show what the columns are."""
    return max(1, min(SAMPLE_ROWS, SAMPLE_CELLS // max(columns, 1)))


class Sampler:
    """Every k-th record of what passes by; k doubles whenever there are twice as many as are wanted."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._wanted = sampled_rows(len(schema))
        self._kept: list[pa.RecordBatch] = []
        self._stride = 1
        self._passed = 0

    def take(self, batch: pa.RecordBatch) -> None:
        """Keep some of the records of the next batch."""
        first = -self._passed % self._stride
        self._kept.append(_every(batch, first, self._stride))
        self._passed += batch.num_rows
        while sum(map(len, self._kept)) > 2 * self._wanted:
            self._stride *= 2
            self._kept = [_every(pa.Table.from_batches(self._kept).combine_chunks().to_batches()[0], 0, 2)]

    def sample(self) -> pa.Table:
        """The kept records, at most as many as are wanted."""
        table = pa.Table.from_batches(self._kept, self._schema)
        return table if len(table) <= self._wanted else table.take(pa.array(range(0, len(table), 2), pa.int64()))


def _every(batch: pa.RecordBatch, first: int, stride: int) -> pa.RecordBatch:
    return batch.take(pa.array(range(first, batch.num_rows, stride), pa.int64()))
