"""How many steps a training has, and how its learning rate goes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.training.schedule import WARM_UP, rate_at, step_count


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
