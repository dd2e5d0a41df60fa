"""The last act of a job: one transaction in which the synthetic table gets its report, its state and its owner."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.blobs import Blobs
from app.db import transaction
from app.jobs import ledger, rows, tasks
from app.jobs.earlier import released_before
from app.jobs.people import sharing_people
from app.orm import DatasetRow, JobRow, ModelRow, ReleaseRow, ReportRow, new_id, now
from app.states import JobKind, ReleaseState
from app.trail import WORKER, Kind, record

VERDICT_STATES: Mapping[str, ReleaseState] = {
    "PASS": ReleaseState.IN_REVIEW,
    "REVIEW": ReleaseState.IN_REVIEW,
    "BLOCK": ReleaseState.BLOCKED,
    "VOID": ReleaseState.VOID,
    "INSUFFICIENT": ReleaseState.VOID,
}

REFUSED_BEFORE = (
    "A table from some of the same people was blocked or rejected before, so a person decides: trying again with "
    "another seed or policy until one passes is not a pass."
)

RELEASED_SINCE = (
    "Another table from some of the same people was released while this one was attacked, so it does not go out: the "
    "two were not attacked together. Run the job again."
)


def state_after(decision: Mapping[str, Any]) -> ReleaseState:
    """The state in which a release begins. Raises KeyError for a verdict that nobody knows."""
    state = VERDICT_STATES[decision["verdict"]]
    return ReleaseState.RELEASED if decision["verdict"] == "PASS" and decision["auto_release"] is True else state


def release(engine: Engine, blobs: Blobs, job_id: str) -> bool:
    """Create the model, the report and the release of a running job, and finish it. False where it does not run.

    A use has none of these, and is finished.
    """
    artifacts = ledger.artifacts_of(engine, job_id)
    if artifacts is None:
        return False
    if ledger.kind_of(engine, job_id) is JobKind.USE:
        return _ended(engine, blobs, job_id)
    decision, sampled = (_read(blobs, artifacts[name]) for name in ("decision", "sampled"))
    with transaction(engine) as session:
        job = ledger.running_job(session, job_id)
        if job is None:
            return False
        if job.kind == JobKind.SYNTHESIZE:
            _add_model(session, job)
        report = _report_row(job)
        session.add(report)
        session.flush()
        made = _release_row(job, report, decision, rows=int(sampled["rows"]))
        if made.state == ReleaseState.RELEASED and _was_refused(session, job):
            _send_to_review(made, REFUSED_BEFORE)
        if made.state == ReleaseState.RELEASED and len(released_before(session, job, lock=True)) > made.earlier:
            _send_to_review(made, RELEASED_SINCE)
        session.add(made)
        job.release_id = made.id
        job.artifacts = {name: artifact for name, artifact in job.artifacts.items() if name != ledger.CHECKPOINT}
        kept = {artifact["key"] for artifact in job.artifacts.values()}
        facts = {"state": made.state, "verdict": made.verdict, "policy": made.policy, "report": report.id}
        hashes = {"csv_sha256": made.csv_sha256, "report_sha256": report.json_sha256}
        record(session, job.tenant_id, WORKER, Kind.RELEASE_CREATED, made.id, job=job.id, **facts, **hashes)
        ledger.finish(session, job)
    # checkpoints hold exact tables of the training records; neither they nor overtaken attempts are needed any more
    blobs.delete_prefix(f"{job.tenant_id}/jobs/{job.id}", keep=kept)
    return True


def _ended(engine: Engine, blobs: Blobs, job_id: str) -> bool:
    """Finish a running job that makes no release. False where it does not run, or used a withdrawn release."""
    with transaction(engine) as session:
        job = ledger.running_job(session, job_id)
        if job is None or rows.has_lost_its_release(session, job):
            return False
        job.artifacts = {name: artifact for name, artifact in job.artifacts.items() if name != ledger.CHECKPOINT}
        kept = {artifact["key"] for artifact in job.artifacts.values()}
        ledger.finish(session, job)
    blobs.delete_prefix(f"{job.tenant_id}/jobs/{job.id}", keep=kept)
    return True


def _read(blobs: Blobs, artifact: Mapping[str, Any]) -> Mapping[str, Any]:
    """A small artifact. Raises ArtifactChangedError where it is not what was published."""
    data = blobs.read(artifact["key"], artifact["sha256"])
    document: Mapping[str, Any] = json.loads(data)
    return document


def _was_refused(session: Session, job: JobRow) -> bool:
    """Whether a table from some of the job's people was blocked or rejected before, whatever the upload or policy."""
    dataset = session.get_one(DatasetRow, job.dataset_id)
    refused = (
        select(ReleaseRow.id)
        .where(ReleaseRow.tenant_id == job.tenant_id, ReleaseRow.dataset_id.in_(sharing_people(dataset)))
        .where(ReleaseRow.state.in_([ReleaseState.BLOCKED.value, ReleaseState.REJECTED.value]))
    )
    return session.scalar(refused.limit(1)) is not None


def _add_model(session: Session, job: JobRow) -> None:
    model = ModelRow(id=tasks.model_id_of(job.id), tenant_id=job.tenant_id, dataset_id=job.dataset_id, job_id=job.id)
    session.add(model)
    session.flush()
    job.model_id = model.id


def _report_row(job: JobRow) -> ReportRow:
    report, page = job.artifacts["report"], job.artifacts["page"]
    return ReportRow(
        id=new_id("report"),
        tenant_id=job.tenant_id,
        job_id=job.id,
        json_key=report["key"],
        html_key=page["key"],
        json_sha256=report["sha256"],
        html_sha256=page["sha256"],
    )


def _send_to_review(made: ReleaseRow, reason: str) -> None:
    """Have a person decide on a release that the policy would let go."""
    made.state, made.decided_at = ReleaseState.IN_REVIEW, None
    made.reasons = [*made.reasons, reason]


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
        earlier=int(decision.get("tables", 1)) - 1 + int(decision.get("not_attacked", 0)),
        decided_at=now() if state is ReleaseState.RELEASED else None,
    )
