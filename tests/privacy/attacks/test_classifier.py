"""The classifier attack: it sees copies and crowding, little of a copy with noise, and nothing in fresh rows."""

from __future__ import annotations

import numpy as np
import pytest

from privacy.attacks.classifier import classifier
from privacy.audit import ATTACKS
from privacy.finding import FindingStatus
from tests.privacy.attacks import odd
from tests.privacy.attacks.draws import alarms, by_key, most_alarms, planted, swapped

AUC, RATE = "classifier.auc", "classifier.tpr_at_1_percent"


def test_a_copy_is_caught():
    found = by_key(classifier, planted("copy", 21))
    assert found[AUC].lower > 0.9
    assert found[RATE].lower > 0.5


def test_a_generator_that_crowds_around_its_records_is_caught():
    assert by_key(classifier, planted("smote", 21))[AUC].lower > 0.55


def test_the_share_copied_shows_among_the_surest():
    for plant, share in (("20 % copied", 0.2), ("5 % copied", 0.05)):
        found = by_key(classifier, planted(plant, 21))
        assert found[AUC].lower > 0.5
        assert found[RATE].lower > share / 2


@pytest.mark.parametrize("plant", ["jittered 5 %", "jittered 20 %"])
def test_a_copy_with_noise_is_seen_far_less_than_by_distance(plant):
    found, by_distance = by_key(classifier, planted(plant, 21)), by_key(ATTACKS["membership"], planted(plant, 21))
    assert found[AUC].upper < by_distance["membership.plain_k1_auc"].lower
    assert found[RATE].value < 0.2


def test_swapping_train_and_holdout_mirrors_the_auc():
    one, other = (by_key(classifier, found)[AUC] for found in (planted("20 % copied", 22), swapped("20 % copied", 22)))
    assert one.value + other.value == pytest.approx(1.0, abs=1e-6)


def test_fresh_rows_raise_no_more_alarms_than_chance():
    for key, count in alarms(classifier, range(500, 520), n=400).items():
        assert count <= most_alarms(20), key


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_fresh_rows_raise_no_more_alarms_than_chance_in_many_draws():
    for key, count in alarms(classifier, range(600, 720), n=2000, reference=1000).items():
        assert count <= most_alarms(120), key


@pytest.mark.parametrize("case", odd.CASES)
def test_an_odd_table_gives_findings_or_reasons(case):
    odd.assert_told(classifier(odd.evidence(case), np.random.default_rng(0)), "classifier")


@pytest.mark.parametrize("case", ["no reference", "a reference of twenty", "synthetic of one row"])
def test_without_anything_to_fit_the_reason_is_given(case):
    findings = classifier(odd.evidence(case), np.random.default_rng(0))
    assert {finding.status for finding in findings} == {FindingStatus.NOT_APPLICABLE}
    assert [finding.statistic for finding in findings] == ["auc", "tpr_at_1_percent", "tpr_at_01_percent"]


def test_the_same_seed_gives_the_same_findings():
    evidence = odd.evidence("mixed")
    assert classifier(evidence, np.random.default_rng(2)) == classifier(evidence, np.random.default_rng(2))
