"""What a user corrects in the schema that was proposed for a table."""

from __future__ import annotations

from collections.abc import Sequence

from app import store, views
from app.blobs import Blobs, Stored
from app.context import Backend, Caller
from app.db import reading, transaction
from app.errors import SchemaChangedError
from app.idempotency import fingerprint
from app.services import checks
from app.services.columns import column_content
from app.services.datasets import expect_unchanged, expect_unused, note_read, table_of
from app.trail import Kind, record
from app.wire import Column, Dataset, SchemaRequest
from synth.detect.correct import Said, correct
from synth.table.schema import TableSchema


def schema_version(columns: Sequence[Column]) -> str:
    """What tells this schema from any other of the same table."""
    return fingerprint(*(column.model_dump(mode="json") for column in columns))


def correct_schema(
    backend: Backend, caller: Caller, dataset_id: str, request: SchemaRequest, seen: str | None = None
) -> Dataset:
    """The data set with the corrected columns. `seen` is the version of the schema that the caller looked at.

    Raises ConflictError once a job has used the schema: models and releases that come from it must stay explicable.
    Raises SchemaChangedError where the schema is not the one that the caller looked at.
    """
    with reading(backend.engine) as session:
        row = store.records(session, caller.tenant_id, dataset_id)
    if seen is not None and seen != schema_version(views.dataset(row).columns):
        raise SchemaChangedError(
            "expected the schema as it is now, got corrections of an earlier one: look at it again"
        )
    said = Said(
        kinds={c.name: c.kind for c in request.columns if c.kind is not None},
        roles={c.name: c.role for c in request.columns if c.role is not None},
        missing={c.name: c.missing for c in request.columns if c.missing},
    )
    note_read(backend, caller, row, "correction")
    schema = correct_by_table(TableSchema.from_json(row.table_schema), said, backend.blobs, table_of(row))
    with transaction(backend.engine) as session:
        current = store.records(session, caller.tenant_id, dataset_id, lock=True)
        if current.table_schema != row.table_schema:
            raise SchemaChangedError("expected a schema that nobody else changes, got one that was changed meanwhile")
        expect_unchanged(current, row.table_key)
        expect_unused(session, caller, dataset_id)
        current.table_schema = schema.to_json()
        columns = len(request.columns)
        record(session, row.tenant_id, caller.actor, Kind.DATASET_CORRECTED, row.id, columns=columns)
        return views.dataset(current)


def correct_by_table(schema: TableSchema, said: Said, blobs: Blobs, table: Stored) -> TableSchema:
    """The schema with what was said of its columns. Raises SchemaError or InvalidRequestError where that cannot be."""
    schema = correct(schema, said, lambda name: column_content(blobs, table, name))
    checks.check_learnable(schema)
    checks.check_kinds(blobs, table, schema)
    return schema
