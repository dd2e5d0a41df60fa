"""What of a file's numbers may be equal to the end of a column by chance, and what may not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.grid import Grid, coarseness

WHOLE = Grid(low=0, high=5000, step=1.0)
CENTS = Grid(low=0, high=5000, step=0.01)
values = st.integers(1000, 4000).filter(lambda value: value % 10 > 0)
"""Numbers of four digits: others are not sought anywhere."""


@given(values, st.integers(0, 10**6))
def test_a_number_among_the_places_of_nodes_tells_nothing(value: int, seed: int) -> None:
    nodes = np.arange(8000, dtype=np.float64)
    leaves = nodes[np.random.default_rng(seed).random(8000) < 0.5]
    assert WHOLE.telling(value, nodes) == []
    assert WHOLE.telling(value, nodes + 0.25) == []
    assert WHOLE.telling(value, np.r_[leaves, value, value - 3, value + 5]) == []
    assert CENTS.telling(value, nodes) == [], "a whole number among whole ones, on a grid of cents"


@given(values, st.integers(1, 9))
def test_a_number_that_stands_by_itself_tells(value: int, others: int) -> None:
    array = np.r_[np.arange(others), value, 10**6]
    assert WHOLE.telling(value, array.astype(np.float64)) == [value]
    assert WHOLE.telling(value, np.array(float(value))) == [value]


@given(values, st.integers(0, 900), st.sampled_from([[], [0.0], [-1.0, 9999.0], [float("nan"), -1e300, float("inf")]]))
def test_the_end_of_close_numbers_tells_whatever_stands_for_missing_ones(
    value: int, low: int, missing: list[float]
) -> None:
    """Sorted values of a column of whole numbers are as close as places of nodes."""
    assert WHOLE.telling(value, np.r_[np.arange(low, value + 1, dtype=np.float64), missing]) == [value]
    above = np.arange(value, 8000, dtype=np.float64)
    assert WHOLE.telling(value, np.r_[above, missing]) == [value]


@given(values)
def test_the_end_of_a_column_of_an_array_tells(value: int) -> None:
    table = np.stack([np.arange(9000) % (value + 1), 10 * np.arange(9000)], 1).astype(np.float64)
    table[5] = np.nan
    assert value in WHOLE.telling(value, table)
    assert value in WHOLE.telling(value, table.T)


def test_a_date_near_the_epoch_tells() -> None:
    day = 864e8
    dates = Grid(low=0, high=9000 * day, step=day)
    assert dates.telling(9 * day, np.array([-(2.0**63), 9 * day, 1e18])) == [9 * day]


def test_numbers_of_less_precision_are_the_same_to_nine_digits() -> None:
    assert WHOLE.telling(1234.5, np.array([1234.5000001, 7.0])) == [1234.5000001]


@pytest.mark.parametrize("empty", [np.zeros(0), np.full(3, np.nan), np.zeros((0, 4))])
def test_nothing_is_found_where_there_is_nothing(empty: np.ndarray) -> None:
    assert WHOLE.telling(1234, empty) == []


@pytest.mark.parametrize(("value", "coarse"), [(4356, 1), (4350, 10), (-12.25, 0.01), (2.5e12, 1e11), (1.25e-7, 1e-9)])
def test_the_last_digit_of_a_number(value: float, coarse: float) -> None:
    assert coarseness(value) == pytest.approx(coarse)


def test_the_grid_is_as_fine_as_the_values_and_counts_days_of_dates() -> None:
    day = 864e8
    assert Grid.of(np.array([1.25, 2.0, np.nan, np.inf]), dates=False).step == pytest.approx(0.01)
    assert Grid.of(np.array([3 * day, 9 * day]), dates=True).step == day
    assert Grid.of(np.array([3 * day, 9 * day + 1]), dates=True).step == 1.0
    assert Grid.of(np.zeros(0), dates=False).chance(np.arange(3.0)) == 1.0


def test_chance_is_the_share_of_points_that_are_there() -> None:
    assert Grid(low=0, high=99, step=1.0).chance(np.array([5.0, 7.0, 7.5, 200.0])) == pytest.approx(0.02)
