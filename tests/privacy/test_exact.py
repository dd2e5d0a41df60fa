"""Exact intervals of people found beyond chance: known cases, coverage, and no leak where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, fisher_exact

from privacy.exact import above_control, found_more, ranks_within


def test_the_lower_end_is_above_0_just_where_fishers_test_says_so():
    for found, by_chance in [(5, 0), (6, 0), (10, 2), (11, 2), (40, 22), (60, 30)]:
        p = fisher_exact([[found, 300 - found], [by_chance, 400 - by_chance]], alternative="greater").pvalue
        assert (found_more(found, 300, by_chance, 400)[0] > 0) == (p <= 0.025), (found, by_chance)


def test_the_interval_mirrors_where_sides_change_places():
    low, high = found_more(30, 1000, 8, 1000)
    assert found_more(8, 1000, 30, 1000) == (-high, -low)
    assert 0 < low < 0.022 < high <= 0.03


def test_nothing_found_is_nothing_proven():
    assert found_more(0, 100, 0, 100) == (0, 0)


def test_the_interval_covers_the_copies_that_were_made():
    rng = np.random.default_rng(0)
    n, copies, draws, covered = 400, 12, 400, 0
    for _ in range(draws):
        by_chance = rng.random(2 * n) < 0.05
        found = copies + int(by_chance[copies:n].sum())
        low, high = found_more(found, n, int(by_chance[n:].sum()), n)
        covered += low <= copies / n <= high
    assert covered >= binom.ppf(0.001, draws, 0.95)


def scores(rng, n, m, leaked):
    ours, others = rng.random(n), rng.random(m)
    ours[:leaked] = 2 + rng.random(leaked)
    return ours, others


@pytest.mark.parametrize(("n", "m"), [(500, 500), (1200, 500), (300, 900)])
def test_people_above_the_control_are_covered_and_none_are_claimed_without_a_leak(n, m):
    rng = np.random.default_rng(1)
    ranks, draws = (1, 4, 16), 400
    claimed = 0
    covered = 0
    for _ in range(draws):
        claimed += above_control(*scores(rng, n, m, 0), ranks, rng, floor=-1.0).lower > 0
        found = above_control(*scores(rng, n, m, 20), ranks, rng, floor=-1.0)
        assert found.lower <= found.value <= found.upper
        covered += found.lower <= 20 / n <= found.upper
    assert claimed <= binom.ppf(0.999, draws, 0.025)
    assert covered >= binom.ppf(0.001, draws, 0.95)


def test_ten_of_five_thousand_are_seen():
    rng = np.random.default_rng(2)
    seen = [above_control(*scores(rng, 5000, 5000, 10), (1, 4, 11), rng, floor=-1.0).lower > 0 for _ in range(40)]
    assert sum(seen) >= 36


def test_equal_scores_say_nothing_and_scores_at_the_floor_never_count():
    rng = np.random.default_rng(3)
    everybody = np.zeros(400)
    assert sum(above_control(everybody, everybody, (1, 5), rng, floor=-1.0).lower > 0 for _ in range(100)) <= 9
    nobody = above_control(everybody, everybody, (1, 5), rng, floor=0.0)
    assert (nobody.found, nobody.value, nobody.upper) == (0, 0, 0)
    assert nobody.lower < 0
    seven = above_control(np.where(np.arange(400) < 9, 1.0, 0.0), everybody, (1, 5), rng, floor=0.0)
    assert (seven.found, seven.value) == (9, 9 / 400)
    assert 0 < seven.lower < seven.value == seven.upper


@pytest.mark.parametrize(("n", "m"), [(5000, 5000), (10_000, 10_000), (12_000, 5000), (600_000, 250_000)])
def test_noise_at_the_chosen_thresholds_leaves_the_limit_in_view(n, m):
    ranks = ranks_within(0.005, n, m)
    assert ranks[0] == 1
    assert len(ranks) == 3
    rng = np.random.default_rng(4)
    control = rng.random(m)
    upper = [
        above_control(rng.random(n), control, ranks, rng, floor=-1.0).upper for _ in range(5 if n > 100_000 else 20)
    ]
    assert max(upper) <= 0.005


def test_few_people_leave_a_single_threshold():
    assert ranks_within(0.005, 300, 300) == (1,)
