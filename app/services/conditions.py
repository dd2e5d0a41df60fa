"""Conditions of a job: of the kind of their columns, and met by enough people of the stored table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import date
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from app.blobs import Blobs, Stored
from app.errors import InvalidRequestError
from app.services.columns import values_read
from app.services.holders import BATCH_RECORDS, Holders, least_of, read
from app.services.spans import Spans, spans_of
from synth.table.ranges import AnyOf, Condition, Presence, Range, as_range, category_meant, moment_of
from synth.table.schema import ColumnKind, ColumnRole, TableSchema

Counted = Condition | Spans
"""A condition as it is counted"""
MISSING = Presence.MISSING
FEWEST_OF_CONDITION = 10
"""Of these six or so are trained on, and a generator emits no category that fewer than five of those have.
A range is held to the same."""
CATEGORY, NUMBERS, MOMENTS = "a category", "a range of numbers", "a range of dates or datetimes"
_WRITTEN = {
    ColumnKind.CATEGORICAL: 'say --where COLUMN=VALUE, or {"COLUMN": "VALUE"} in JSON',
    ColumnKind.NUMERICAL: "say --where COLUMN=30, --within COLUMN=30..40, or "
    '{"COLUMN": {"from": 30, "to": 40}} in JSON',
    ColumnKind.DATETIME: "say --where COLUMN=2024-01-31, --within COLUMN=2024-01-01..2024-01-31, or "
    '{"COLUMN": {"from": "2024-01-01", "to": "2024-01-31"}} in JSON',
}
_CONDITIONS = {ColumnKind.CATEGORICAL: CATEGORY, ColumnKind.NUMERICAL: NUMBERS, ColumnKind.DATETIME: MOMENTS}


def check_condition_columns(
    schema: TableSchema, conditions: Mapping[str, Condition], *, option: str = "conditions"
) -> None:
    """Raises InvalidRequestError where a condition is on no learnt column, or of another kind than its column."""
    for name, wanted in conditions.items():
        if name not in schema.names:
            raise InvalidRequestError(
                f"{option}: expected names of the {len(schema)} columns of the data set, got another one"
            )
        kind = schema[name].kind
        expected = _CONDITIONS.get(kind)
        if expected is None:
            raise InvalidRequestError(f"{option}: expected columns that are learnt, got an identifier: {name!r}")
        if isinstance(wanted, Presence):
            continue
        each = wanted.values if isinstance(wanted, AnyOf) else (wanted,)
        got = next((form for one in each if (form := _form(as_its_column_has_it(one, kind))) != expected), expected)
        if got != expected:
            raise InvalidRequestError(
                f"{option}: expected {expected} for the {kind} column {name!r}, got {got}; "
                + (_WRITTEN[kind].replace("COLUMN", name) if option == "conditions" else "say COLUMN=VALUE:SHARE")
            )


def conditions_held(
    blobs: Blobs, table: Stored, schema: TableSchema, conditions: Mapping[str, Condition]
) -> dict[str, Condition]:
    """The conditions as the stored table has them: categories as they are written there, single numbers as ranges.

    Raises InvalidRequestError where too few people have a category or one of several, lie in a range, miss a value or
    have one, or meet all conditions together. It is not told whether anybody does. Only the columns named are read,
    batch by batch; of ranges it counts what `app.services.spans` says.
    """
    found: dict[str, Condition] = {}
    if not conditions:
        return found
    with closing(blobs.open(table.key, table.sha256)) as source:
        for name, asked in conditions.items():
            found[name] = _written(source, schema, name, asked)
        counted = as_counted(blobs, table, source, schema, found)
        for name, wanted in counted.items():
            least = least_of(blobs, table, FEWEST_OF_CONDITION, [name])
            each = (
                [as_its_column_has_it(one, schema[name].kind) for one in wanted.values]
                if isinstance(wanted, AnyOf)
                else [wanted]
            )
            if any(held(source, schema, {name: one}).behind < least for one in each):
                raise InvalidRequestError(_too_few(schema, name, conditions[name]))
        if len(counted) > 1 and held(source, schema, counted).behind < least_of(
            blobs, table, FEWEST_OF_CONDITION, counted
        ):
            raise InvalidRequestError(
                f"conditions: expected ones that {_fewest(schema)} or more meet together, got ones that"
                f" fewer do: {', '.join(map(repr, found))}; many records made after few people tell of these people"
            )
    return found


def as_counted(
    blobs: Blobs,
    table: Stored,
    source: Any,  # noqa: ANN401 - a file of any store
    schema: TableSchema,
    conditions: Mapping[str, Condition],
) -> dict[str, Counted]:
    """The conditions with ranges as they are counted."""
    return {
        name: spans_of(source, schema, name, wanted, least_of(blobs, table, FEWEST_OF_CONDITION, [name]))
        if isinstance(wanted, Range)
        else wanted
        for name, wanted in conditions.items()
    }


def _written(source: Any, schema: TableSchema, name: str, asked: Condition) -> Condition:  # noqa: ANN401
    """The condition as the table writes it; one on a category that it does not have stays as it is."""
    if isinstance(asked, AnyOf):
        if not schema[name].kind.is_category:
            return asked
        return AnyOf(tuple(meant(batches(source, name), each) for each in asked.values))
    if isinstance(asked, Presence):
        return asked
    wanted = as_its_column_has_it(asked, schema[name].kind)
    return meant(batches(source, name), wanted) if isinstance(wanted, str) else wanted


def as_its_column_has_it(wanted: str | Range, kind: ColumnKind) -> str | Range:
    """A number or a date asked of a column of quantities is the range that holds it alone."""
    if isinstance(wanted, Range) or kind.is_category:
        return wanted
    return as_range(wanted) or wanted


def _form(wanted: str | Range) -> str:
    """What kind of condition it is, in words."""
    if isinstance(wanted, str):
        return CATEGORY
    return MOMENTS if isinstance(wanted.low or wanted.high, str) else NUMBERS


def _too_few(schema: TableSchema, name: str, asked: Condition) -> str:
    """Never whether it is none: who is not told cannot find out whether somebody is in the table."""
    if isinstance(asked, Presence):
        return (
            f"conditions: expected a column that {_fewest(schema)} or more "
            f"{'miss' if asked is Presence.MISSING else 'have'}, got {name!r}, which fewer do"
        )
    if not schema[name].kind.is_category:
        return (
            f"conditions: expected a range in which {_fewest(schema)} or more of column {name!r} lie, got one of fewer"
        )
    return (
        f"conditions: expected a category that column {name!r} has in {_fewest(schema)} or more, got another one; "
        "write it as the table does, with zeros in front and capitals"
    )


def _fewest(schema: TableSchema) -> str:
    """How many have to meet a condition, in words."""
    return f"{FEWEST_OF_CONDITION} {'records' if schema.with_role(ColumnRole.PERSON) is None else 'people'}"


def held(source: Any, schema: TableSchema, conditions: Mapping[str, Counted]) -> Holders:  # noqa: ANN401
    """Who has a record that meets all conditions."""
    found = Holders()
    for batch in read(source, schema, conditions):
        found.add(batch, schema, met_in(batch, schema, conditions))
    return found


def met_in(batch: pa.RecordBatch, schema: TableSchema, conditions: Mapping[str, Counted]) -> pa.Array:
    """(records,) bool, never null: which records meet all conditions."""
    met = pa.repeat(True, len(batch))
    for name, wanted in conditions.items():
        values = values_read(batch.column(name), schema[name])
        if isinstance(wanted, AnyOf) and not schema[name].kind.is_category:
            own = reduce(pc.or_, [_met(values, as_range(each) or Range()) for each in wanted.values])
        else:
            own = _met(values, wanted)
        met = pc.and_(met, own)
    return met


def _met(values: pa.Array, wanted: Counted) -> pa.Array:
    """(records,) bool, never null: which values meet the condition."""
    if isinstance(wanted, Spans):
        return wanted.met(values)
    if isinstance(wanted, Presence):
        return pc.is_null(values, nan_is_null=True) if wanted is Presence.MISSING else pc.invert(_met(values, MISSING))
    if isinstance(wanted, AnyOf):
        return reduce(pc.or_, [_met(values, each) for each in wanted.values])
    if isinstance(wanted, Range):
        return pc.fill_null(_inside(values, wanted), False)
    distinct = pc.unique(values)
    chosen = [value for value in distinct.to_pylist() if value is not None and str(value) == wanted]
    return pc.is_in(values, value_set=pa.array(chosen, distinct.type))


def _inside(values: pa.Array, wanted: Range) -> pa.Array:
    """(records,) which of the values lie in the range; null or false where there is none."""
    held = pa.timestamp("us") if _form(wanted) == MOMENTS else pa.float64()
    values = values.cast(held, safe=False)
    met = pc.is_valid(values)
    for compare, bound, last in ((pc.greater_equal, wanted.low, False), (pc.less_equal, wanted.high, True)):
        if bound is not None:
            end = moment_of(bound, last=last) if isinstance(bound, (str, date)) else float(bound)
            met = pc.and_kleene(met, compare(values, pa.scalar(end, held)))
    return met


def meant(values: Iterator[pa.Array], text: str) -> str:
    """The category that the text means, as the table writes it; the text itself where it means none."""
    known: dict[str, None] = {}
    for batch in values:
        known.update((str(each), None) for each in pc.unique(batch).to_pylist() if each is not None)
    found = category_meant(known, text)
    return text if found is None else str(found)


def batches(source: Any, name: str) -> Iterator[pa.Array]:  # noqa: ANN401 - a file of any store
    """The column, from its start, some records at a time."""
    source.seek(0)
    file = pq.ParquetFile(source)
    for batch in file.iter_batches(batch_size=BATCH_RECORDS, columns=[name], use_threads=False):
        yield batch.column(0)
