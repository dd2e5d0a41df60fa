"""The ensemble: it beats its parts on leaks, and a meta-classifier that sees labels still stays silent without one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from privacy.attacks.ensemble import DESIGN_EFFECT, cross_fitted, ensemble
from privacy.audit import ATTACKS
from privacy.finding import FindingStatus
from privacy.scores import Scored, auc_finding, rate_finding
from tests.privacy.attacks import odd
from tests.privacy.attacks.draws import alarms, by_key, most_alarms, planted, swapped

AUC, RATE = "ensemble.auc", "ensemble.tpr_at_1_percent"


@pytest.mark.parametrize(
    ("plant", "least"),
    [("copy", 0.95), ("jittered 5 %", 0.9), ("jittered 20 %", 0.65), ("smote", 0.7), ("20 % copied", 0.55)],
)
def test_a_leak_is_caught(plant, least):
    assert by_key(ensemble, planted(plant, 21))[AUC].lower > least


@pytest.mark.parametrize("plant", ["jittered 5 %", "jittered 20 %", "smote"])
def test_the_whole_sees_more_than_the_nearest_distance(plant):
    evidence = planted(plant, 21, n=5000)
    one, other = by_key(ensemble, evidence), by_key(ATTACKS["membership"], evidence)
    assert one[AUC].lower > other["membership.plain_k1_auc"].upper
    assert one[RATE].lower > other["membership.plain_k1_tpr_at_1_percent"].upper


def test_five_per_cent_copied_shows_among_the_surest():
    found = by_key(ensemble, planted("5 % copied", 21))
    assert found[RATE].lower > 0.03
    assert found[AUC].upper <= 0.56


def test_swapping_train_and_holdout_leaves_the_auc():
    one, other = (by_key(ensemble, found)[AUC] for found in (planted("20 % copied", 22), swapped("20 % copied", 22)))
    assert other.lower > 0.5
    assert one.lower <= other.value <= one.upper


def of_noise(seed: int) -> Scored:
    rng = np.random.default_rng(seed)
    train, holdout = cross_fitted(rng.normal(size=(500, 6)), 250, rng)
    return Scored(attack="", train=train, holdout=holdout, threat="", design_effect=DESIGN_EFFECT)


def test_nobody_is_scored_by_a_model_that_knew_the_answer():
    found = [auc_finding(of_noise(seed)) for seed in range(20)]
    assert sum(finding.lower > 0.5 for finding in found) <= most_alarms(20)
    assert sum(finding.upper < 0.5 for finding in found) <= most_alarms(20)
    assert np.mean([finding.value for finding in found]) == pytest.approx(0.5, abs=0.03)


def test_folds_that_learn_from_one_another_widen_every_interval():
    scored = of_noise(1)
    plain = replace(scored, design_effect=1.0)
    one, other = auc_finding(scored), auc_finding(plain)
    assert one.value == other.value
    assert one.upper - one.lower == pytest.approx(1.5 * (other.upper - other.lower))
    assert one.minimum_detectable - 0.5 == pytest.approx(1.5 * (other.minimum_detectable - 0.5))
    rng = np.random.default_rng(0)
    many = replace(plain, train=rng.random(2000), holdout=rng.random(2000))
    wide = rate_finding(replace(many, design_effect=DESIGN_EFFECT), "tpr_at_1_percent")
    narrow = rate_finding(many, "tpr_at_1_percent")
    assert wide.lower < narrow.lower < narrow.value == wide.value < narrow.upper < wide.upper


def test_fresh_rows_raise_no_more_alarms_than_chance():
    for key, count in alarms(ensemble, range(500, 520), n=400).items():
        assert count <= most_alarms(20), key


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_fresh_rows_raise_no_more_alarms_than_chance_in_many_draws():
    for key, count in alarms(ensemble, range(600, 720), n=2000, reference=1000).items():
        assert count <= most_alarms(120), key


@pytest.mark.parametrize("case", odd.CASES)
def test_an_odd_table_gives_findings_or_reasons(case):
    odd.assert_told(ensemble(odd.evidence(case), np.random.default_rng(0)), "ensemble")


def test_few_people_are_too_few_to_learn_from():
    findings = ensemble(odd.evidence("thirty people a side"), np.random.default_rng(0))
    assert {finding.status for finding in findings} == {FindingStatus.NOT_APPLICABLE}
    assert [finding.statistic for finding in findings] == ["auc", "tpr_at_1_percent", "tpr_at_01_percent"]


def test_it_needs_no_reference():
    assert by_key(ensemble, odd.evidence("no reference"))[AUC].status is FindingStatus.MEASURED


def test_the_same_seed_gives_the_same_findings():
    evidence = odd.evidence("mixed")
    assert ensemble(evidence, np.random.default_rng(2)) == ensemble(evidence, np.random.default_rng(2))
