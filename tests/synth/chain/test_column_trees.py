"""Every leaf is about many people, and a prediction is seen where it tells more than a tree by itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.tree import DecisionTreeRegressor

from synth.chain.column_trees import FEW_CODES, fit_trees, unexplained
from synth.protection import LEAF_RECORDS
from synth.trees.critic import Ranks


def records(n: int, seed: int) -> Ranks:
    """Two quantities that lie close to each other, and two categories by chance."""
    r = np.random.default_rng(seed)
    first = r.integers(0, 30, n)
    second = (first + r.integers(-1, 2, n)).clip(0, 29)
    return np.stack([first, second, r.integers(0, 5, n), r.integers(0, 4, n)], 1).astype(np.float32)


def adding_up(n: int, seed: int) -> Ranks:
    """Five quantities by chance, and what they add up to, give or take some."""
    r = np.random.default_rng(seed)
    parts = r.integers(0, 10, (n, 5))
    return np.column_stack([parts, (parts.sum(1) + r.integers(-1, 2, n)).clip(0, 45)]).astype(np.float32)


@pytest.mark.parametrize("make", [records, adding_up], ids=["without predictions", "with predictions"])
def test_every_leaf_is_about_many_records(make: Callable[[int, int], Ranks]) -> None:
    real = make(4000, 0)
    for column, width in enumerate(real.max(0).astype(int) + 1):
        one = fit_trees(real, real, column, int(width), np.random.default_rng(0))
        assert (one.prediction is not None) == (make is adding_up and width > FEW_CODES)
        for tree, table in zip(one.trees, one.tables, strict=True):
            leaves = tree.tree_.children_left < 0
            assert tree.tree_.n_node_samples[leaves].min() >= LEAF_RECORDS
            assert np.allclose(table[leaves].sum(1), 1)


@pytest.mark.parametrize("noise", [0, 60])
def test_of_many_columns_each_split_sees_the_prediction(noise: int) -> None:
    r = np.random.default_rng(0)
    real = np.column_stack([adding_up(5000, 0), r.integers(0, 10, (5000, noise))]).astype(np.float32)
    one = fit_trees(real, real, 5, 46, r)
    assert one.prediction is not None
    assert all(int(tree.tree_.feature[0]) == real.shape[1] for tree in one.trees)


def test_what_a_tree_leaves_unexplained_is_told_by_other_records() -> None:
    """Of what is chance a tree explains nothing, and less than nothing by as much as the mean of a leaf is off."""
    r = np.random.default_rng(0)
    others, place = r.integers(0, 10, (20_000, 4)).astype(np.float32), r.random(20_000)
    some = r.permutation(20_000)[:10_000]
    tree = DecisionTreeRegressor(min_samples_leaf=LEAF_RECORDS).fit(others[some], place[some])
    assert 1 < unexplained(tree, others, place, some) < 1 + 2 / LEAF_RECORDS
