"""A training ends within its steps, earlier where its critic gains no more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.training.schedule import WARM_UP, WINDOW, last_step, rate_at, step_count

MOST = 4000


def looks(*aucs: float, every: int = 100) -> list[tuple[int, float]]:
    return [(every * (i + 1), auc) for i, auc in enumerate(aucs)]


@given(st.lists(st.floats(0.4, 1.0), max_size=60), st.integers(1, 5000), st.integers(1, 300))
def test_the_last_step_is_never_beyond_the_most(aucs: list[float], most: int, every: int) -> None:
    seen = looks(*aucs, every=every)
    last = last_step(seen, most)
    assert 0 < last <= most
    assert last == most or last in {2 * step for step, _ in seen}


def test_a_critic_that_keeps_losing_ground_lets_the_training_go_on() -> None:
    assert last_step(looks(*(0.95 - 0.01 * i for i in range(40))), MOST) == MOST


def test_a_plateau_ends_the_training_after_as_long_again() -> None:
    falling = [0.9 - 0.02 * i for i in range(8)]
    flat = [falling[-1]] * 12
    ends = {last_step(looks(*falling, *flat[:k]), MOST) for k in range(len(flat) + 1)}
    assert ends - {MOST}, "it is noticed"
    (end,) = ends - {MOST}
    noticed = end // 2
    assert 100 * len(falling) < noticed <= 100 * (len(falling) + 2 * WINDOW)
    assert last_step(looks(*falling, *flat, 0.3, 0.2, 0.1), MOST) == end, "and stays so whatever comes after"


def test_a_plateau_past_the_middle_changes_nothing() -> None:
    assert last_step(looks(*[0.7] * 40), 2 * WINDOW * 100 * 2) == 2 * WINDOW * 100 * 2
    assert last_step(looks(*[0.7] * 40), 2 * WINDOW * 100 * 2 + 1) == 2 * WINDOW * 100 * 2


def test_no_critic_no_early_end() -> None:
    assert last_step([], MOST) == MOST


@given(st.integers(0, 10**8), st.booleans())
def test_larger_tables_take_more_steps_up_to_a_bound(records: int, redrawn: bool) -> None:
    counts = [step_count(n, redrawn=redrawn) for n in (records, records + 1000, 10**9)]
    assert 1 <= counts[0] <= counts[1] <= counts[2]
    assert step_count(records, redrawn=True) < step_count(records, redrawn=False)


def test_the_rate_rises_holds_and_falls() -> None:
    assert rate_at(0, 0.0) == pytest.approx(1 / WARM_UP)
    assert rate_at(WARM_UP, 0.1) == rate_at(10 * WARM_UP, 0.49) == 1.0
    falling = [rate_at(1000, 0.5 + 0.01 * i) for i in range(51)]
    assert falling == sorted(falling, reverse=True)
    assert falling[-1] == pytest.approx(0.02)
    assert rate_at(1000, 7.0) == pytest.approx(0.02)


def test_fewer_steps_have_a_higher_rate_from_the_first_to_the_last() -> None:
    for step, fraction in ((0, 0.0), (1000, 0.3), (1000, 0.9)):
        assert rate_at(step, fraction, redrawn=True) == 2 * rate_at(step, fraction)
