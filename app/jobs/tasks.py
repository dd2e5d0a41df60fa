"""The task of an attempt at a stage: all that the child process is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.orm import Session

import app
from app.jobs.earlier import inputs_of_earlier, released_before
from app.orm import DatasetRow, JobRow, ModelRow, ReleaseRow
from app.pipeline import ATTACK, EARLIER_APART, LIKE
from app.states import JobKind
from app.task import Task
from app.wire_jobs import KeptOptions

FROM_MODEL = ("split", "assignment", "weights", "model", "training")
"""What a `sample` job takes over from the job that trained the model."""
MODEL_ALONE = ("weights", "model")
"""What a use takes over from it."""


def task_of(session: Session, job: JobRow, stage: str) -> Task:
    """The task of the job's present attempt at the stage."""
    dataset = session.get_one(DatasetRow, job.dataset_id)
    artifacts = {**_inherited(session, job), **job.artifacts}
    earlier = released_before(session, job) if stage == ATTACK.name else None
    return Task(
        job_id=job.id,
        tenant_id=job.tenant_id,
        dataset_id=job.dataset_id,
        kind=JobKind(job.kind),
        stage=stage,
        attempt=job.attempt,
        prefix=f"{job.tenant_id}/jobs/{job.id}/{job.attempt}-{stage}",
        schema=dataset.table_schema,
        options=job.options,
        inputs={
            **_records(session, job, dataset),
            **references(artifacts),
            **({} if earlier is None else inputs_of_earlier(session, earlier)),
        },
        facts={
            "job_id": job.id,
            "dataset_id": dataset.id,
            "dataset_name": dataset.name,
            "upload_sha256": dataset.upload_sha256,
            "code_version": app.__version__,
            "options": job.options,
            "schema": dataset.table_schema,
            "delimiter": dataset.source["delimiter"],
            "created_at": job.created_at.isoformat(),
            "model_id": job.model_id or model_id_of(job.id),
            "artifacts": {name: artifact["sha256"] for name, artifact in artifacts.items()},
            **({} if earlier is None else {EARLIER_APART: len(earlier.apart)}),
        },
    )


def _records(session: Session, job: JobRow, dataset: DatasetRow) -> dict[str, Mapping[str, str]]:
    """`{key, sha256}` of the records that the job is about: of its data set, or of the release that a use names."""
    use = KeptOptions.model_validate(job.options).use if job.kind == JobKind.USE else None
    if use is not None and use.release_id is not None:
        release = session.get_one(ReleaseRow, use.release_id)
        return {"synthetic": {"key": release.parquet_key, "sha256": release.parquet_sha256}}
    found: dict[str, Mapping[str, str]] = {"table": {"key": dataset.table_key, "sha256": dataset.table_sha256}}
    if use is not None and use.like is not None:
        like = session.get_one(DatasetRow, use.like)
        found[LIKE] = {"key": like.table_key, "sha256": like.table_sha256}
    return found


def references(
    artifacts: Mapping[str, Any], chosen: Callable[[str], bool] = lambda _: True
) -> dict[str, Mapping[str, str]]:
    """`{key, sha256}` of the chosen artifacts, by name."""
    return {name: {"key": each["key"], "sha256": each["sha256"]} for name, each in artifacts.items() if chosen(name)}


def model_id_of(job_id: str) -> str:
    """The id of the model that a `synthesize` job trains: known before it exists, so that the report can name it."""
    return f"model_{job_id.rpartition('_')[2]}"


def _inherited(session: Session, job: JobRow) -> Mapping[str, Any]:
    """What a `sample` job or a use takes over from the job that trained its model."""
    names = {JobKind.SAMPLE: FROM_MODEL, JobKind.USE: MODEL_ALONE}.get(JobKind(job.kind), ())
    if not names or job.model_id is None:
        return {}
    trained = session.get_one(JobRow, session.get_one(ModelRow, job.model_id).job_id)
    return {name: trained.artifacts[name] for name in names}
