"""Croissant metadata of a release that was let out, read from its very file."""

from __future__ import annotations

from typing import Any

from app import croissant, store
from app.context import Backend, Caller
from app.croissant import Field, File
from app.db import reading
from app.services import releases
from app.states import ReleaseState

DESCRIPTION = (
    "{rows:,} synthetic records. They were drawn from a generator that was trained on a table about people, and "
    "attacked before they were released, under the policy {policy} with the verdict {verdict}. What was tried and "
    "what is not covered is in the release's report. Passing does not establish anonymity."
)


def croissant_of(backend: Backend, caller: Caller, release_id: str) -> dict[str, Any]:
    """The metadata. Raises NotReleasedError where the release is not out."""
    with reading(backend.engine) as session:
        row = store.release(session, caller.tenant_id, release_id)
    if row.state != ReleaseState.RELEASED:
        raise releases.not_released(row)
    stored = (
        ("data.csv", "text/csv", row.csv_key, row.csv_sha256),
        ("data.parquet", "application/vnd.apache.parquet", row.parquet_key, row.parquet_sha256),
    )
    return croissant.metadata(
        name=f"Synthetic table of {row.id}",
        description=DESCRIPTION.format(rows=row.rows, policy=row.policy, verdict=row.verdict),
        made=row.created_at,
        version="1.0.0",
        files=[
            File(name=name, media_type=kind, bytes=backend.blobs.size(key), sha256=sha256)
            for name, kind, key, sha256 in stored
        ],
        fields=_fields(backend, row.parquet_key, row.parquet_sha256),
    )


def _fields(backend: Backend, key: str, sha256: str) -> list[Field]:
    """The columns with their types, from the foot of the Parquet file."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - no other answer of the web process needs it

    with backend.blobs.open(key, sha256) as file:
        schema = pq.read_schema(file)
    return [Field(name=field.name, data_type=_type(field.type)) for field in schema]


def _type(of: Any) -> str:  # noqa: ANN401 - a type of Arrow
    import pyarrow.types as kinds  # noqa: PLC0415

    for is_one, name in (
        (kinds.is_boolean, "sc:Boolean"),
        (kinds.is_integer, "sc:Integer"),
        (kinds.is_floating, "sc:Float"),
        (kinds.is_decimal, "sc:Float"),
        (kinds.is_date, "sc:Date"),
        (kinds.is_timestamp, "sc:DateTime"),
    ):
        if is_one(of):
            return name
    return "sc:Text"
