"""TextColumn as text, and columns that count."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from privacy.texts import is_counter, text_column


def counts(values) -> bool:
    return is_counter(text_column(pd.Series(values)))


def test_whole_numbers_dates_and_blanks_become_text():
    assert text_column(pd.Series([1.0, np.nan, 2.5])).distinct == ("1", "2.5")
    cells = text_column(pd.Series(["A b", None, "  ", "a  B"], dtype=object))
    assert cells.distinct == ("a b",)
    assert cells.codes.tolist() == [0, -1, -1, 0]
    assert cells.first().tolist() == [0]
    assert text_column(pd.Series(pd.to_datetime(["2020-01-02"]))).distinct == ("2020-01-02t00:00:00",)
    assert text_column(pd.Series([None, None], dtype=object)).distinct == ()


@pytest.mark.parametrize(
    "values",
    [
        range(1, 50),
        range(50),
        [f"CustomerID-{i:06d}" for i in range(1, 200)],
        [f"CustomerID-{i:06d}" for i in (*range(1, 20), *range(1, 30))],
        [str(i) for i in np.random.default_rng(0).permutation(300)],
    ],
)
def test_a_counter_counts_in_any_order_and_more_than_once(values):
    assert counts(values)


@pytest.mark.parametrize(
    "values",
    [
        [1, 2, 4, 5],
        range(1001, 1100),
        [*range(1, 100), 4711],
        ["A-1", "B-2", "A-3"],
        ["1", "2", "3", "x"],
        ["1", "01", "2"],
        sorted(np.random.default_rng(1).choice(10_000, 5000, replace=False)),
        [7, 7],
        [],
        ["9" * 5000, "1"],
    ],
)
def test_real_identifiers_are_no_counter_though_they_are_sorted_or_all_but_complete(values):
    assert not counts(list(values))
