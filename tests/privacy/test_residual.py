"""The residual risk and its interval."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from privacy.attacks.attribute import attribute
from privacy.attacks.linkability import linkability
from privacy.estimate import wilson
from privacy.evidence import gather
from privacy.finding import Finding, FindingStatus
from privacy.residual import (
    FEWEST,
    Strata,
    Tries,
    detectable_risk,
    mean_risk,
    mean_risk_finding,
    not_applicable,
    of_a_part,
    residual_interval,
    residual_risk,
    risk_finding,
)
from tests.privacy import adult


def tries(hits: int, control_hits: int, n: int = 1000, control_n: int | None = None) -> Tries:
    return Tries(hits=hits, n=n, control_hits=control_hits, control_n=control_n or n)


def found(given: Tries, **more: float):
    return risk_finding("attack", "risk", given, threat="An attacker.", **more)


def test_the_risk_is_what_the_attack_got_of_what_the_control_missed():
    assert residual_risk(tries(600, 200)) == pytest.approx(0.5)
    assert residual_risk(tries(1000, 999)) == pytest.approx(1.0)
    assert residual_risk(tries(300, 300)) == 0
    assert residual_risk(tries(0, 500)) == pytest.approx(-1.0)


@pytest.mark.parametrize(("hits", "control"), [(600, 200), (310, 300), (40, 60), (5, 0), (900, 880)])
def test_the_interval_is_the_closed_form_of_donner_and_zou(hits, control):
    n = 1000
    p, q = (n - hits) / n, (n - control) / n
    (l1, u1), (l2, u2) = wilson(n - hits, n), wilson(n - control, n)
    low = (p * q - np.sqrt((p * q) ** 2 - l1 * u2 * (2 * p - l1) * (2 * q - u2))) / (u2 * (2 * q - u2))
    high = (p * q + np.sqrt((p * q) ** 2 - u1 * l2 * (2 * p - u1) * (2 * q - l2))) / (l2 * (2 * q - l2))
    assert residual_interval(tries(hits, control)) == pytest.approx((1 - high, 1 - low), abs=1e-12)


@pytest.mark.parametrize("n", [120])
@pytest.mark.parametrize(("attack", "control"), [(0.05, 0.05), (0.3, 0.3), (0.35, 0.3), (0.7, 0.7), (0.9, 0.6)])
def test_the_interval_covers_the_truth_as_often_as_it_says(attack, control, n):
    """Exact coverage: every outcome of both samples with its probability, no draws."""
    truth = (attack - control) / (1 - control)
    ours, theirs = (binom.pmf(np.arange(n + 1), n, rate) for rate in (attack, control))
    above = below = 0.0
    for hits in np.flatnonzero(ours > 1e-7).tolist():
        for misses in np.flatnonzero(theirs > 1e-7).tolist():
            if misses == n:
                continue
            low, high = residual_interval(tries(hits, misses, n))
            above += ours[hits] * theirs[misses] * (low > truth)
            below += ours[hits] * theirs[misses] * (high < truth)
    assert above <= 0.035
    assert below <= 0.035
    assert above + below <= 0.06


def test_nothing_is_clipped_and_the_interval_holds_the_value():
    low, high = residual_interval(tries(2, 90, 100))
    assert low < -5
    assert low < residual_risk(tries(2, 90, 100)) < high
    assert residual_interval(tries(0, 0))[0] < 0


def test_an_attack_that_always_succeeds_has_an_interval_that_ends_at_one():
    low, high = residual_interval(tries(1000, 300))
    assert 0.99 < low < high == 1


def test_few_misses_of_the_control_give_a_wide_interval_and_no_crash():
    low, high = residual_interval(tries(998, 999))
    assert low < -1
    assert high > 0.5


def test_swapping_the_sides_mirrors_the_sign():
    one, other = tries(600, 400), tries(400, 600)
    assert residual_interval(one)[0] > 0 > residual_interval(other)[1]


def test_a_control_that_always_succeeds_is_not_applicable_and_says_why():
    with pytest.raises(ValueError, match="misses at least once"):
        residual_risk(tries(900, 1000))
    finding = found(tries(1000, 1000))
    assert finding.status is FindingStatus.NOT_APPLICABLE
    assert "nothing left to gain" in finding.note


def test_a_handful_of_tries_is_not_applicable_and_says_why():
    for given in (
        tries(0, 0, FEWEST - 1),
        tries(5, 5, 1000, FEWEST - 1),
        Tries(hits=0, n=0, control_hits=0, control_n=0),
    ):
        finding = found(given)
        assert finding.status is FindingStatus.NOT_APPLICABLE
        assert str(FEWEST) in finding.note


def test_tries_that_hang_together_widen_the_interval():
    alone, together = found(tries(300, 200)), found(tries(300, 200), design_effect=2.0)
    assert together.value == pytest.approx(alone.value)
    assert together.upper - together.lower == pytest.approx(2**0.5 * (alone.upper - alone.lower), rel=0.03)


def test_the_detectable_risk_is_detected():
    given = tries(0, 300)
    detectable = detectable_risk(given)
    assert 0.03 < detectable < 0.12
    draws = np.random.default_rng(1)
    rate = 0.3 + 0.7 * detectable
    seen = [
        residual_interval(tries(int(draws.binomial(1000, rate)), int(draws.binomial(1000, 0.3))))[0] > 0
        for _ in range(300)
    ]
    assert binom.ppf(0.001, 300, 0.75) <= sum(seen)
    assert detectable_risk(tries(0, 30, 100)) > detectable


def test_impossible_counts_are_refused():
    with pytest.raises(ValueError, match="hits"):
        tries(5, 0, 4)


def test_one_stratum_is_no_stratum():
    given = tries(60, 40, 150)
    alone = Strata(tries=(given,), weights=(3.0,))
    assert residual_risk(alone) == pytest.approx(residual_risk(given))
    assert residual_interval(alone) == pytest.approx(residual_interval(given))
    assert detectable_risk(alone) == pytest.approx(detectable_risk(given))
    assert found(alone).details == found(given).details


def test_a_share_given_away_whoever_they_are_is_that_share_under_any_weights():
    strata = (tries(440, 300), tries(760, 700), tries(208, 10))
    for weights in ((1.0, 1.0, 1.0), (9.0, 1.0, 0.1)):
        assert residual_risk(Strata(tries=strata, weights=weights)) == pytest.approx(0.2)


def test_a_copy_is_certain_and_never_more_than_all_tries_allow():
    strata = tuple(tries(100, control, 100) for control in (5, 40, 80))
    low, high = residual_interval(Strata(tries=strata, weights=(1.0, 1.0, 1.0)))
    assert high == pytest.approx(1.0)
    assert 0.95 < low < 1


RATES = np.array([0.03, 0.1, 0.25, 0.5])


@pytest.mark.parametrize("leak", [0.0, 0.05, 0.3])
def test_strata_hold_the_truth_as_often_as_the_interval_says_and_tell_more(leak):
    """Weights inverse to the success rates: the interval is narrower, and still holds."""
    rng = np.random.default_rng(4)
    draws, n = 1000, 60
    outside, narrower = [0, 0], 0
    for _ in range(draws):
        mine, control = rng.binomial(n, RATES + leak * (1 - RATES)), rng.binomial(n, RATES)
        parts = tuple(
            Tries(hits=a, n=n, control_hits=c, control_n=n)
            for a, c in zip(mine.tolist(), control.tolist(), strict=True)
        )
        strata = Strata(tries=parts, weights=tuple((1 / (RATES + 0.02)).tolist()))
        low, high = residual_interval(strata)
        outside[0] += low > leak
        outside[1] += high < leak
        plain = residual_interval(strata.together)
        narrower += high - low < plain[1] - plain[0]
    assert all(count <= binom.ppf(0.999, draws, 0.025) for count in outside)
    assert narrower > draws / 2


@pytest.mark.parametrize(("module", "key"), [("linkability", "linkability.k1"), ("attribute", "attribute.nearest:sex")])
def test_an_attack_that_saw_a_part_of_the_table_does_not_call_its_leak_small(monkeypatch, module: str, key: str):
    """A third of train is copied into a table ten times as large as what the attack reads."""
    tables = adult.copied(adult.fresh(12, n=3000, reference=600), 1 / 3)
    evidence = gather(tables, np.random.default_rng(0))
    named = {"secrets": ["sex"]} if module == "attribute" else {}

    def attacked() -> Finding:
        attack = {"linkability": linkability, "attribute": attribute}[module]
        return next(f for f in attack(evidence, np.random.default_rng(1), **named) if f.key == key)

    whole = attacked()
    assert "synthetic_seen" not in whole.details
    assert whole.lower > 0.1
    monkeypatch.setattr(f"privacy.attacks.{module}.MOST_SYNTHETIC", 300)
    part = attacked()
    assert part.value < whole.lower, "this is what would be understated"
    assert part.upper >= whole.value
    assert part.lower <= part.value <= part.upper
    assert part.minimum_detectable > whole.minimum_detectable
    assert "300 of 3,000 synthetic records" in part.note
    assert (part.details["synthetic_seen"], part.details["synthetic_records"]) == (300.0, 3000.0)


def test_what_saw_all_records_is_left_as_it_is():
    finding = risk_finding("linkability", "k1", Tries(hits=50, n=500, control_hits=20, control_n=500), threat="t")
    assert of_a_part(finding, 1000, 1000) is finding
    none = not_applicable("linkability", "k1", "t", "nothing")
    assert of_a_part(none, 10, 1000) is none


def test_a_part_without_a_leak_widens_and_never_passes_by_it():
    finding = risk_finding("linkability", "k1", Tries(hits=10, n=500, control_hits=60, control_n=500), threat="t")
    assert finding.upper < 0
    assert of_a_part(finding, 100, 1000).upper == finding.upper


@pytest.mark.parametrize(("train", "holdout"), [(0.45, 0.42), (0.8, 0.3), (0.3, 0.3)])
def test_the_interval_of_mean_scores_covers_the_risk_as_often_as_it_says(train, holdout):
    rng, draws, truth = np.random.default_rng(3), 1000, (train - holdout) / (1 - holdout)
    outside = 0
    for _ in range(draws):
        sides = (rng.beta(3 * mean, 3 * (1 - mean), 150) for mean in (train, holdout))
        lower, upper = mean_risk(*sides)[1]
        outside += not lower <= truth <= upper
    assert binom.ppf(0.001, draws, 0.05) <= outside <= binom.ppf(0.999, draws, 0.05)


def test_the_risk_of_scores_of_0_and_1_is_that_of_their_counts():
    scores = np.repeat([1.0, 0.0], [600, 400]), np.repeat([1.0, 0.0], [200, 800])
    value, interval = mean_risk(*scores)
    assert value == pytest.approx(residual_risk(tries(600, 200)))
    assert interval == pytest.approx(residual_interval(tries(600, 200)), abs=2e-3)


def test_equal_scores_have_an_interval_all_the_same():
    value, (lower, upper) = mean_risk(np.ones(200), np.full(200, 0.3))
    assert value == 1
    assert 0.9 < lower < 1 <= upper


def test_where_nothing_is_left_to_gain_there_is_no_risk_of_means():
    found = mean_risk_finding("attack", "risk", np.ones(200), np.ones(200), threat="An attacker.")
    assert found.status is FindingStatus.NOT_APPLICABLE
    assert "nothing is left to gain" in found.note
    few = mean_risk_finding("attack", "risk", np.zeros(99), np.zeros(200), threat="An attacker.")
    assert few.status is FindingStatus.NOT_APPLICABLE


def test_an_auc_of_a_part_grows_from_one_half():
    found = Finding(attack="a", statistic="auc", value=0.52, baseline=0.5, lower=0.5, upper=0.54, n=100)
    found = of_a_part(replace(found, minimum_detectable=0.53), 1_000, 5_000)
    assert found.upper == pytest.approx(0.7)
    assert found.minimum_detectable == pytest.approx(0.65)
    assert (found.value, found.lower) == (0.52, 0.5)
