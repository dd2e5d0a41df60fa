"""White box: a model that remembers is told, one that does not is left alone, and neither moves the file's verdict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from privacy.attacks.white_box import Likelihoods, white_box
from privacy.finding import FindingStatus, ReleaseMode, Verdict
from privacy.policy import decide, load_policy
from tests.privacy.attacks.draws import most_alarms
from tests.privacy.test_policy import result

N = 2_000


def likelihoods(gain: float, seed: int, n: int = N) -> dict[str, Likelihoods]:
    """Log-likelihoods of people; training records are `gain` nats likelier."""
    rng = np.random.default_rng(seed)
    return {
        part: Likelihoods(train=gain + rng.normal(-20, 3, n), holdout=rng.normal(-20, 3, n))
        for part in ("generator", "conditionals")
    }


def modes(found) -> dict[ReleaseMode, Verdict]:
    return {mode.mode: mode.verdict for mode in decide(result(extra=found), load_policy("partner")).modes}


def test_a_model_that_finds_its_training_records_likelier_is_told():
    found = {finding.key: finding for finding in white_box(likelihoods(2.0, 0))}
    assert found["white_box.generator_auc"].lower > 0.6
    assert found["white_box.conditionals_tpr_at_1_percent"].lower > 0.015


def test_a_model_that_remembers_nobody_raises_no_more_alarms_than_chance():
    alarms: dict[str, int] = {}
    for seed in range(60):
        for finding in white_box(likelihoods(0.0, seed)):
            if finding.status is FindingStatus.MEASURED:
                above = finding.lower > finding.baseline
                alarms[finding.key] = alarms.get(finding.key, 0) + above
    assert alarms
    for key, count in alarms.items():
        assert count <= most_alarms(60), key


def test_every_statistic_sees_the_model_that_draws_from_its_training_records():
    found = white_box(likelihoods(0.0, 1))
    whole = result().joined(found)
    measured = {finding.key for finding in found if finding.status is FindingStatus.MEASURED}
    assert len(measured) == 4
    assert not measured & whole.blind


def test_a_proven_leak_blocks_the_model_and_leaves_the_file_alone():
    leak = modes(white_box(likelihoods(2.0, 0)))
    assert leak[ReleaseMode.MODEL] is Verdict.BLOCK
    assert leak[ReleaseMode.FILE] is Verdict.PASS


def test_a_leak_of_the_model_shows_even_where_the_file_has_no_verdict():
    found = white_box(likelihoods(2.0, 0))
    small = replace(result(extra=found), sizes={"train": 1, "holdout": 1})
    decision = decide(small, load_policy("partner"))
    assert decision.verdict is Verdict.INSUFFICIENT
    assert decision.modes[2].verdict is Verdict.BLOCK
    assert "white_box.generator_auc" in " ".join(decision.modes[2].reasons)


def test_a_model_that_tells_nothing_is_still_not_passed():
    quiet = white_box(likelihoods(0.0, 2))
    decision = decide(result(extra=quiet), load_policy("partner"))
    assert decision.modes[2].verdict is Verdict.NOT_ASSESSED
    assert "rules no leak out" in decision.modes[2].reasons[0]


def test_few_people_and_equal_scores_are_reasons_and_numbers_that_are_none_an_error():
    few = white_box(likelihoods(2.0, 0, n=50))
    equal = {"generator": Likelihoods(train=np.zeros(200), holdout=np.zeros(200))}
    for finding in (*few, *white_box(equal)):
        assert finding.status is FindingStatus.NOT_APPLICABLE
        assert finding.note
        assert not finding.gating
    broken = {"generator": Likelihoods(train=np.array([np.nan] * 200), holdout=np.zeros(200))}
    with pytest.raises(ValueError, match="finite"):
        white_box(broken)
