"""Real records in the shares that a synthetic table was made to."""

from __future__ import annotations

import numpy as np

from synth.fidelity.mixed import thinned


def test_real_records_are_drawn_to_the_shares_and_none_twice() -> None:
    real = np.repeat([0, 1, -1], [900, 100, 50])
    synthetic = np.repeat([0, 1], [500, 500])
    found = thinned(real, synthetic, np.random.default_rng(0))
    assert len(np.unique(found)) == len(found)
    assert np.bincount(real[found]).tolist() == [100, 100]


def test_a_tiny_cell_does_not_decide_how_many_there_are() -> None:
    real = np.repeat([0, 1, 2], [500, 500, 1])
    synthetic = np.repeat([0, 1, 2], [600, 395, 5])
    found = thinned(real, synthetic, np.random.default_rng(0))
    assert np.bincount(real[found]).tolist() == [500, 329, 1]


def test_where_no_real_record_is_in_a_cell_there_is_nothing_to_compare_with() -> None:
    assert len(thinned(np.zeros(10, dtype=np.int64), np.ones(10, dtype=np.int64), np.random.default_rng(0))) == 0
