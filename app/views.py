"""Rows as the bodies that answers carry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from app.orm import DatasetRow, JobRow, ModelRow, ReleaseRow
from app.wire import Column, Dataset, Model, Page, Release
from app.wire_jobs import Job, JobError, KeptOptions

Row = TypeVar("Row", DatasetRow, JobRow, ModelRow, ReleaseRow)
Item = TypeVar("Item")


def dataset(row: DatasetRow, preview: list[list[str | None]] | None = None) -> Dataset:
    """A data set; its preview holds cells of the table and is never kept with an answer."""
    return Dataset(
        id=row.id,
        name=row.name,
        sha256=row.upload_sha256,
        bytes=row.upload_bytes,
        rows=row.rows,
        columns=[Column.model_validate(column) for column in row.table_schema],
        format=row.source["format"],
        encoding=row.source["encoding"],
        delimiter=row.source["delimiter"],
        reading=row.source.get("reading", {}),
        warnings=row.source["warnings"],
        preview=preview,
        retention_days=row.retention_days,
        records_erased_at=row.records_erased_at,
        created_at=row.created_at,
    )


def job(row: JobRow) -> Job:
    """A job."""
    return Job(
        id=row.id,
        kind=row.kind,
        state=row.state,
        stage=row.stage,
        fraction=row.fraction,
        dataset_id=row.dataset_id,
        model_id=row.model_id,
        release_id=row.release_id,
        options=KeptOptions.model_validate({**row.options, "priority": row.priority}),
        error=JobError.model_validate(row.error) if row.error else None,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def model(row: ModelRow) -> Model:
    """A model."""
    return Model(id=row.id, dataset_id=row.dataset_id, job_id=row.job_id, created_at=row.created_at)


def release(row: ReleaseRow) -> Release:
    """A release."""
    return Release.model_validate({name: getattr(row, name) for name in Release.model_fields})


def page(rows: Sequence[Row], limit: int, view: Callable[[Row], Item]) -> Page[Item]:
    """The first `limit` rows; where there are more, the id of the last one shown is the cursor of the rest."""
    shown = rows[:limit]
    return Page(items=[view(row) for row in shown], next=shown[-1].id if len(rows) > limit else None)
