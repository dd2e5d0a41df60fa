"""The exact tests agree with known ones, and their intervals hold what truly leaked."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import fisher_exact

from privacy.strata import Stratum, chance_of_as_many, detectable, leaked


def stratum(train: int, train_found: int, holdout: int, holdout_found: int) -> Stratum:
    return Stratum(train=train, train_found=train_found, holdout=holdout, holdout_found=holdout_found)


@pytest.mark.parametrize("counts", [(50, 9, 40, 2), (300, 30, 100, 9), (8, 8, 8, 0), (20, 0, 30, 5), (10, 0, 10, 0)])
def test_one_stratum_is_fisher_s_exact_test(counts):
    a, found, b, others = counts
    expected = fisher_exact([[found, a - found], [others, b - others]], alternative="greater").pvalue
    assert chance_of_as_many([stratum(*counts)]) == pytest.approx(expected, rel=1e-9)


def test_strata_are_not_pooled():
    """What many hold is found often and what one holds is not: pooled, the side with more of the former would leak."""
    balanced = [stratum(100, 90, 10, 9), stratum(10, 0, 100, 0)]
    assert chance_of_as_many(balanced) > 0.3
    assert chance_of_as_many([stratum(110, 90, 110, 9)]) < 1e-9


def test_where_nothing_of_train_is_found_nothing_leaked():
    assert leaked([stratum(5000, 0, 5000, 3)], confidence=0.95) == (0, 0)
    assert leaked([], confidence=0.95) == (0, 0)


def test_finds_that_holdout_has_none_of_leaked_but_for_those_that_chance_could_give():
    lower, upper = leaked([stratum(5000, 50, 5000, 0)], confidence=0.95)
    assert (lower, upper) == (45, 50)  # five heads in a row are not rejected at 2.5 %, six are


def test_the_least_number_that_is_told_from_chance():
    assert detectable([stratum(5000, 0, 5000, 0)], level=0.025) == 6
    assert detectable([stratum(3, 0, 3, 0)], level=0.025) is None
    needed = detectable([stratum(500, 0, 400, 40), stratum(90, 0, 100, 3)], level=0.025)
    assert needed is not None
    assert 50 < needed < 100


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.2, 0.6])
@pytest.mark.parametrize("leak", [0, 5, 40])
def test_the_interval_holds_what_leaked_as_often_as_it_says(rate, leak):
    rng, missed, draws = np.random.default_rng(5), 0, 150
    for _ in range(draws):
        strata = []
        for train, holdout, here in ((400, 300, leak), (60, 50, 0)):
            found, others = here + rng.binomial(train - here, rate), rng.binomial(holdout, rate)
            strata.append(stratum(train, int(found), holdout, int(others)))
        lower, upper = leaked(strata, confidence=0.95)
        missed += not lower <= leak <= upper
    assert missed <= 15  # P(more of 150 at 5 %) < 0.01


def test_many_finds_are_counted_by_the_normal_approximation_alike(monkeypatch):
    strata = [stratum(2000, 900, 1500, 640), stratum(300, 120, 200, 90)]
    exactly, bounds = chance_of_as_many(strata), leaked(strata, confidence=0.95)
    monkeypatch.setattr("privacy.strata.MOST_EXACT", 10)
    assert chance_of_as_many(strata) == pytest.approx(exactly, abs=0.01)
    assert np.abs(np.subtract(leaked(strata, confidence=0.95), bounds)).max() <= 3
