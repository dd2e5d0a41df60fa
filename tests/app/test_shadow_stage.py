"""Shadow models are trained where the policy asks for them; where they are not, the audit says why."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from scipy.stats import norm

from app.blobs import open_blobs
from app.config import Settings
from app.stage_context import StageContext
from app.stages.shadow import CPU_MODELS, CPU_TARGETS, attack_with_shadows, rising, why_not
from app.states import JobKind
from app.task import Task
from privacy.attacks.shadow import auc_bounds, not_run
from privacy.audit import AuditResult
from privacy.finding import Finding, FindingStatus, Verdict
from privacy.limits import load_policy, policies
from privacy.policy import decide
from synth.shadow.generators import ShadowConfig
from tests.privacy import adult, checks


def context(tmp_path, policy: str, switch: str = "policy") -> StageContext:
    settings = Settings(home=tmp_path / "home", device="cpu")
    tables = adult.fresh(0, n=300, reference=100)
    task = Task(
        job_id="job_1",
        tenant_id="t",
        dataset_id="dataset_1",
        kind=JobKind.SYNTHESIZE,
        stage="attack",
        attempt=1,
        prefix="t/jobs/job_1/1-attack",
        schema=tables.schema.to_json(),
        options={"policy": policy, "shadow_models": switch},
        inputs={},
    )
    return StageContext(task=task, settings=settings, blobs=open_blobs(settings), folder=tmp_path, out=io.StringIO())


def test_only_a_policy_that_requires_them_has_shadow_models_trained():
    assert why_not(load_policy("public"), "cuda") == ""
    assert "does not ask" in why_not(load_policy("internal"), "cuda")
    assert "accelerator" in why_not(load_policy("public"), "cpu")


@pytest.mark.parametrize(("policy", "reason"), [("internal", "does not ask"), ("public", "accelerator")])
def test_what_is_left_out_is_a_finding_with_the_reason(tmp_path, policy: str, reason: str):
    (finding,) = attack_with_shadows(context(tmp_path, policy), adult.fresh(0, n=300, reference=100), lambda *_: None)
    assert finding.key == "shadow.max_auc"
    assert finding.status is FindingStatus.NOT_APPLICABLE
    assert reason in finding.note


def test_a_model_of_another_objective_has_no_shadow_models_even_where_the_job_asks(tmp_path):
    asked = context(tmp_path, "public", "on")
    (tmp_path / "m.json").write_text(json.dumps({"config": {"objective": "ctgan"}}))
    put = asked.blobs.put("t/model", tmp_path / "m.json")
    held = replace(asked.task, inputs={"model": {"key": put.key, "sha256": put.sha256}})
    asked = StageContext(task=held, settings=asked.settings, blobs=asked.blobs, folder=tmp_path, out=io.StringIO())
    (finding,) = attack_with_shadows(asked, adult.fresh(0, n=300, reference=100), lambda *_: None)
    assert finding.status is FindingStatus.NOT_APPLICABLE
    assert "ctgan" in finding.note


def test_a_public_release_without_shadow_models_is_never_a_pass():
    nothing = AuditResult(findings=(), calibration=(), sizes={"train": 30_000, "holdout": 12_000, "synthetic": 30_000})
    reason = why_not(load_policy("public"), "cpu")
    decision = decide(nothing.joined(not_run(reason)), load_policy("public"))
    assert decision.verdict is not Verdict.PASS
    assert any(reason in each for each in decision.reasons)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_job_may_leave_them_out_and_then_no_policy_that_asks_for_them_passes(device: str):
    reason = why_not(load_policy("public"), device, "off")
    assert "left the shadow models out" in reason
    nothing = AuditResult(findings=(), calibration=(), sizes={"train": 30_000, "holdout": 12_000, "synthetic": 30_000})
    decision = decide(nothing.joined(not_run(reason)), load_policy("public"))
    assert decision.verdict is not Verdict.PASS
    assert any(reason in each for each in decision.reasons)


@pytest.mark.parametrize("policy", policies())
def test_leaving_them_out_takes_a_required_limit_from_pass_to_review(policy: str):
    """All else passes: the one limit is what stands between this audit and PASS, exactly where it is required."""
    (limit,) = [limit for limit in load_policy(policy).limits if "shadow.max_auc" in limit.findings]
    alone = replace(load_policy(policy), limits=(limit,))
    drift = Finding(attack="drift", statistic="auc", value=0.5, lower=0.49, upper=0.51, details={"lower_99": 0.48})
    audit = AuditResult(
        findings=(drift, *checks.passed()),
        calibration=(),
        sizes={"train": 30_000, "holdout": 12_000, "synthetic": 30_000},
        coverage=checks.COVERAGE,
    )
    verdict = decide(audit.joined(not_run(why_not(alone, "cuda", "off"))), alone).verdict
    assert verdict is (Verdict.REVIEW if limit.required else Verdict.PASS)


def test_a_job_may_ask_for_them_on_a_cpu_under_any_policy(tmp_path, monkeypatch):
    monkeypatch.setattr("app.stages.shadow.CPU_MODELS", 16)
    monkeypatch.setattr("app.stages.shadow.ShadowConfig", partial(ShadowConfig, steps=10))
    told: list[tuple[str, float]] = []
    tables = adult.fresh(0, n=300, reference=100)
    asked = context(tmp_path, "internal", "on")
    (finding,) = attack_with_shadows(asked, tables, lambda *each: told.append(each))
    assert finding.status is FindingStatus.MEASURED
    assert finding.n == CPU_TARGETS
    assert finding.details["models"] == 16
    assert "seldom to rule one out" in finding.note
    fractions = [fraction for _, fraction in told]
    assert any(what == "training shadow models" for what, _ in told)
    assert fractions == sorted(fractions)
    assert fractions[-1] > 0.9


def test_what_ends_the_stage_ends_the_shadow_models(tmp_path, monkeypatch):
    monkeypatch.setattr("app.stages.shadow.ShadowConfig", partial(ShadowConfig, steps=10))

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attack_with_shadows(context(tmp_path, "internal", "on"), adult.fresh(0, n=300, reference=100), stop)


def test_as_many_models_as_a_cpu_trains_seldom_pass_where_nothing_leaks():
    """The documented price, by simulation: the upper end for the largest of the AUCs, each of two halves of models."""
    rng = np.random.default_rng(0)
    side, draws = CPU_MODELS // 4, 200
    with_record, without = rng.random((2, draws, CPU_TARGETS, 2, side))
    aucs = (with_record[..., :, None] > without[..., None, :]).mean(axis=(-3, -2, -1)).max(axis=-1)
    uppers = np.array([auc_bounds(float(auc), side, z=float(norm.isf(0.025)))[1] for auc in aucs])
    assert np.median(uppers) == pytest.approx(0.75, abs=0.02)
    (limit,) = [limit for limit in load_policy("public").limits if "shadow.max_auc" in limit.findings]
    assert (uppers <= limit.pass_below).mean() < 0.2


def test_progress_never_falls_though_generators_are_trained_before_they_are_looked_at():
    told: list[float] = []
    tell = rising(lambda _what, fraction: told.append(fraction))
    for fraction in (0.1, 0.4, 0.2, 0.5):
        tell("training", fraction)
    assert told == [0.1, 0.4, 0.4, 0.5]
    assert np.all(np.diff(told) >= 0)
