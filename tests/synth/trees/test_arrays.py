"""How many trees a column has."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from synth.trees.arrays import FEWEST, FILLED_BY, MOST_TREES, OFTEN, tree_count


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_the_smaller_a_table_the_more_trees_and_a_file_may_hold_them(some: int, more: int) -> None:
    assert FEWEST <= tree_count(some + more) <= tree_count(some) <= OFTEN <= MOST_TREES
    assert tree_count(FILLED_BY // OFTEN) == OFTEN
    assert tree_count(FILLED_BY) == FEWEST
