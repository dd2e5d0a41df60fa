"""What the columns of a data set cannot do for a job is refused before the job is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from app.blobs import Blobs, Stored
from app.config import Settings
from app.errors import InvalidRequestError
from app.wire_jobs import JobOptions
from synth.errors import RuleError, SchemaError
from synth.rules.rule import Unique
from synth.table.schema import ColumnKind, ColumnRole, ColumnSpec, TableSchema


def check_rows(settings: Settings, rows: int | None) -> None:
    """Raises InvalidRequestError where more synthetic records are asked for than one job may draw."""
    if rows is not None and rows > settings.max_sample_rows:
        raise InvalidRequestError(f"rows: expected 1 to {settings.max_sample_rows}, got more")


def check_target(schema: TableSchema, target: str | None) -> None:
    """Raises InvalidRequestError where the target is not a column that a model could predict."""
    if target is None:
        return
    if target not in schema.names:
        raise InvalidRequestError(
            f"target: expected one of the {len(schema)} columns of the data set, there is no column {target!r}"
        )
    if not schema[target].kind.is_learnt:
        raise InvalidRequestError("target: expected a column that is learnt, got an identifier")


def check_person(schema: TableSchema, person: str | None) -> None:
    """Raises InvalidRequestError where the person column is not one that can name people."""
    if person is None:
        return
    if person not in schema.names:
        raise InvalidRequestError(
            f"person: expected one of the {len(schema)} columns of the data set, there is no column {person!r}"
        )
    if schema[person].kind.is_moment:
        raise InvalidRequestError("person: expected a column of text or integers, got one of kind datetime")


def check_order(schema: TableSchema, order: str | None) -> None:
    """Raises InvalidRequestError where the column cannot order the records of a person."""
    if order is None:
        return
    if order not in schema.names:
        raise InvalidRequestError(
            f"order: expected one of the {len(schema)} columns of the data set, there is no column {order!r}"
        )
    if not schema[order].kind.is_quantity:
        raise InvalidRequestError(f"order: expected a column of dates or numbers, got one of kind {schema[order].kind}")
    if schema.with_role(ColumnRole.PERSON) is None:
        raise InvalidRequestError("order: expected a person column beside it, as it orders the records of a person")


def check_learnable(schema: TableSchema) -> None:
    """Raises InvalidRequestError where no column is left to learn."""
    if not schema.learnt:
        raise InvalidRequestError("columns: expected at least one that is not an identifier, got none")


def check_attacked(schema: TableSchema, secrets: Sequence[str], source: Sequence[str]) -> None:
    """Raises InvalidRequestError where secrets or a source name what no attack can use, or leave a source nothing.

    A secret that is constant is no reason: the attack says so in its finding.
    """
    usable = set(schema.learnt)
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


def check_rules(schema: TableSchema, options: JobOptions) -> TableSchema:
    """The schema with the rules that the job declares.

    Raises InvalidRequestError where one cannot be read, is about columns that are not there or are made up, or is a
    unique rule of which no column may be moved, whatever the values are.
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
        hidden = [name for name in rule.columns if not schema[name].kind.is_learnt]
        if hidden and not isinstance(rule, Unique):
            raise InvalidRequestError(
                f"rules: rule {place}: expected columns that are learnt, {hidden[0]!r} is an identifier"
            )
        if isinstance(rule, Unique) and not _can_be_kept_apart(ruled, rule):
            raise InvalidRequestError(
                f"rules: rule {place}: expected a column of plain numbers or dates that may be moved where it repeats, "
                "in no other rule, no target and no order of records; got none: name one more column"
            )
    return ruled


def _can_be_kept_apart(schema: TableSchema, rule: Unique) -> bool:
    """Whether some column of a unique rule is one that may be moved, or is made up anew for each record."""
    elsewhere = {name for other in schema.rules.declared if other != rule for name in other.columns}
    for spec in (schema[name] for name in rule.columns):
        if spec.kind is ColumnKind.IDENTIFIER and spec.role is not ColumnRole.PERSON:
            return True
        plain = spec.kind.is_quantity and spec.value_form is None and not spec.markers
        if plain and spec.role is ColumnRole.FEATURE and spec.name not in elsewhere:
            return True
    return False


def check_gaps(blobs: Blobs, table: Stored, schema: TableSchema) -> None:
    """Raises InvalidRequestError where the stored table has a value in each cell of all columns that are learnt.

    A column that is written in a way of its own may miss a value: its texts are not read here, and the job finds out.
    """
    with closing(blobs.open(table.key, table.sha256)) as source:
        file = pq.ParquetFile(source)
        if not any(_may_miss(file, schema[name]) for name in schema.learnt):
            raise InvalidRequestError(
                "dataset_id: expected a table with missing cells in columns that are learnt, got one without"
            )


def _may_miss(file: pq.ParquetFile, spec: ColumnSpec) -> bool:
    """Whether a value of a stored column is missing, or may be; a float that is no number is."""
    if spec.is_written:
        return True
    place = file.schema_arrow.get_field_index(spec.name)
    if not pa.types.is_floating(file.schema_arrow.field(place).type):
        told = [file.metadata.row_group(n).column(place).statistics for n in range(file.num_row_groups)]
        if all(each is not None and each.has_null_count for each in told):
            return any(each.null_count > 0 for each in told)
    column = file.read(columns=[spec.name], use_threads=False).column(spec.name)
    return bool(pc.any(pc.is_null(column, nan_is_null=True)).as_py())


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
