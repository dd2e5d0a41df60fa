"""A decision records which rule spoke about which findings, and what a PASS rests on."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase

import pytest

from privacy.finding import TOGETHER, Verdict
from privacy.policy import WORSE, decide, load_policy
from tests.privacy.test_policy import KEYS, coarse, result

LEAK = (0.2, 0.15, 0.25)
AUDITS = {
    "nothing": result(),
    "leak": result(**{"linkability.k1": LEAK}),
    "small": result(sizes={"train": 100, "holdout": 100, "synthetic": 100, "attacked": 100}),
    "drift": result(**{"drift.auc": (0.8, 0.78, 0.82)}),
    "blind": result(blind=("linkability.k1",)),
    "not run": result(drop=("linkability.k1",)),
    "together": replace(result(), together=result(**{"linkability.k1": LEAK})),
}


@pytest.mark.parametrize("name", AUDITS)
def test_every_reason_has_its_ruling_and_the_worst_ruling_is_the_verdict(name: str) -> None:
    decision = decide(AUDITS[name], load_policy("internal"))
    assert tuple(ruling.reason for ruling in decision.rulings) == decision.reasons
    assert max((ruling.verdict for ruling in decision.rulings), key=WORSE.index) is decision.verdict


@pytest.mark.parametrize("name", AUDITS)
def test_rulings_speak_of_findings_that_there_are_or_of_limits_of_the_policy(name: str) -> None:
    policy = load_policy("internal")
    patterns = {pattern for limit in policy.limits for pattern in limit.findings}
    for ruling in decide(AUDITS[name], policy).rulings:
        for key in ruling.findings:
            bare = key.removeprefix(TOGETHER)
            assert bare in patterns or bare in KEYS or any(fnmatchcase(bare, pattern) for pattern in patterns), key


def test_a_leak_is_ruled_on_by_name_and_the_comparison_as_a_whole() -> None:
    (leak,) = decide(AUDITS["leak"], load_policy("internal")).rulings
    assert (leak.verdict, leak.findings, leak.whole) == (Verdict.BLOCK, ("linkability.k1",), False)
    drift = decide(AUDITS["drift"], load_policy("internal")).rulings[0]
    assert (drift.verdict, drift.whole) == (Verdict.VOID, True)
    assert all(ruling.whole for ruling in decide(AUDITS["small"], load_policy("internal")).rulings)


def test_a_ruling_on_all_tables_together_says_so() -> None:
    rulings = decide(AUDITS["together"], load_policy("internal")).rulings
    assert [ruling.findings for ruling in rulings] == [(f"{TOGETHER}linkability.k1",)]


def test_what_is_relied_on_decided_saw_its_leak_and_kept_its_limit() -> None:
    relied_on = decide(AUDITS["nothing"], load_policy("internal")).relied_on
    assert "linkability.k1" in relied_on
    assert "drift.auc" not in relied_on
    for audit in (AUDITS["leak"], AUDITS["blind"], AUDITS["not run"]):
        assert "linkability.k1" not in decide(audit, load_policy("internal")).relied_on
    # too coarse to decide, and so nothing to rely on
    assert (
        "linkability.k1"
        not in decide(coarse(result(), "linkability.k1", detectable=0.5), load_policy("internal")).relied_on
    )


def test_rulings_and_what_is_relied_on_are_in_the_json() -> None:
    decision = decide(AUDITS["leak"], load_policy("internal"))
    written = decision.to_json()
    assert written["rulings"] == [ruling.to_json() for ruling in decision.rulings]
    assert written["relied_on"] == list(decision.relied_on)
