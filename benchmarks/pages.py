"""How long each page takes with 10,000 jobs in the database, on SQLite and on PostgreSQL.

    python -m benchmarks.pages --out pages.json

The web process, its database and HTTP are the real ones; the jobs, models, releases and reports are rows that no worker
has made. Times are milliseconds from the request to the last byte of the page, on loopback, one request at a time.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import insert, update

from app.config import Settings
from app.db import migrate, transaction
from app.orm import JobEventRow, JobRow, ModelRow, ReleaseRow, ReportRow
from app.states import JobState, ReleaseState
from app.wire_jobs import JobOptions
from tests.app.pages.test_pages import browser
from tests.support.postgres import binaries_or_skip, run_server
from tests.support.reports import document_bytes
from tests.support.rows import add_dataset, add_release
from tests.support.web import Web, serve

JOBS = 10_000
EVENTS = 1_500
"""Of the job whose page is asked for."""
LIMIT_MS = 150.0
STATES = (JobState.FINISHED, JobState.FAILED, JobState.CANCELLED, JobState.FINISHED)
RELEASES = (ReleaseState.RELEASED, ReleaseState.REJECTED, ReleaseState.BLOCKED, ReleaseState.IN_REVIEW)


def fill(web: Web, folder: Path, jobs: int) -> dict[str, str]:
    """Rows of so many jobs; gives the pages to ask for, by name."""
    sets = [add_dataset(web, folder) for _ in range(20)]
    asked = add_release(web, folder, ReleaseState.IN_REVIEW, dataset=sets[0], report=document_bytes(), verdict="PASS")
    tenant, options = web.admin.tenant_id, JobOptions().model_dump(mode="json")
    rows: dict[type, list[dict[str, Any]]] = {kind: [] for kind in (ModelRow, JobRow, ReportRow, ReleaseRow)}
    for place in range(jobs):
        dataset, at = sets[place % len(sets)], f"{place:014x}{place:018x}"
        state = STATES[place % len(STATES)] if place < jobs - 3 else JobState.RUNNING
        model = {"id": f"model_{at}", "tenant_id": tenant, "dataset_id": dataset.id, "job_id": f"job_{at}"}
        rows[ModelRow].append(model)
        artifacts = {
            name: {"key": f"{tenant}/jobs/{at}/{name}", "bytes": 1, "sha256": "0" * 64}
            for name in ("split", "assignment", "weights", "model", "training", "synthetic", "csv", "sampled", "report")
        }
        job = {"id": f"job_{at}", "tenant_id": tenant, "dataset_id": dataset.id, "model_id": model["id"]}
        job |= {"created_by": web.admin.key_id, "kind": "synthesize", "state": state.value, "stage": "train"}
        rows[JobRow].append(job | {"fraction": 0.4, "options": options, "artifacts": artifacts})
        if state is JobState.FINISHED:
            rows[ReportRow].append(_report(asked, at, tenant))
            rows[ReleaseRow].append(_release(asked, at, tenant, dataset.id, RELEASES[place // 4 % len(RELEASES)]))
    newest = f"job_{jobs - 1:014x}{jobs - 1:018x}"
    with transaction(web.backend.engine) as session:
        for kind, values in rows.items():
            session.execute(insert(kind), values)
        session.execute(insert(JobEventRow), [_event(tenant, newest, place) for place in range(EVENTS)])
        session.execute(update(JobRow).where(JobRow.id == newest).values(state=JobState.RUNNING.value))
    middle = f"job_{jobs // 2:014x}{jobs // 2:018x}"
    return {
        "home": "/",
        "data sets": "/datasets",
        "upload": "/datasets/new",
        "data set": f"/datasets/{sets[0].id}",
        "schema": f"/datasets/{sets[0].id}/schema",
        "reading": f"/datasets/{sets[0].id}/reading",
        "delete": f"/datasets/{sets[0].id}/delete",
        "jobs": "/jobs",
        "jobs, failed": "/jobs?state=failed",
        "jobs, running": "/jobs?state=running",
        "jobs, older": f"/jobs?cursor={middle}",
        "job": f"/jobs/{newest}",
        "job, new": f"/jobs/new?dataset={sets[0].id}",
        "cancel": f"/jobs/{newest}/cancel",
        "compare": f"/jobs/compare?job={newest}&job={asked.job_id}",
        "models": "/models",
        "models, older": f"/models?cursor={middle.replace('job', 'model')}",
        "sample": f"/models/{asked.model_id}/samples",
        "review queue": "/releases",
        "releases": "/releases?state=all",
        "releases, withdrawn": "/releases?state=withdrawn",
        "release": f"/releases/{asked.id}",
        "sign in": "/sign-in",
    }


def _report(like: ReleaseRow, at: str, tenant: str) -> dict[str, Any]:
    files = {"json_key": like.csv_key, "html_key": like.csv_key, "json_sha256": "0" * 64, "html_sha256": "0" * 64}
    return {"id": f"report_{at}", "tenant_id": tenant, "job_id": f"job_{at}", **files}


def _release(like: ReleaseRow, at: str, tenant: str, dataset: str, state: ReleaseState) -> dict[str, Any]:
    kept = ("verdict", "policy", "reasons", "four_eyes", "rows", "csv_key", "csv_sha256", "parquet_key")
    ids = {"id": f"release_{at}", "job_id": f"job_{at}", "model_id": f"model_{at}", "report_id": f"report_{at}"}
    same = {name: getattr(like, name) for name in (*kept, "parquet_sha256")}
    return {**same, **ids, "tenant_id": tenant, "dataset_id": dataset, "state": state.value}


def _event(tenant: str, job: str, place: int) -> dict[str, Any]:
    figures = {"step": place, "steps": EVENTS, "tables": 2.0 / (1 + place), "condition": 0.5}
    data = {"stage": "train", "fraction": 0.4, "stage_fraction": 0.6, "message": "training", "figures": figures}
    return {"tenant_id": tenant, "job_id": job, "kind": "progress", "data": data}


def measure(client: httpx2.Client, path: str, times: int) -> dict[str, float]:
    """Median and 95th percentile in milliseconds, and the bytes of the page."""
    took, size = [], 0
    for _ in range(times + 1):  # the first fills the caches
        begun = time.perf_counter()
        answer = client.get(path)
        took.append(1000 * (time.perf_counter() - begun))
        if answer.status_code != 200:
            raise SystemExit(f"{path}: expected 200, got {answer.status_code}")
        size = len(answer.content)
    took = sorted(took[1:])
    return {"median_ms": statistics.median(took), "p95_ms": took[int(0.95 * (len(took) - 1))], "bytes": float(size)}


@contextmanager
def database(kind: str) -> Iterator[str]:
    """The address of a fresh database; empty for SQLite."""
    with nullcontext() if kind == "sqlite" else run_server(binaries_or_skip()) as server:
        if server is None:
            yield ""
            return
        with server.database() as url:
            yield url


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--times", type=int, default=15)
    options = parser.parse_args()
    results: dict[str, dict[str, dict[str, float]]] = {}
    for kind in ("sqlite", "postgres"):
        with tempfile.TemporaryDirectory() as name, database(kind) as url:
            folder = Path(name)
            settings = Settings(home=folder / "home", database_url=url, device="cpu")
            settings.home.mkdir()
            migrate(settings)
            with serve(settings) as web:
                pages = fill(web, folder, options.jobs)
                with browser(web, web.admin) as client:
                    found = {page: measure(client, path, options.times) for page, path in pages.items()}
        results[kind] = found
        for page, each in found.items():
            mark = "  over" if each["median_ms"] > LIMIT_MS else ""
            print(f"{kind:<9}{page:<22}{each['median_ms']:8.1f} {each['p95_ms']:8.1f} ms {each['bytes']:9,.0f} B{mark}")
    if options.out:
        options.out.write_text(json.dumps({"jobs": options.jobs, "pages": results}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
