"""Data sets, jobs and releases with real files, made without a worker."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from app.blobs import Stored
from app.db import transaction
from app.orm import DatasetRow, JobEventRow, JobRow, ModelRow, ReleaseRow, ReportRow, new_id
from app.states import JobKind, JobState, ReleaseState
from app.wire_jobs import JobOptions
from tests.support.web import Web

SCHEMA = [
    {"name": "age", "kind": "numerical", "role": "feature"},
    {"name": "city", "kind": "categorical", "role": "feature"},
    {"name": "code", "kind": "categorical", "role": "feature"},
    {"name": "joined", "kind": "datetime", "role": "feature"},
    {"name": "id", "kind": "identifier", "role": "person"},
]
CITIES = ("Oslo", "Bergen", "Tromso")


def table(rows: int = 200, *, gaps: bool = False, each: int = 1) -> pa.Table:
    """A small table about people who do not exist, `each` with so many records; with `gaps` not all say their age."""
    return pa.table(
        {
            "age": pa.array([None if gaps and i % 5 == 0 else 20 + i % 60 for i in range(rows)], pa.int64()),
            "city": pa.array([CITIES[i % 3] for i in range(rows)], pa.string()),
            "code": pa.array([i % 4 + 1 for i in range(rows)], pa.int64()),
            "joined": pa.array([i * 86_400_000_000 for i in range(rows)], pa.timestamp("us")),
            "id": pa.array([f"p{i // each:04d}" for i in range(rows)], pa.string()),
        }
    )


def add_dataset(
    web: Web, tmp_path: Path, *, tenant_id: str | None = None, rows: int = 200, gaps: bool = False, each: int = 1
) -> DatasetRow:
    """A data set as an upload leaves it. To the service each is another table: what is released from one is its own."""
    tenant_id = tenant_id or web.admin.tenant_id
    dataset_id = new_id("dataset")
    pq.write_table(
        table(rows, gaps=gaps, each=each).replace_schema_metadata({"dataset": dataset_id}), tmp_path / "table.parquet"
    )
    folder = f"{tenant_id}/datasets/{dataset_id}"
    stored = web.backend.blobs.put(f"{folder}/table.parquet", tmp_path / "table.parquet")
    preview = web.backend.blobs.put_bytes(f"{folder}/preview.json", json.dumps([["20", "Oslo"]]).encode())
    row = DatasetRow(
        id=dataset_id,
        tenant_id=tenant_id,
        name="people",
        upload_sha256=stored.sha256,
        upload_bytes=stored.bytes,
        rows=rows,
        table_schema=SCHEMA,
        source={"format": "parquet", "encoding": None, "delimiter": None, "warnings": []},
        table_key=stored.key,
        table_sha256=stored.sha256,
        preview_key=preview.key,
        preview_sha256=preview.sha256,
    )
    with transaction(web.backend.engine) as session:
        session.add(row)
    return row


def add_job(
    web: Web,
    dataset: DatasetRow,
    state: JobState,
    *,
    created_by: str | None = None,
    events: tuple[tuple[str, dict], ...] = (),
) -> JobRow:
    """A job in this state, with these events after its first one."""
    row = JobRow(
        id=new_id("job"),
        tenant_id=dataset.tenant_id,
        dataset_id=dataset.id,
        created_by=created_by or web.admin.key_id,
        kind=JobKind.SYNTHESIZE.value,
        state=state.value,
        options=JobOptions().model_dump(mode="json"),
        artifacts={},
    )
    with transaction(web.backend.engine) as session:
        session.add(row)
        session.flush()
        for kind, data in (("state", {"state": "queued"}), *events):
            session.add(JobEventRow(tenant_id=row.tenant_id, job_id=row.id, kind=kind, data=data))
    return row


def add_release(
    web: Web,
    tmp_path: Path,
    state: ReleaseState,
    *,
    dataset: DatasetRow | None = None,
    created_by: str | None = None,
    four_eyes: bool = False,
    verdict: str = "REVIEW",
    report: bytes = b'{"version": 1}',
    job: JobRow | None = None,
) -> ReleaseRow:
    """A finished job with its model, report and release, as a worker leaves them, files included.

    With `job` it is that one which is finished.
    """
    dataset = dataset or add_dataset(web, tmp_path)
    job = job or add_job(web, dataset, JobState.FINISHED, created_by=created_by)
    files = _files(web, tmp_path, f"{dataset.tenant_id}/jobs/{job.id}/1-sample", report)
    model = ModelRow(id=new_id("model"), tenant_id=job.tenant_id, dataset_id=dataset.id, job_id=job.id)
    report_row = ReportRow(
        id=new_id("report"),
        tenant_id=job.tenant_id,
        job_id=job.id,
        json_key=files["report"].key,
        html_key=files["page"].key,
        json_sha256=files["report"].sha256,
        html_sha256=files["page"].sha256,
    )
    release = ReleaseRow(
        id=new_id("release"),
        tenant_id=job.tenant_id,
        job_id=job.id,
        dataset_id=dataset.id,
        model_id=model.id,
        report_id=report_row.id,
        state=state.value,
        verdict=verdict,
        policy="internal",
        reasons=["membership inference reaches 0.61, the limit is 0.55"],
        four_eyes=four_eyes,
        rows=200,
        parquet_key=files["synthetic"].key,
        parquet_sha256=files["synthetic"].sha256,
        csv_key=files["csv"].key,
        csv_sha256=files["csv"].sha256,
    )
    with transaction(web.backend.engine) as session:
        for row in (model, report_row, release):
            session.add(row)
            session.flush()
        finished = session.get_one(JobRow, job.id)
        finished.release_id, finished.model_id = release.id, model.id
        finished.state, finished.fraction = JobState.FINISHED.value, 1.0
    return release


def _files(web: Web, tmp_path: Path, prefix: str, report: bytes) -> dict[str, Stored]:
    pq.write_table(table(), tmp_path / "synthetic.parquet")
    pyarrow.csv.write_csv(table(), tmp_path / "synthetic.csv")
    blobs = web.backend.blobs
    return {
        "synthetic": blobs.put(f"{prefix}/synthetic.parquet", tmp_path / "synthetic.parquet"),
        "csv": blobs.put(f"{prefix}/csv.csv", tmp_path / "synthetic.csv"),
        "weights": blobs.put_bytes(f"{prefix}/weights.safetensors", b"weights"),
        "report": blobs.put_bytes(f"{prefix}/report.json", report),
        "page": blobs.put_bytes(f"{prefix}/page.html", b"<!doctype html><title>Report</title>"),
    }
