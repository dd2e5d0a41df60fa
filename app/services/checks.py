"""What can be known to fail is refused before a job is made of it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import date
from functools import reduce
from importlib.resources import files
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from app.blobs import Blobs, Stored
from app.config import Settings
from app.errors import InvalidRequestError
from app.parts import HOLDOUT_SHARE, MIN_PEOPLE
from app.services.columns import values_read
from app.services.holders import BATCH_RECORDS, Holders, least_of, read
from app.services.spans import Spans, spans_of
from app.wire import JobOptions
from privacy.errors import PolicyError
from synth.errors import RuleError, SchemaError
from synth.protection import HOLDERS
from synth.rules.rule import Order, Unique
from synth.rules.text import text_of_rule
from synth.table.histories import has_histories, is_constant
from synth.table.ranges import AnyOf, Condition, Presence, Range, as_range, category_meant, moment_of
from synth.table.schema import ColumnKind, ColumnRole, TableSchema

Counted = Condition | Spans
"""A condition as it is counted"""
MISSING = Presence.MISSING
FEWEST_OF_CONDITION = 10
"""Of these six or so are trained on, and a generator emits no category that fewer than five of those have.
A range is held to the same."""


def check_rows(settings: Settings, rows: int | None) -> None:
    """Raises InvalidRequestError where more synthetic records are asked for than one job may draw."""
    if rows is not None and rows > settings.max_sample_rows:
        raise InvalidRequestError(f"rows: expected 1 to {settings.max_sample_rows}, got more")


def policies() -> list[str]:
    """The names of all policies.

    Looks for their files: `privacy.policy` imports the attacks, which the web process does without.
    """
    entries = (entry.name for entry in (files("privacy") / "policies").iterdir())
    return sorted(entry.removesuffix(".json") for entry in entries if entry.endswith(".json"))


def policy_title(name: str) -> str:
    """Whom the policy is for, in a few words."""
    return str(_policy(name)["title"])


def _policy(name: str) -> dict[str, Any]:
    content = (files("privacy") / "policies" / f"{name}.json").read_text(encoding="utf-8")
    policy: dict[str, Any] = json.loads(content)
    return policy


def check_policy(name: str) -> None:
    """Raises PolicyError where there is no such policy."""
    names = policies()
    if name not in names:
        raise PolicyError(f"policy: expected one of {', '.join(names)}, got another name")


def check_sender(policy: str, person_id: str | None) -> None:
    """Raises PolicyError where the policy asks for four eyes and whoever sends the job has no account."""
    if person_id is None and _policy(policy)["four_eyes"] is not False:
        raise PolicyError(
            "policy: expected a person who signed in by password, or a key that such a person made on the page Keys, "
            f"got a key of nobody's account: under {policy} one person sends the job and another approves it"
        )


def shortage(policy: str, people: int, what: str = "records") -> str | None:
    """A sentence where so few people are sure to be judged INSUFFICIENT, with how many the policy takes.

    Known from the sizes alone, and so before anything is trained. `what` they are called: without a person column each
    record is a person.
    """
    fewest = int(_policy(policy)["minimum_holdout"])
    holdout, needed = round(people * HOLDOUT_SHARE), math.ceil(fewest / HOLDOUT_SHARE)
    if holdout >= fewest:
        return None
    return (
        f"the verdict will be INSUFFICIENT at best: the policy {policy} asks for a holdout of {fewest:,} {what}, and "
        f"{people:,} {what} give one of about {holdout:,}; it takes {needed:,} {what} or more"
    )


def check_target(schema: TableSchema, target: str | None) -> None:
    """Raises InvalidRequestError where the target is not a column that a model could predict."""
    if target is None:
        return
    if target not in schema.names:
        raise InvalidRequestError(
            f"target: expected one of the {len(schema)} columns of the data set, there is no column {target!r}"
        )
    if schema[target].kind is ColumnKind.IDENTIFIER:
        raise InvalidRequestError("target: expected a column that is learnt, got an identifier")


def check_person(schema: TableSchema, person: str | None) -> None:
    """Raises InvalidRequestError where the person column is not one that can name people."""
    if person is None:
        return
    if person not in schema.names:
        raise InvalidRequestError(
            f"person: expected one of the {len(schema)} columns of the data set, there is no column {person!r}"
        )
    if schema[person].kind is ColumnKind.DATETIME:
        raise InvalidRequestError("person: expected a column of text or integers, got one of kind datetime")


def check_rules(schema: TableSchema, options: JobOptions) -> TableSchema:
    """The schema with the rules that the job declares.

    Raises InvalidRequestError where one cannot be read, or is about columns that are not there or are made up.
    """
    try:
        leave_out = options.broken_rules == "leave_out"
        ruled = schema.with_rules(*options.rules, find=options.find_rules, leave_out=leave_out)
    except (RuleError, SchemaError) as error:
        raise InvalidRequestError(f"rules: {str(error).removeprefix('rules: ')}") from error
    try:
        ruled = schema.with_rules(
            *options.rules, find=options.find_rules, without=options.without_rules, leave_out=leave_out
        )
    except (RuleError, SchemaError) as error:
        raise InvalidRequestError(f"without_rules: {str(error).removeprefix('rules: ')}") from error
    for place, rule in enumerate(ruled.rules.declared, start=1):
        hidden = [name for name in rule.columns if schema[name].kind is ColumnKind.IDENTIFIER]
        if hidden and not isinstance(rule, Unique):
            raise InvalidRequestError(
                f"rules: rule {place}: expected columns that are learnt, {hidden[0]!r} is an identifier"
            )
    return ruled


def check_order(schema: TableSchema, order: str | None) -> None:
    """Raises InvalidRequestError where the column cannot order the records of a person."""
    if order is None:
        return
    if order not in schema.names:
        raise InvalidRequestError(
            f"order: expected one of the {len(schema)} columns of the data set, there is no column {order!r}"
        )
    if schema[order].kind not in {ColumnKind.NUMERICAL, ColumnKind.DATETIME}:
        raise InvalidRequestError(f"order: expected a column of dates or numbers, got one of kind {schema[order].kind}")
    if schema.with_role(ColumnRole.PERSON) is None:
        raise InvalidRequestError("order: expected a person column beside it, as it orders the records of a person")


def check_learnable(schema: TableSchema) -> None:
    """Raises InvalidRequestError where no column is left to learn."""
    if all(column.kind is ColumnKind.IDENTIFIER for column in schema):
        raise InvalidRequestError("columns: expected at least one that is not an identifier, got none")


def check_attacked(schema: TableSchema, secrets: Sequence[str], source: Sequence[str]) -> None:
    """Raises InvalidRequestError where secrets or a source name what no attack can use, or leave a source nothing.

    A secret that is constant is no reason: the attack says so in its finding.
    """
    usable = {column.name for column in schema if column.kind is not ColumnKind.IDENTIFIER}
    for option, names in (("secrets", secrets), ("source", source)):
        unknown = len(set(names) - set(schema.names))
        if unknown:
            raise InvalidRequestError(
                f"{option}: expected names of the {len(schema)} columns of the data set, got {unknown} others"
            )
        if not usable.issuperset(names):
            raise InvalidRequestError(f"{option}: expected columns that are learnt, got an identifier")
        if len(set(names)) < len(names):
            raise InvalidRequestError(f"{option}: expected each column once, got one twice")
    if usable <= set(source):
        raise InvalidRequestError("source: expected some of the columns that are learnt, got all: the other has none")


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


CATEGORY, NUMBERS, MOMENTS = "a category", "a range of numbers", "a range of dates or datetimes"
_WRITTEN = {
    ColumnKind.CATEGORICAL: 'say --where COLUMN=VALUE, or {"COLUMN": "VALUE"} in JSON',
    ColumnKind.NUMERICAL: "say --where COLUMN=30, --within COLUMN=30..40, or "
    '{"COLUMN": {"from": 30, "to": 40}} in JSON',
    ColumnKind.DATETIME: "say --where COLUMN=2024-01-31, --within COLUMN=2024-01-01..2024-01-31, or "
    '{"COLUMN": {"from": "2024-01-01", "to": "2024-01-31"}} in JSON',
}
_CONDITIONS = {ColumnKind.CATEGORICAL: CATEGORY, ColumnKind.NUMERICAL: NUMBERS, ColumnKind.DATETIME: MOMENTS}


def as_its_column_has_it(wanted: str | Range, kind: ColumnKind) -> str | Range:
    """A number or a date asked of a column of quantities is the range that holds it alone."""
    if isinstance(wanted, Range) or kind is ColumnKind.CATEGORICAL:
        return wanted
    return as_range(wanted) or wanted


def _form(wanted: str | Range) -> str:
    """What kind of condition it is, in words."""
    if isinstance(wanted, str):
        return CATEGORY
    return MOMENTS if isinstance(wanted.low or wanted.high, str) else NUMBERS


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


def _written(source: Any, schema: TableSchema, name: str, asked: Condition) -> Condition:  # noqa: ANN401
    """The condition as the table writes it; one on a category that it does not have stays as it is."""
    if isinstance(asked, AnyOf):
        if schema[name].kind is not ColumnKind.CATEGORICAL:
            return asked
        return AnyOf(tuple(meant(batches(source, name), each) for each in asked.values))
    if isinstance(asked, Presence):
        return asked
    wanted = as_its_column_has_it(asked, schema[name].kind)
    return meant(batches(source, name), wanted) if isinstance(wanted, str) else wanted


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
        if isinstance(wanted, AnyOf) and schema[name].kind is not ColumnKind.CATEGORICAL:
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


def meant(values: Iterator[pa.Array], text: str) -> str:
    """The category that the text means, as the table writes it; the text itself where it means none."""
    known: dict[str, None] = {}
    for batch in values:
        known.update((str(each), None) for each in pc.unique(batch).to_pylist() if each is not None)
    found = category_meant(known, text)
    return text if found is None else str(found)


def _too_few(schema: TableSchema, name: str, asked: Condition) -> str:
    """Never whether it is none: who is not told cannot find out whether somebody is in the table."""
    if isinstance(asked, Presence):
        return (
            f"conditions: expected a column that {_fewest(schema)} or more "
            f"{'miss' if asked is Presence.MISSING else 'have'}, got {name!r}, which fewer do"
        )
    if schema[name].kind is not ColumnKind.CATEGORICAL:
        return (
            f"conditions: expected a range in which {_fewest(schema)} or more of column {name!r} lie, got one of fewer"
        )
    return (
        f"conditions: expected a category that column {name!r} has in {_fewest(schema)} or more, got another one; "
        "write it as the table does, with zeros in front and capitals"
    )


def check_people(blobs: Blobs, table: Stored, schema: TableSchema) -> int:
    """How many people there are. Raises InvalidRequestError where they are fewer than the sealed split can divide."""
    count = count_people(blobs, table, schema)
    if count < MIN_PEOPLE:
        raise InvalidRequestError(f"expected a data set of at least {MIN_PEOPLE} people, got one of {count}")
    return count


def check_one_record_each(blobs: Blobs, table: Stored, schema: TableSchema, asked: Mapping[str, int]) -> None:
    """Raises InvalidRequestError where people have several records, and something is asked that needs one of each.

    `asked` is how many there are of it, by the option.
    """
    person = schema.with_role(ColumnRole.PERSON)
    wanted = {name: number for name, number in asked.items() if number}
    if person is None or not wanted:
        return
    found = people_in(blobs, table, schema)
    if has_histories(sum(records > 1 for records in found.records.values()), HOLDERS):
        name, number = next(iter(wanted.items()))
        raise InvalidRequestError(
            f"{name}: expected none where people have several records, got {number}; leave it out, or name no person "
            "column"
        )


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


def check_constant(blobs: Blobs, table: Stored, schema: TableSchema, conditions: Iterable[str]) -> None:
    """Raises InvalidRequestError where people have several records, and a condition is on a column that changes."""
    person, order = schema.with_role(ColumnRole.PERSON), schema.with_role(ColumnRole.ORDER)
    if person is None:
        return
    for name in conditions:
        with closing(blobs.open(table.key, table.sha256)) as source:
            held = pq.read_table(source, columns=[person, name], use_threads=False)
        held = held.filter(pc.is_valid(held.column(person)))
        each = held.group_by(person).aggregate(
            [(name, "count_distinct", pc.CountOptions(mode="all")), ([], "count_all")]
        )
        several = each.filter(pc.greater(each.column("count_all"), 1))
        if not has_histories(len(several), HOLDERS):
            return
        changing = pc.sum(pc.greater(several.column(f"{name}_count_distinct"), 1)).as_py() or 0
        if not is_constant(changing, len(several), HOLDERS):
            raise InvalidRequestError(
                f"conditions: column {name!r}: expected a column that is constant for a person, as people have several "
                "records here; draw without this condition and keep the records that meet it"
            )
        rule = next((r for r in schema.rules.declared if isinstance(r, Order) and {name, order} == {*r.columns}), None)
        if rule is not None:
            raise InvalidRequestError(
                f"conditions: column {name!r}: expected a column that follows from no other, this one follows from "
                f"{order!r} by the rule {text_of_rule(rule)!r}; draw without it and keep the people who meet it"
            )


def check_kinds(blobs: Blobs, table: Stored, schema: TableSchema) -> None:
    """Raises InvalidRequestError where a column's values cannot be of the kind that the schema gives it."""
    with closing(blobs.open(table.key, table.sha256)) as source:
        stored = pq.ParquetFile(source).schema_arrow
    for column in schema:
        held = stored.field(column.name).type
        if column.value_form is None and not _can_be(held, column.kind):
            raise InvalidRequestError(
                f"columns: column {column.name!r} is stored as {held} and cannot be {column.kind.value}"
            )


def batches(source: Any, name: str) -> Iterator[pa.Array]:  # noqa: ANN401 - a file of any store
    """The column, from its start, some records at a time."""
    source.seek(0)
    file = pq.ParquetFile(source)
    for batch in file.iter_batches(batch_size=BATCH_RECORDS, columns=[name], use_threads=False):
        yield batch.column(0)


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


def _can_be(held: pa.DataType, kind: ColumnKind) -> bool:
    if pa.types.is_dictionary(held):
        held = held.value_type
    number = pa.types.is_integer(held) or pa.types.is_floating(held) or pa.types.is_decimal(held)
    moment = pa.types.is_timestamp(held) or pa.types.is_date(held)
    real = number and not pa.types.is_integer(held)
    allowed: Mapping[ColumnKind, bool] = {
        ColumnKind.NUMERICAL: number,
        ColumnKind.DATETIME: moment,
        ColumnKind.CATEGORICAL: not moment,
        ColumnKind.IDENTIFIER: not moment and not real,
    }
    return allowed[kind]
