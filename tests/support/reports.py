"""Report documents that are made without running an attack."""

from __future__ import annotations

import json
from typing import Any

from app.report.document import build
from app.stages.decide import decision_on
from privacy.audit import AuditResult
from tests.privacy.test_policy import result

LEAK = (0.2, 0.15, 0.25)


def document(audit: AuditResult | None = None, **facts: Any) -> dict[str, Any]:
    """The report of a run of which the audit alone is known."""
    found = result() if audit is None else audit
    facts = {"job_id": "job_1", "dataset_id": "ds_1", "dataset_name": "people.csv", **facts}
    parts: dict[str, Any] = {"split": {}, "training": {}, "fidelity": {}}
    decision = json.loads(json.dumps(decision_on(found, "internal")))
    return build(facts=facts, audit=json.loads(json.dumps(found.to_json())), decision=decision, **parts)


def document_bytes(audit: AuditResult | None = None, **facts: Any) -> bytes:
    """The same as a file."""
    return json.dumps(document(audit, **facts)).encode()
