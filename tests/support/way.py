"""Whole jobs, stage after stage, as a worker walks them: each in a child process of its own, files and rows real."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from app.blobs import open_blobs
from app.db import transaction
from app.jobs.release import release
from app.jobs.worker_context import WorkerContext
from app.jobs.workflow import DONE, run_stage
from app.orm import ReleaseRow
from app.pipeline import WAYS
from app.states import JobKind
from tests.support.jobs import ROOT, Shop

COLUMNS = ("age", "fnlwgt", "education", "occupation", "hours_per_week", "income")
"""Few, so that a whole job takes half a minute. With `fnlwgt` a record is its person's alone."""


def adult(folder: Path, records: int) -> tuple[bytes, list[dict[str, str]]]:
    """The first records of the example, in some of its columns, as a stored table, and its schema."""
    with gzip.open(ROOT / "examples" / "adult.csv.gz", "rt") as file:
        frame = pd.read_csv(file, nrows=records, usecols=list(COLUMNS))
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), folder / "adult.parquet")
    kinds = {name: "categorical" if frame[name].dtype == object else "numerical" for name in frame.columns}
    schema = [{"name": name, "kind": kind, "role": "feature"} for name, kind in kinds.items()]
    return (folder / "adult.parquet").read_bytes(), schema


def walked(shop: Shop, job_id: str, *, kind: JobKind = JobKind.SYNTHESIZE) -> ReleaseRow:
    """The release of the job after all its stages. Fails where a stage does not end well."""
    blobs = open_blobs(shop.settings)
    context = WorkerContext(settings=shop.settings, database=shop.engine, blobs=blobs)
    for stage in WAYS[kind]:
        assert asyncio.run(run_stage(context, job_id, stage.name)) == DONE, shop.row(job_id).error
    assert release(shop.engine, blobs, job_id)
    with transaction(shop.engine) as session:
        return session.get_one(ReleaseRow, shop.row(job_id).release_id)


def published(shop: Shop, job_id: str, name: str) -> dict[str, Any]:
    """What the job's stages published under this name."""
    content: dict[str, Any] = json.loads(published_bytes(shop, job_id, name))
    return content


def published_bytes(shop: Shop, job_id: str, name: str) -> bytes:
    """The bytes of what the job's stages published under this name."""
    artifact = shop.row(job_id).artifacts[name]
    return open_blobs(shop.settings).read(artifact["key"], artifact["sha256"])
