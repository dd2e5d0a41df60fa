"""The people of a stored table: whether there are enough, and what cannot be asked where they have several records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing

import pyarrow.compute as pc
import pyarrow.parquet as pq

from app.blobs import Blobs, Stored
from app.errors import InvalidRequestError
from app.parts import MIN_PEOPLE
from app.services.holders import Holders, read
from synth.protection import HOLDERS
from synth.rules.rule import Order
from synth.rules.text import text_of_rule
from synth.table.histories import has_histories, is_constant, not_constant, not_free
from synth.table.schema import ColumnRole, TableSchema


def check_people(blobs: Blobs, table: Stored, schema: TableSchema) -> int:
    """How many people there are. Raises InvalidRequestError where they are fewer than the sealed split can divide."""
    count = count_people(blobs, table, schema)
    if count < MIN_PEOPLE:
        raise InvalidRequestError(f"expected a data set of at least {MIN_PEOPLE} people, got one of {count}")
    return count


def count_people(blobs: Blobs, table: Stored, schema: TableSchema) -> int:
    """How many people the table is about, as the sealed split divides them."""
    return people_in(blobs, table, schema).divided


def people_in(blobs: Blobs, table: Stored, schema: TableSchema) -> Holders:
    """Whom the table is about."""
    found = Holders()
    with closing(blobs.open(table.key, table.sha256)) as source:
        if schema.with_role(ColumnRole.PERSON) is None:
            found.unowned = int(pq.ParquetFile(source).metadata.num_rows)
            return found
        for batch in read(source, schema, []):
            found.add(batch, schema)
    return found


def check_one_record_each(blobs: Blobs, table: Stored, schema: TableSchema, asked: Mapping[str, int]) -> None:
    """Raises InvalidRequestError where people have several records, and something is asked that needs one of each.

    `asked` is how many there are of it, by the option.
    """
    person = schema.with_role(ColumnRole.PERSON)
    wanted = {name: number for name, number in asked.items() if number}
    if person is None or not wanted:
        return
    if _have_several(blobs, table, schema):
        name, number = next(iter(wanted.items()))
        raise InvalidRequestError(
            f"{name}: expected none where people have several records, got {number}; leave it out, or name no person "
            "column"
        )


def check_imputed_one_by_one(blobs: Blobs, table: Stored, schema: TableSchema) -> None:
    """Raises InvalidRequestError where people have several records, which `impute` cannot fill."""
    person = schema.with_role(ColumnRole.PERSON)
    if person is not None and _have_several(blobs, table, schema):
        raise InvalidRequestError(
            f"dataset_id: expected records of people with one record each to impute, got people with several by column "
            f"{person!r}: correct its schema so that no column names people, and each record is filled by itself"
        )


def _have_several(blobs: Blobs, table: Stored, schema: TableSchema) -> bool:
    """Whether so many people of the person column have several records that these are learnt as theirs."""
    found = people_in(blobs, table, schema)
    return has_histories(sum(records > 1 for records in found.records.values()), HOLDERS)


def check_constant(blobs: Blobs, table: Stored, schema: TableSchema, conditions: Iterable[str]) -> None:
    """Raises InvalidRequestError where people have several records, and a condition is on a column that changes."""
    person, order = schema.with_role(ColumnRole.PERSON), schema.with_role(ColumnRole.ORDER)
    if person is None:
        return
    for name in conditions:
        several, changing = _changing(blobs, table, person, name)
        if not has_histories(several, HOLDERS):
            return
        if not is_constant(changing, several, HOLDERS):
            raise InvalidRequestError(f"conditions: {not_constant(name)}")
        rule = next((r for r in schema.rules.declared if isinstance(r, Order) and {name, order} == {*r.columns}), None)
        if rule is not None:
            raise InvalidRequestError(
                f"conditions: {not_free(name, sorted({*rule.columns} - {name}), f'the rule {text_of_rule(rule)!r}')}"
            )


def _changing(blobs: Blobs, table: Stored, person: str, name: str) -> tuple[int, int]:
    """(how many people have several records, for how many of them the column changes)."""
    with closing(blobs.open(table.key, table.sha256)) as source:
        held = pq.read_table(source, columns=[person, name], use_threads=False)
    held = held.filter(pc.is_valid(held.column(person)))
    each = held.group_by(person).aggregate([(name, "count_distinct", pc.CountOptions(mode="all")), ([], "count_all")])
    several = each.filter(pc.greater(each.column("count_all"), 1))
    return len(several), pc.sum(pc.greater(several.column(f"{name}_count_distinct"), 1)).as_py() or 0
