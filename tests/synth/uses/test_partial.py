"""Given cells stay as they are, beside those that are drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synth.uses.partial import overlaid


@pytest.mark.parametrize("dtype", ["int64", "Int64", "float64"])
def test_a_missing_cell_that_stays_is_missing_whatever_type_is_drawn(dtype: str) -> None:
    """Where cells of a record are to stay, so do those that are empty."""
    drawn, own = pd.Series([1, 2, 3]).astype(dtype), pd.Series([7.0, np.nan, 9.0])
    out = overlaid(drawn, own, np.array([True, True, False]))
    assert out.isna().tolist() == [False, True, False]
    assert [int(out.iloc[0]), int(out.iloc[2])] == [7, 3]


def test_given_fractions_beside_drawn_whole_numbers_keep_their_digits() -> None:
    drawn, own = pd.Series([1, 2, 3]), pd.Series([7.5, np.nan, 9.0])
    out = overlaid(drawn, own, np.array([True, True, False]))
    assert out.iloc[0] == 7.5
    assert out.isna().tolist() == [False, True, False]
