"""Fresh rows of a real table leak nothing: they are not blocked, whatever the draw."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from privacy.audit import audit
from privacy.finding import Verdict
from privacy.policy import decide, load_policy
from tests.privacy import adult


def nulls(seeds: range, n: int) -> tuple[int, int, int]:
    """How many fresh draws were blocked, were void, and how many there were."""
    verdicts = [
        decide(
            audit(adult.fresh(seed, n=n, reference=1000), np.random.default_rng(seed), planting=False),
            load_policy("partner"),
        ).verdict
        for seed in seeds
    ]
    return verdicts.count(Verdict.BLOCK), verdicts.count(Verdict.VOID), len(verdicts)


def test_fresh_rows_are_not_blocked():
    blocked, void, n = nulls(range(100, 108), 1000)
    assert blocked <= binom.ppf(0.99, n, 0.05)
    assert void <= binom.ppf(0.99, n, 0.01)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_hundred_fresh_draws_are_not_blocked():
    blocked, void, n = nulls(range(200, 300), 1000)
    assert blocked <= binom.ppf(0.99, n, 0.05)
    assert void <= binom.ppf(0.99, n, 0.01)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_fresh_table_of_full_size_passes_or_is_left_to_a_person(seed):
    tables = adult.fresh(seed, n=12_000, holdout=12_000, reference=7_000)
    decision = decide(audit(tables, np.random.default_rng(seed)), load_policy("internal"))
    assert decision.verdict in {Verdict.PASS, Verdict.REVIEW}
