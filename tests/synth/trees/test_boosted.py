"""Boosted trees as arrays say what scikit-learn predicts, and a changed file is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from torch import Tensor

from synth.arrays import arrays_of
from synth.errors import ArtifactError
from synth.trees.arrays import Ranks
from synth.trees.boosted import LEAVES, Boosted, boosted_of, open_columns

COLUMNS = 4


def ranks_of(r: np.random.Generator, count: int, width: int) -> Ranks:
    return r.integers(0, width, (count, COLUMNS)).astype(np.float32)


def regressor(seed: int = 0, width: int = 12, rounds: int = 5) -> tuple[HistGradientBoostingRegressor, Ranks]:
    r = np.random.default_rng(seed)
    ranks = ranks_of(r, 1000, width)
    booster = HistGradientBoostingRegressor(max_iter=rounds, max_leaf_nodes=LEAVES, max_depth=8, random_state=0)
    return booster.fit(ranks, ranks @ r.normal(size=COLUMNS) + r.normal(size=1000)), ranks


@given(seed=st.integers(0, 2**32), width=st.integers(1, 400), rounds=st.integers(1, 6))
@settings(max_examples=20, deadline=None)
def test_a_quantity_is_predicted_as_by_scikit_learn(seed: int, width: int, rounds: int) -> None:
    booster, _ = regressor(seed, width, rounds)
    asked = ranks_of(np.random.default_rng(seed + 1), 500, width)
    found = boosted_of(booster, np.arange(COLUMNS), [0], 1).scores(torch.from_numpy(asked))[:, 0].numpy()
    np.testing.assert_allclose(found, booster.predict(asked), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("codes", [2, 3, 5])
def test_a_category_is_as_likely_as_by_scikit_learn(codes: int) -> None:
    r = np.random.default_rng(codes)
    ranks = ranks_of(r, 2000, 9)
    own = ((ranks[:, 0] + 3 * (r.random(2000) < 0.3)) % codes).astype(int)
    booster = HistGradientBoostingClassifier(max_iter=8, max_leaf_nodes=LEAVES, max_depth=8).fit(ranks, own)
    found = boosted_of(booster, np.arange(COLUMNS), range(codes) if codes > 2 else [1], codes)
    chances = torch.softmax(found.scores(torch.from_numpy(ranks)), 1).numpy()
    np.testing.assert_allclose(chances, booster.predict_proba(ranks), atol=1e-4)


def trees() -> Boosted:
    return boosted_of(regressor()[0], np.arange(COLUMNS), [0], 1)


def test_what_was_written_is_read_back() -> None:
    tensors = arrays_of(trees())
    read = Boosted.from_tensors("trees", tensors, COLUMNS, 1, 5)
    assert all(torch.equal(value, tensors[name]) for name, value in arrays_of(read).items())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("feature", COLUMNS),
        ("feature", -1),
        ("left", 10**6),
        ("right", -1),
        ("value", torch.nan),
        ("cut", torch.inf),
        ("prior", torch.nan),
    ],
)
def test_nodes_columns_and_numbers_that_are_not_there_are_refused(name: str, value: float) -> None:
    tensors = {n: t.clone() for n, t in arrays_of(trees()).items()}
    tensors[name].view(-1)[0] = value
    with pytest.raises(ArtifactError, match="trees: expected"):
        Boosted.from_tensors("trees", tensors, COLUMNS, 1, 5)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cut", torch.zeros(5, 61).double()),
        ("left", torch.zeros(5, 61, dtype=torch.int64)),
        ("prior", torch.zeros(2)),
        ("value", torch.zeros(5, 61)),
        ("feature", torch.zeros(61, dtype=torch.int32)),
        ("feature", torch.zeros(5, 0, dtype=torch.int32)),
        ("more", torch.zeros(1)),
    ],
)
def test_arrays_that_do_not_fit_one_another_are_refused(name: str, value: Tensor) -> None:
    with pytest.raises(ArtifactError, match="trees: expected"):
        Boosted.from_tensors("trees", arrays_of(trees()) | {name: value}, COLUMNS, 1, 5)


@pytest.mark.parametrize(("trees_", "nodes"), [(1, 0), (1, 62), (6, 61)])
def test_other_sizes_than_trees_have_are_refused(trees_: int, nodes: int) -> None:
    shape = (trees_, nodes)
    own = torch.arange(nodes, dtype=torch.int32).expand(shape)
    tensors = {
        "prior": torch.zeros(1),
        "feature": torch.zeros(shape, dtype=torch.int32),
        "cut": torch.zeros(shape),
        "left": own,
        "right": own,
        "value": torch.zeros(*shape, 1),
    }
    with pytest.raises(ArtifactError, match="at most 5 trees"):
        Boosted.from_tensors("trees", tensors, COLUMNS, 1, 5)


def test_more_masks_than_memory_is_for_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    found = trees()
    monkeypatch.setattr("synth.trees.quickscorer.MOST_MASKS", found.scorer.count)
    Boosted.from_tensors("trees", arrays_of(found), COLUMNS, 1, 5)
    monkeypatch.setattr("synth.trees.quickscorer.MOST_MASKS", found.scorer.count - 1)
    with pytest.raises(ArtifactError, match="masks"):
        Boosted.from_tensors("trees", arrays_of(found), COLUMNS, 1, 5)


def test_constants_are_not_looked_at() -> None:
    r = np.random.default_rng(0)
    ranks = np.zeros((2000, 40), dtype=np.float32)
    ranks[:, 17] = r.integers(0, 9, 2000)
    columns = open_columns(ranks)
    assert columns.tolist() == [17]
    booster = HistGradientBoostingRegressor(max_iter=3, max_features=0.5).fit(ranks[:, columns], ranks[:, 17] == 4)
    found = boosted_of(booster, columns, [0], 1)
    told = found.scores(torch.from_numpy(ranks))[:, 0].numpy()
    np.testing.assert_allclose(told, booster.predict(ranks[:, columns]), atol=1e-5)
    assert told[ranks[:, 17] == 4].min() > told[ranks[:, 17] != 4].max()


def test_a_tree_of_more_leaves_than_a_mask_has_bits_is_refused() -> None:
    """Nodes that lead on to the same node are leaves over and over again, one for each way there."""
    tensors = {n: t.clone() for n, t in arrays_of(trees()).items()}
    for side, step in (("left", 1), ("right", 1)):
        tensors[side][0, :60] = torch.arange(60, dtype=torch.int32) + step
    with pytest.raises(ArtifactError, match="leaves"):
        Boosted.from_tensors("trees", tensors, COLUMNS, 1, 5)
