"""Every leaf is about many people, and a prediction is seen where it tells more than a tree by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeRegressor

from synth.chain.column_trees import FEW_CODES, Numbers, counted, fit_trees, pruned, unexplained, useful_splits
from synth.protection import LEAF_RECORDS
from synth.trees.arrays import DEPTH, Ranks


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
        others = real.copy()
        others[:, column] = 0
        if one.prediction is not None:
            level = one.prediction.levels(torch.from_numpy(others.T), torch.Generator().manual_seed(0))
            others = np.column_stack([others, level])
        for tree, table in zip(one.trees, one.tables, strict=True):
            leaves = tree["left"] == np.arange(len(table))
            assert np.allclose(table[leaves].sum(1), 1)
            assert not table[~leaves].any()
            reached = np.bincount(leaf_in(tree, others), minlength=len(table))
            # half of them are held out
            assert reached[leaves].min() >= LEAF_RECORDS


def leaf_in(tree: Mapping[str, NDArray[Any]], others: Ranks) -> NDArray[np.int64]:
    """(records,) the leaf that each comes to."""
    node = np.zeros(len(others), dtype=np.int64)
    for _ in range(DEPTH):
        left = others[np.arange(len(others)), tree["feature"][node]] <= tree["cut"][node]
        node = np.where(left, tree["left"][node], tree["right"][node])
    return node


def test_a_leaf_draws_from_many_records_that_did_not_grow_the_tree() -> None:
    """Each of the records has a code of its own, so that the shares of a leaf say how many it holds."""
    real = records(4000, 0)
    real[:, 2] = np.arange(4000)
    one = fit_trees(real, real, 2, 4000, np.random.default_rng(0), predicted=False)
    for table in one.tables:
        assert np.count_nonzero(table.sum(0)) == 2000
        assert (np.count_nonzero(table, axis=1)[table.any(1)] >= LEAF_RECORDS).all()


def one_split() -> DecisionTreeRegressor:
    """A tree that tells 200 records with 0 from 200 with 1."""
    side = np.repeat([0.0, 1.0], 200)[:, None]
    return DecisionTreeRegressor(min_samples_leaf=LEAF_RECORDS).fit(side, side[:, 0])


def counts(tree: DecisionTreeRegressor, sides: list[int], ranks: list[int]) -> Numbers:
    """The counts of two ranks in each node, of one record for each side and rank."""
    return counted(tree, np.array(sides, dtype=np.float32)[:, None], np.array(ranks), 2)


SIDES, EVEN = [0] * 200 + [1] * 200, [0, 1] * 200


@pytest.mark.parametrize("few", [0, LEAF_RECORDS - 1, LEAF_RECORDS])
def test_a_split_goes_where_few_held_out_records_lie_on_a_side(few: int) -> None:
    tree, sides = one_split(), [0] * few + [1] * 150
    stays = useful_splits(tree, counts(tree, SIDES, SIDES), counts(tree, sides, sides))
    assert stays.tolist() == [few == LEAF_RECORDS, False, False]


def test_a_split_goes_where_it_does_not_help_to_tell_held_out_records() -> None:
    tree = one_split()
    grown = counts(tree, SIDES, SIDES)
    assert not useful_splits(tree, grown, counts(tree, SIDES, EVEN)).any()
    assert useful_splits(tree, grown, grown)[0]


@given(st.integers(0, 2**32), st.floats(0, 1))
def test_a_pruned_tree_ends_where_the_whole_one_goes_on(seed: int, share: float) -> None:
    r = np.random.default_rng(seed)
    others = r.integers(0, 6, (300, 3)).astype(np.float32)
    tree = DecisionTreeRegressor(min_samples_leaf=10, max_depth=5).fit(others, r.random(300))
    stays = (tree.tree_.children_left >= 0) & (r.random(tree.tree_.node_count) < share)
    nodes, left = pruned(tree, stays)
    ends = left[leaf_in(nodes, others)]
    path = tree.decision_path(others).toarray().astype(bool)
    for way, end in zip(path, ends, strict=True):
        above = np.flatnonzero(way)
        assert way[end]
        assert not stays[end]
        assert stays[above[above < end]].all()


def test_columns_that_say_nothing_of_each_other_have_few_leaves() -> None:
    """Of 2,000 records of noise, a tree that is not pruned has more than 20."""
    real = np.random.default_rng(0).integers(0, 4, (4000, 4)).astype(np.float32)
    one = fit_trees(real, real, 0, 4, np.random.default_rng(0))
    assert np.mean([np.count_nonzero(table.any(1)) for table in one.tables]) < 6


@pytest.mark.parametrize("noise", [0, 60])
def test_of_many_columns_each_split_sees_the_prediction(noise: int) -> None:
    r = np.random.default_rng(0)
    real = np.column_stack([adding_up(5000, 0), r.integers(0, 10, (5000, noise))]).astype(np.float32)
    one = fit_trees(real, real, 5, 46, r)
    assert one.prediction is not None
    assert all(int(tree["feature"][0]) == real.shape[1] for tree in one.trees)


def test_what_a_tree_leaves_unexplained_is_told_by_other_records() -> None:
    """Of what is chance a tree explains nothing, and less than nothing by as much as the mean of a leaf is off."""
    r = np.random.default_rng(0)
    others, place = r.integers(0, 10, (20_000, 4)).astype(np.float32), r.random(20_000)
    some = r.permutation(20_000)[:10_000]
    tree = DecisionTreeRegressor(min_samples_leaf=LEAF_RECORDS).fit(others[some], place[some])
    assert 1 < unexplained(tree, others, place, some) < 1 + 2 / LEAF_RECORDS
