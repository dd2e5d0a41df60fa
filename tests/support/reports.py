"""Report documents that are made without running an attack."""

from __future__ import annotations

import json
from typing import Any

from app.report.document import build
from app.stages.decide import decision_on
from privacy.audit import AuditResult
from tests.privacy.test_policy import result

LEAK = (0.2, 0.15, 0.25)


def judged(audit: AuditResult | None = None) -> dict[str, Any]:
    """Audit and decision as the stages publish them."""
    found = result() if audit is None else audit
    parts: dict[str, Any] = json.loads(
        json.dumps({"audit": found.to_json(), "decision": decision_on(found, "internal")})
    )
    return parts


def document(audit: AuditResult | None = None, **facts: Any) -> dict[str, Any]:
    """The report of a run of which the audit alone is known."""
    facts = {"job_id": "job_1", "dataset_id": "ds_1", "dataset_name": "people.csv", **facts}
    parts: dict[str, Any] = {"split": {}, "training": {}, "fidelity": {}}
    return build(facts=facts, **judged(audit), **parts)


def document_bytes(audit: AuditResult | None = None, **facts: Any) -> bytes:
    """The same as a file."""
    return json.dumps(document(audit, **facts)).encode()
