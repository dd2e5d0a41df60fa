"""The last act of a job: one transaction in which the synthetic table gets its report, its state and its owner."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.blobs import Blobs
from app.db import transaction
from app.jobs import ledger
from app.orm import JobRow, ModelRow, ReleaseRow, ReportRow, new_id, now
from app.states import JobKind, ReleaseState

VERDICT_STATES: Mapping[str, ReleaseState] = {
    "PASS": ReleaseState.IN_REVIEW,
    "REVIEW": ReleaseState.IN_REVIEW,
    "BLOCK": ReleaseState.BLOCKED,
    "VOID": ReleaseState.VOID,
    "INSUFFICIENT": ReleaseState.VOID,
}


def state_after(decision: Mapping[str, Any]) -> ReleaseState:
    """The state in which a release begins. Raises KeyError for a verdict that nobody knows."""
    state = VERDICT_STATES[decision["verdict"]]
    return ReleaseState.RELEASED if decision["verdict"] == "PASS" and decision["auto_release"] is True else state


def release(engine: Engine, blobs: Blobs, job_id: str) -> bool:
    """Create the model, the report and the release of a running job, and finish it. False where it does not run."""
    artifacts = ledger.artifacts_of(engine, job_id)
    if artifacts is None:
        return False
    decision = json.loads(blobs.read(artifacts["decision"]["key"]))
    sampled = json.loads(blobs.read(artifacts["sampled"]["key"]))
    with transaction(engine) as session:
        job = ledger.running_job(session, job_id)
        if job is None:
            return False
        if job.kind == JobKind.SYNTHESIZE:
            _add_model(session, job)
        report = ReportRow(
            id=new_id("report"),
            tenant_id=job.tenant_id,
            job_id=job.id,
            json_key=job.artifacts["report"]["key"],
            html_key=job.artifacts["page"]["key"],
            json_sha256=job.artifacts["report"]["sha256"],
        )
        session.add(report)
        session.flush()
        made = _release_row(job, report, decision, rows=int(sampled["rows"]))
        session.add(made)
        job.release_id = made.id
        ledger.finish(session, job)
        return True


def _add_model(session: Session, job: JobRow) -> None:
    model = ModelRow(id=ledger.model_id_of(job.id), tenant_id=job.tenant_id, dataset_id=job.dataset_id, job_id=job.id)
    session.add(model)
    session.flush()
    job.model_id = model.id


def _release_row(job: JobRow, report: ReportRow, decision: Mapping[str, Any], *, rows: int) -> ReleaseRow:
    state = state_after(decision)
    if job.model_id is None:
        raise ValueError("expected a job that has a model")
    return ReleaseRow(
        id=new_id("release"),
        tenant_id=job.tenant_id,
        job_id=job.id,
        dataset_id=job.dataset_id,
        model_id=job.model_id,
        report_id=report.id,
        state=state,
        verdict=decision["verdict"],
        policy=decision["policy"],
        reasons=list(decision["reasons"]),
        four_eyes=decision["four_eyes"] is not False,
        rows=rows,
        parquet_key=job.artifacts["synthetic"]["key"],
        parquet_sha256=job.artifacts["synthetic"]["sha256"],
        csv_key=job.artifacts["csv"]["key"],
        csv_sha256=job.artifacts["csv"]["sha256"],
        decided_at=now() if state is ReleaseState.RELEASED else None,
    )
