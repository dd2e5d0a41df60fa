"""Shadow models are trained where the policy asks for them; where they are not, the audit says why."""

from __future__ import annotations

import io

import numpy as np
import pytest

from app.blobs import open_blobs
from app.config import Settings
from app.desk import Desk
from app.stages.shadow import _rising, attack_with_shadows, why_not
from app.states import JobKind
from app.task import Task
from privacy.attacks.shadow import not_run
from privacy.audit import AuditResult
from privacy.finding import FindingStatus, Verdict
from privacy.limits import load_policy
from privacy.policy import decide
from tests.privacy import adult


def desk(tmp_path, policy: str) -> Desk:
    settings = Settings(home=tmp_path / "home", device="cpu")
    tables = adult.fresh(0, n=300, reference=100)
    task = Task(
        job_id="job_1",
        tenant_id="t",
        kind=JobKind.SYNTHESIZE,
        stage="attack",
        attempt=1,
        prefix="t/jobs/job_1/1-attack",
        schema=tables.schema.to_json(),
        options={"policy": policy},
        inputs={},
    )
    return Desk(task=task, settings=settings, blobs=open_blobs(settings), folder=tmp_path, out=io.StringIO())


def test_only_a_policy_that_requires_them_has_shadow_models_trained():
    assert why_not(load_policy("public"), "cuda") == ""
    assert "does not ask" in why_not(load_policy("internal"), "cuda")
    assert "accelerator" in why_not(load_policy("public"), "cpu")


@pytest.mark.parametrize(("policy", "reason"), [("internal", "does not ask"), ("public", "accelerator")])
def test_what_is_left_out_is_a_finding_with_the_reason(tmp_path, policy: str, reason: str):
    (finding,) = attack_with_shadows(desk(tmp_path, policy), adult.fresh(0, n=300, reference=100), lambda *_: None)
    assert finding.key == "shadow.max_auc"
    assert finding.status is FindingStatus.NOT_APPLICABLE
    assert reason in finding.note


def test_a_public_release_without_shadow_models_is_never_a_pass():
    nothing = AuditResult(findings=(), calibration=(), sizes={"train": 30_000, "holdout": 12_000})
    reason = why_not(load_policy("public"), "cpu")
    decision = decide(nothing.joined(not_run(reason)), load_policy("public"))
    assert decision.verdict is not Verdict.PASS
    assert any(reason in each for each in decision.reasons)


def test_progress_never_falls_though_generators_are_trained_before_they_are_looked_at():
    told: list[float] = []
    tell = _rising(lambda _what, fraction: told.append(fraction))
    for fraction in (0.1, 0.4, 0.2, 0.5):
        tell("training", fraction)
    assert told == [0.1, 0.4, 0.4, 0.5]
    assert np.all(np.diff(told) >= 0)
