"""A verdict on a file is none on access to sampling, and none on the model."""

from __future__ import annotations

from privacy.audit import AuditResult
from privacy.finding import ReleaseMode, Verdict
from privacy.policy import decide, load_policy
from tests.privacy.test_policy import CRASH, SHADOW, result


def modes(found: AuditResult, name: str = "public") -> dict[ReleaseMode, Verdict]:
    return {mode.mode: mode.verdict for mode in decide(found, load_policy(name)).modes}


def test_the_file_the_draws_and_the_model_have_verdicts_of_their_own():
    tables = {"train": 9000, "holdout": 9000, "synthetic": 9000, "attacked": 9000, "tables": 3}
    one, several = modes(result()), modes(result(sizes=tables))
    assert one[ReleaseMode.FILE] is Verdict.PASS
    assert one[ReleaseMode.SAMPLING] is Verdict.REVIEW
    assert several[ReleaseMode.SAMPLING] is Verdict.PASS
    assert one[ReleaseMode.MODEL] is several[ReleaseMode.MODEL] is Verdict.NOT_ASSESSED


def test_a_mode_is_never_better_than_what_was_measured_for_it():
    tables = {"train": 9000, "holdout": 9000, "synthetic": 9000, "attacked": 9000, "tables": 3}
    without = modes(result(sizes=tables, drop=(SHADOW,)), "partner")
    assert without[ReleaseMode.FILE] is Verdict.PASS
    assert without[ReleaseMode.SAMPLING] is Verdict.NOT_ASSESSED
    for doubtful in (result(sizes=tables, blind=(SHADOW,)), result(sizes=tables, shadow__max_auc=(0.68, 0.6, 0.74))):
        assert modes(doubtful)[ReleaseMode.SAMPLING] is Verdict.REVIEW
    reviewed = modes(result(sizes=tables, linkability__k1=(0.075, 0.06, 0.09)))
    assert reviewed[ReleaseMode.SAMPLING] is Verdict.REVIEW
    for bad in (result(replay__copied_share=(1.0, 0.66, 1.0)), result(sizes={"train": 1}), result(drop=("drift.auc",))):
        found = modes(bad)
        assert found[ReleaseMode.FILE] is found[ReleaseMode.SAMPLING] is found[ReleaseMode.MODEL] is not Verdict.PASS


def test_the_verdict_of_the_file_is_the_verdict():
    for found in (result(), result(sizes={"train": 1}), result(extra=(CRASH,))):
        decision = decide(found, load_policy("internal"))
        assert decision.modes[0].verdict is decision.verdict
        assert decision.modes[0].reasons == decision.reasons
        assert all(mode.reasons for mode in decision.modes)
        assert decision.to_json()["modes"][2]["mode"] == "model"
