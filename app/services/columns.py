"""What the columns of a stored table hold, read without pandas."""

from __future__ import annotations

from collections import Counter
from contextlib import closing

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from app.blobs import Blobs
from app.blobs import Stored as StoredFile
from synth.detect.correct import Content, Stored
from synth.errors import SchemaError
from synth.table.schema import ColumnSpec
from synth.written.moments import MomentForm

MOST_RECORDS = 500_000
"""So many records tell how a column is written."""


def column_content(blobs: Blobs, table: StoredFile, name: str) -> Content:
    """What one column of the stored table holds. Raises SchemaError where there is none of this name."""
    with closing(blobs.open(table.key, table.sha256)) as source:
        return content_of(pq.ParquetFile(source), name)


def content_of(file: pq.ParquetFile, name: str) -> Content:
    """What one column of an open Parquet file holds. Raises SchemaError where there is none of this name."""
    counts: Counter[str] = Counter()
    if name not in file.schema_arrow.names:
        raise SchemaError(f"expected one of the {len(file.schema_arrow.names)} columns of the table, got another name")
    stored = stored_as(file.schema_arrow.field(name).type)
    for batch in file.iter_batches(columns=[name], use_threads=False):
        if stored in {Stored.TEXT, Stored.INTEGER}:
            for each in pc.value_counts(batch.column(0).cast(pa.string())).to_pylist():
                if each["values"]:  # empty text counts as missing here, as it does in CSV
                    counts[each["values"]] += each["counts"]
        if counts.total() >= MOST_RECORDS:
            break
    return Content(stored=stored, counts=counts)


def stored_as(held: pa.DataType) -> Stored:
    """The type of a column in the words of the schema."""
    if pa.types.is_dictionary(held):
        held = held.value_type
    if pa.types.is_integer(held):
        return Stored.INTEGER
    if pa.types.is_floating(held) or pa.types.is_decimal(held):
        return Stored.REAL
    return Stored.MOMENT if pa.types.is_timestamp(held) or pa.types.is_date(held) else Stored.TEXT


def values_read(values: pa.Array, spec: ColumnSpec) -> pa.Array:
    """Numbers or datetimes in place of the texts that stand for them; the array as it is where there are none."""
    form = spec.value_form
    if form is None or pa.types.is_floating(values.type) or pa.types.is_timestamp(values.type):
        return values
    parsed = [
        None if text is None or text in spec.markers else form.parse(text)
        for text in values.cast(pa.string()).to_pylist()
    ]
    if isinstance(form, MomentForm):
        return pa.array(parsed, pa.int64()).cast(pa.timestamp("us"))
    return pa.array([None if value is None else float(value) for value in parsed], pa.float64())
