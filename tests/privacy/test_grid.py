"""What of a file's numbers may be equal to the end of a column by chance, and what may not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.grid import Grid

WHOLE = Grid(low=0, high=5000, step=1.0)
values = st.integers(1000, 4000)


@given(values)
def test_a_number_among_the_places_of_nodes_tells_nothing(value: int) -> None:
    nodes = np.arange(8000, dtype=np.float64)
    assert WHOLE.telling(value, nodes, 0.05) == []
    assert WHOLE.telling(value, nodes + 0.25, 0.05) == []


@given(values, st.integers(1, 9))
def test_a_number_that_stands_by_itself_tells(value: int, others: int) -> None:
    array = np.r_[np.arange(others), value, 10**6]
    assert WHOLE.telling(value, array.astype(np.float64), 0.05) == [value]


@given(values, st.integers(0, 900))
def test_the_end_of_an_array_tells_however_close_its_numbers_are(value: int, low: int) -> None:
    """Sorted values of a column of whole numbers are as close as places of nodes."""
    assert WHOLE.telling(value, np.arange(low, value + 1, dtype=np.float64), 0.05) == [value]
    assert WHOLE.telling(value, np.arange(value, 8000, dtype=np.float64), 0.05) == [value]


@given(values)
def test_the_end_of_a_column_of_an_array_tells(value: int) -> None:
    table = np.stack([np.arange(9000) % (value + 1), 10 * np.arange(9000)], 1).astype(np.float64)
    table[5] = np.nan
    assert value in WHOLE.telling(value, table, 0.05)
    assert value in WHOLE.telling(value, table.T, 0.05)


def test_numbers_of_less_precision_are_the_same_to_nine_digits() -> None:
    assert WHOLE.telling(1234.5, np.array([1234.5000001, 7.0]), 0.05) == [1234.5000001]


@pytest.mark.parametrize("empty", [np.zeros(0), np.full(3, np.nan), np.zeros((0, 4))])
def test_nothing_is_found_where_there_is_nothing(empty: np.ndarray) -> None:
    assert WHOLE.telling(1234, empty, 0.05) == []


def test_the_grid_is_as_fine_as_the_values_and_counts_days_of_dates() -> None:
    day = 864e8
    assert Grid.of(np.array([1.25, 2.0, np.nan, np.inf]), dates=False).step == pytest.approx(0.01)
    assert Grid.of(np.array([3 * day, 9 * day]), dates=True).step == day
    assert Grid.of(np.array([3 * day, 9 * day + 1]), dates=True).step == 1.0
    assert Grid.of(np.zeros(0), dates=False).chance(np.arange(3.0)) == 1.0


def test_chance_is_the_share_of_points_that_are_there() -> None:
    assert Grid(low=0, high=99, step=1.0).chance(np.array([5.0, 7.0, 7.5, 200.0])) == pytest.approx(0.02)
