"""Intervals and tests, against published examples and naive versions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, norm

from privacy.estimate import (
    auc_interval,
    clopper_pearson,
    detectable_auc,
    detectable_difference,
    detectable_exclusive,
    exclusive_excess,
    holm,
    newcombe,
    permutation_p,
    rate_at,
    upper_tail_p,
    wilson,
)


def test_wilson_and_clopper_pearson_agree_with_newcombes_table():
    """Newcombe (1998), Statistics in Medicine 17:857, table I."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert clopper_pearson(81, 263) == pytest.approx((0.2527, 0.3676), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert clopper_pearson(0, 20) == pytest.approx((0.0, 0.1684), abs=5e-5)
    assert wilson(29, 29) == pytest.approx((0.8830, 1.0), abs=5e-5)
    assert clopper_pearson(29, 29) == pytest.approx((0.8806, 1.0), abs=5e-5)


def test_newcombe_agrees_with_his_table():
    """Newcombe (1998), Statistics in Medicine 17:873, table II, method 10."""
    assert newcombe(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert newcombe(9, 10, 3, 10) == pytest.approx((0.1705, 0.8090), abs=5e-5)
    assert newcombe(10, 10, 0, 20) == pytest.approx((0.6791, 1.0), abs=5e-5)


@pytest.mark.parametrize(("hits", "n"), [(-1, 5), (6, 5), (0, 0)])
def test_impossible_counts_are_refused(hits, n):
    for interval in (wilson, clopper_pearson):
        with pytest.raises(ValueError, match="expected 0 <= hits"):
            interval(hits, n)


scores = st.lists(st.integers(-3, 3).map(float), min_size=2, max_size=25)


def naive(positives: list[float], negatives: list[float]) -> tuple[float, float]:
    """AUC and DeLong's standard error by comparing every pair."""
    wins = np.array([[1.0 if p > q else 0.5 if p == q else 0.0 for q in negatives] for p in positives])
    variance = wins.mean(axis=1).var(ddof=1) / len(positives) + wins.mean(axis=0).var(ddof=1) / len(negatives)
    return float(wins.mean()), float(np.sqrt(variance))


@given(scores, scores)
def test_auc_and_its_error_are_those_of_all_pairs(positives, negatives):
    value, error = naive(positives, negatives)
    auc = auc_interval(positives, negatives)
    assert auc.value == pytest.approx(value)
    assert auc.error == pytest.approx(max(error, 0.5 / min(len(positives), len(negatives))))
    assert 0 <= auc.lower <= auc.value <= auc.upper <= 1
    assert auc_interval(negatives, positives).value == pytest.approx(1 - value)


def test_the_auc_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    truth = 0.7602499  # P(X > Y) for X ~ N(1, 1), Y ~ N(0, 1)
    covered = 0
    for _ in range(400):
        auc = auc_interval(rng.standard_normal(80) + 1, rng.standard_normal(120))
        covered += auc.lower <= truth <= auc.upper
    assert 0.92 <= covered / 400 <= 0.98


def test_auc_refuses_an_empty_side_and_nan():
    with pytest.raises(ValueError, match="at least one"):
        auc_interval([], [1.0])
    with pytest.raises(ValueError, match="NaN"):
        auc_interval([float("nan")], [1.0])


def test_what_is_called_detectable_is_detected_four_times_in_five():
    n = 400
    shift = np.sqrt(2) * norm.ppf(detectable_auc(n, n))
    rng = np.random.default_rng(1)
    seen = sum(auc_interval(rng.standard_normal(n) + shift, rng.standard_normal(n)).lower > 0.5 for _ in range(300))
    assert 0.72 <= seen / 300 <= 0.88


def test_without_background_as_many_hits_are_needed_as_lift_the_interval_off_zero():
    assert detectable_difference(0.0, 1000, 1000) == 0.005
    assert newcombe(5, 1000, 0, 1000)[0] > 0 > newcombe(4, 1000, 0, 1000)[0]
    assert detectable_difference(0.0, 5000, 500) > 0.007
    assert detectable_difference(0.15, 1000, 1000) > 0.04


def test_holm_rejects_step_by_step():
    assert holm([0.01, 0.04, 0.03, 0.005], level=0.05) == (True, False, False, True)
    assert holm([0.05], level=0.05) == (True,)
    assert holm([], level=0.05) == ()


def test_the_p_value_meets_the_interval_at_its_end():
    assert upper_tail_p(0.7, 0.55, 0.55) == pytest.approx(0.025)
    assert upper_tail_p(0.55, 0.5, 0.55) == pytest.approx(0.5)
    assert upper_tail_p(1.0, 1.0, 0.5) == 0.0
    assert upper_tail_p(0.5, 0.5, 0.5) == 1.0


def test_permutation_p_is_never_zero():
    assert permutation_p(2.0, np.array([0.0, 1.0, 2.0])) == 0.5
    assert permutation_p(9.0, np.zeros(99)) == 0.01


def test_at_zero_matches_the_excess_is_bounded_by_the_number_of_draws():
    assert exclusive_excess(0, 0, 12, scale=1.0) == pytest.approx((-0.2425, 0.2425), abs=5e-5)
    assert exclusive_excess(0, 0, 700, scale=2.4)[1] > 0.005 > exclusive_excess(0, 0, 800, scale=2.4)[1]
    assert exclusive_excess(12, 0, 12, scale=2.4)[0] > 0.3
    assert exclusive_excess(1, 0, 1, scale=1.0)[0] < 0, "one match of one proves nothing"


@pytest.mark.parametrize("scale", [1.0, 2.4])
@pytest.mark.parametrize(("n", "rate"), [(12, 0.02), (12, 0.25), (50, 0.1), (400, 0.02), (400, 0.25), (4000, 0.1)])
def test_matches_by_chance_seldom_lift_the_excess_off_zero(n, rate, scale):
    rng = np.random.default_rng(3)
    drawn = rng.multinomial(n, [scale * rate, rate, 1 - rate - scale * rate], 2000)
    above = sum(exclusive_excess(hits, control, n, scale=scale)[0] > 0 for hits, control, _ in drawn)
    assert above <= binom.ppf(0.999, 2000, 0.025) + (n == 12) * 20


def test_of_a_sample_as_many_copies_are_needed_as_lift_the_excess_off_zero():
    assert exclusive_excess(5, 0, 1000, scale=1.0)[0] > 0 > exclusive_excess(4, 0, 1000, scale=1.0)[0]
    assert detectable_exclusive(0.0, 1000, scale=1.0) == 0.005
    assert detectable_exclusive(0.0, 12, scale=2.4) > 0.5
    assert detectable_exclusive(0.1, 1000, scale=1.0) > 0.03


@pytest.mark.parametrize("counts", [(-1, 0, 5), (0, 0, 0), (4, 2, 5)])
def test_impossible_matches_are_refused(counts):
    with pytest.raises(ValueError, match="expected hits"):
        exclusive_excess(*counts, scale=1.0)


@pytest.mark.parametrize(("copied", "rate"), [(0.0, 0.01), (0.02, 0.01), (0.5, 0.01)])
def test_the_interval_of_a_true_positive_rate_counts_the_noise_of_its_threshold(copied, rate):
    """Of 95 % intervals one in twenty may miss; an interval that takes the threshold as known misses one in four."""
    rng = np.random.default_rng(0)
    truth, missed, draws = copied + (1 - copied) * rate, 0, 400
    for _ in range(draws):
        members = np.where(rng.random(2000) < copied, 10.0, rng.normal(size=2000))
        found = rate_at(members, rng.normal(size=2000), rate)
        missed += not found.lower <= truth <= found.upper
    assert binom.ppf(0.001, draws, 0.03) <= missed <= binom.ppf(0.999, draws, 0.05)


def test_scores_that_all_tie_show_no_leak():
    found = rate_at(np.ones(500), np.ones(500), 0.01)
    assert found.lower <= 0.01 <= found.upper
    assert found.value == pytest.approx(0.01, abs=0.001)


def test_a_copy_shows_although_some_others_share_its_best_score():
    others = np.concatenate([np.ones(10), np.zeros(9_990)])
    members = np.concatenate([np.ones(500), np.zeros(9_500)])
    found = rate_at(members, others, 0.001)
    assert found.value == pytest.approx(0.05, abs=0.006)
    assert found.lower > 0.01


def test_intervals_of_rates_hold_where_scores_tie():
    rng = np.random.default_rng(9)
    ends = np.array([(f.lower, f.upper) for f in (rate_at(*_tied(rng), 0.01) for _ in range(400))])
    missed = int(((ends[:, 0] > 0.01) | (ends[:, 1] < 0.01)).sum())
    assert missed <= binom.ppf(0.999, 400, 0.05)


def _tied(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Scores of members and of others that take five values, the best of them once in forty: no leak."""
    return tuple((rng.random(2000) < 0.025) * 5.0 + rng.integers(0, 4, 2000) for _ in range(2))


def test_counts_over_a_design_effect_widen_the_interval_of_a_rate():
    rng = np.random.default_rng(1)
    members, others = rng.random(3000), rng.random(3000)
    one, other = rate_at(members, others, 0.01), rate_at(members, others, 0.01, design_effect=4)
    assert one.value == other.value
    assert other.lower < one.lower < one.value < one.upper < other.upper
