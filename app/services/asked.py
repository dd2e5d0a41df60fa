"""Questions of a job that no table could answer are refused before the job is made."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from app.blobs import Blobs, Stored
from app.errors import InvalidRequestError
from app.services.columns import values_read
from app.services.conditions import batches, meant
from app.services.holders import Holders, least_of, read
from synth.fidelity.asked.aggregate import Aggregate, AskedError, Term, check_asked
from synth.fidelity.asked.parse import parse_asked
from synth.table.ranges import as_number
from synth.table.schema import TableSchema

FEWEST_WITH_VALUE = 20
"""People. A question is printed in the report, and so is the value that it names."""


def check_columns(schema: TableSchema, asked: Iterable[str]) -> tuple[Aggregate, ...]:
    """The questions. Raises InvalidRequestError, which names question and column, where one does not fit the schema."""
    try:
        aggregates = parse_asked(asked)
        check_asked(aggregates, schema)
    except AskedError as error:
        raise InvalidRequestError(str(error)) from None
    return aggregates


def names_values(schema: TableSchema, asked: Iterable[str]) -> bool:
    """Whether a question names a value, for which the table is read."""
    return any(each.values for each in check_columns(schema, asked))


def check_values(blobs: Blobs, table: Stored, schema: TableSchema, asked: Iterable[str]) -> None:
    """Raises InvalidRequestError where fewer than 20 people have a value that a question names.

    It is not told whether anybody has it. Only the columns named are read, batch by batch.
    """
    places = {
        term: (place, each.function)
        for place, each in reversed(list(enumerate(check_columns(schema, asked), start=1)))
        for term in each.values
    }
    if not places:
        return
    with closing(blobs.open(table.key, table.sha256)) as source:
        for term, (place, function) in places.items():
            least = least_of(blobs, table, FEWEST_WITH_VALUE, [term.column])
            if not _has_enough(source, term, schema, least):
                raise InvalidRequestError(
                    f"ask {place}, {function}: expected a value that {FEWEST_WITH_VALUE} people or more have in column "
                    f"{term.column!r}, got another one; write it as the table does, with zeros in front and capitals"
                )


def _has_enough(source: Any, term: Term, schema: TableSchema, least: int) -> bool:  # noqa: ANN401
    """Whether enough people have the value."""
    spec = schema[term.column]
    number = as_number(str(term.value)) if spec.kind.is_quantity else None
    text = "" if number is not None else meant(batches(source, term.column), str(term.value))
    found = Holders()
    for batch in read(source, schema, [term.column]):
        values = batch.column(term.column)
        found.add(batch, schema, _equal(values, text) if number is None else _same(values_read(values, spec), number))
    return found.behind >= least


def _same(values: pa.Array, number: float) -> pa.BooleanArray:
    return pc.fill_null(pc.equal(values.cast(pa.float64(), safe=False), float(number)), fill_value=False)


def _equal(values: pa.Array, text: str) -> pa.BooleanArray:
    """Which values are written like the text, by the same writing as `meant` compares."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    alike = [each for each in values.unique().to_pylist() if each is not None and str(each) == text]
    return pc.is_in(values, value_set=pa.array(alike, values.type))
