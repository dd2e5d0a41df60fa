"""Certificates of releases that were let out, signed when they are asked for.

The same release gives the same bytes until the service is upgraded (`signed_with`) or its key is renewed. Nothing calls
a certificate back: one that was given before its release was withdrawn still verifies offline.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import app
from app import certificate, signing, store
from app.context import Backend, Caller
from app.db import transaction
from app.orm import JobRow, ModelRow, ReleaseRow, ReportRow
from app.services import releases, reports
from app.states import ReleaseState
from app.trail import Kind, record

MODEL_FILES = {"weights": "model.safetensors", "model": "model.json"}
BY_POLICY = "policy"
"""Who decided, where the policy releases without a reviewer."""


def certificate_of(backend: Backend, caller: Caller, release_id: str) -> bytes:
    """The signed certificate. Raises NotReleasedError where the release is not out."""
    with transaction(backend.engine) as session:
        row = store.release(session, caller.tenant_id, release_id)
        if row.state != ReleaseState.RELEASED:
            raise releases.not_released(row)
        report = store.report(session, caller.tenant_id, row.report_id)
        model = session.get(ModelRow, row.model_id)
        trained = None if model is None else session.get(JobRow, model.job_id)
        record(session, row.tenant_id, caller.actor, Kind.CERTIFICATE_ISSUED, row.id)
    document = reports.report_document(backend, caller, row.report_id)
    said = certificate.statement(_subjects(row, report, trained), _predicate(row, document))
    return certificate.sign(said, signing.signing_key(backend.settings.home))


def public_keys(backend: Backend) -> dict[str, str]:
    """The public keys with which certificates of this installation are checked, by their ids."""
    return signing.public_keys(backend.settings.home)


def _subjects(row: ReleaseRow, report: ReportRow, trained: JobRow | None) -> dict[str, str]:
    files = {"data.csv": row.csv_sha256, "data.parquet": row.parquet_sha256, "report.json": report.json_sha256}
    artifacts = {} if trained is None else trained.artifacts
    return files | {
        name: str(artifacts[artifact]["sha256"]) for artifact, name in MODEL_FILES.items() if artifact in artifacts
    }


def _predicate(row: ReleaseRow, document: Mapping[str, Any]) -> dict[str, Any]:
    verdict = document.get("verdict", {})
    made_by = {fact["name"]: fact["value"] for fact in document.get("protocol", {}).get("versions", [])}
    return {
        "release": row.id,
        "job": row.job_id,
        "dataset": row.dataset_id,
        "model": row.model_id,
        "records": row.rows,
        "verdict": row.verdict,
        "policy": {"name": row.policy, "version": verdict.get("policy_version"), "four_eyes": row.four_eyes},
        "decision": {
            "action": "approve",
            "by": row.decided_by or BY_POLICY,
            "name": row.decided_by_name,
            "person": row.decided_by_person,
            "at": None if row.decided_at is None else row.decided_at.isoformat(),
            "reason": row.decision_reason,
        },
        "statement": verdict.get("statement"),
        "code": {"made_with": made_by.get("code"), "signed_with": app.__version__},
    }
