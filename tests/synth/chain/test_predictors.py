"""Predictions tell a column by the others, of nobody by trees that know him, and only where that is worth it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from synth.arrays import names_of
from synth.chain.predictors import (
    FEWEST_RECORDS,
    FOLDS,
    LEVELS,
    Prediction,
    fit_prediction,
    from_tensors,
    level_of,
    to_tensors,
)
from synth.errors import ArtifactError
from synth.protection import LEAF_RECORDS
from synth.trees.arrays import Ranks
from synth.trees.boosted import Boosted
from tests.synth.chain.test_boosted_target import walked

WIDTHS = [10] * 6 + [60]
OWN = 6


def records(n: int, seed: int = 0) -> tuple[Ranks, NDArray[np.float64]]:
    """(six categories and a constant, where the sum of the six lies, give or take some chance)."""
    r = np.random.default_rng(seed)
    others = r.integers(0, 10, (n, 7)).astype(np.float32)
    others[:, OWN] = 0
    return others, (others.sum(1) / 54 + 0.02 * r.normal(size=n)).clip(0, 1)


def found(n: int = 4000, seed: int = 0) -> tuple[Prediction, Ranks]:
    others, place = records(n, seed)
    one = fit_prediction(others, place, 0.5, np.random.default_rng(seed))
    assert one is not None
    return one


def test_what_others_add_up_to_is_predicted_of_whom_nobody_learnt() -> None:
    others, place = records(2000, seed=9)
    levels = found()[0].levels(torch.from_numpy(others.T.copy()).long(), torch.Generator().manual_seed(0))
    missed = (levels.numpy() + 0.5) / LEVELS - place
    assert np.mean(missed**2) < 0.15 * np.var(place)
    assert int(levels.min()) >= 0
    assert int(levels.max()) < LEVELS


def test_of_its_own_records_it_says_no_more_than_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """With little to learn from so few records, trees fit what is chance in them: of these they would say more."""
    monkeypatch.setattr("synth.chain.predictors.FEWEST_RECORDS", 900)
    r = np.random.default_rng(3)
    others, law = records(900, seed=3)
    place = (law + 0.3 * r.normal(size=900)).clip(0, 1)
    one = fit_prediction(others, place, 10.0, np.random.default_rng(3))
    assert one is not None
    prediction, levels = one
    of_own = np.corrcoef(levels, place)[0, 1]
    of_everyone = prediction.levels(torch.from_numpy(others.T.copy()), torch.Generator().manual_seed(0)).numpy()
    fresh, fresh_law = records(20_000, seed=4)
    fresh_place = (fresh_law + 0.3 * r.normal(size=20_000)).clip(0, 1)
    of_fresh = prediction.levels(torch.from_numpy(fresh.T.copy()), torch.Generator().manual_seed(0)).numpy()
    noise = 1 / np.sqrt(900)
    assert np.corrcoef(of_everyone, place)[0, 1] > np.corrcoef(of_fresh, fresh_place)[0, 1] + 2 * noise
    assert of_own < np.corrcoef(of_fresh, fresh_place)[0, 1] + 2 * noise


def test_what_is_chance_is_not_predicted() -> None:
    others, _ = records(4000)
    place = np.random.default_rng(1).random(4000)
    assert fit_prediction(others, place, 1.0, np.random.default_rng(0)) is None


def test_what_a_tree_explains_as_well_is_not_predicted() -> None:
    others, place = records(4000)
    assert fit_prediction(others, place, 0.01, np.random.default_rng(0)) is None


def test_too_few_records_are_not_predicted() -> None:
    others, place = records(FEWEST_RECORDS - 1)
    assert fit_prediction(others, place, 1.0, np.random.default_rng(0)) is None


def test_where_others_tell_nothing_nothing_is_predicted() -> None:
    assert (
        fit_prediction(np.zeros((4000, 4), dtype=np.float32), records(4000)[1], 1.0, np.random.default_rng(0)) is None
    )


def test_a_constant_is_not_predicted() -> None:
    others, _ = records(4000)
    assert fit_prediction(others, np.full(4000, 0.5), 0.0, np.random.default_rng(0)) is None


def test_every_leaf_is_about_many_records() -> None:
    others, place = records(4000)
    one = fit_prediction(others, place, 0.5, np.random.default_rng(0))
    assert one is not None
    fold = np.random.default_rng(0).integers(FOLDS, size=4000)
    for number, trees in enumerate(one[0].folds):
        leaves = walked(trees, torch.from_numpy(others[fold != number]))
        assert min(int(torch.unique(leaf, return_counts=True)[1].min()) for leaf in leaves.T) >= LEAF_RECORDS


def test_any_number_is_some_level() -> None:
    levels = level_of(torch.tensor([-torch.inf, -1.0, 0.0, 0.5, 1.0, 7.0]))
    assert levels.tolist() == [0, 0, 0, LEVELS // 2, LEVELS - 1, LEVELS - 1]


def test_what_was_written_is_read_back() -> None:
    predictions = {OWN: found()[0], 2: found(seed=1)[0]}
    tensors = to_tensors(predictions)
    read = to_tensors(from_tensors(tensors, WIDTHS))
    assert all(torch.equal(value, tensors[name]) for name, value in read.items())
    assert from_tensors({}, WIDTHS) == to_tensors({}) == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("column", torch.tensor([7])),
        ("column", torch.tensor([-1])),
        ("column", torch.tensor([6.0])),
        ("column", torch.tensor(6)),
        ("column", torch.tensor([6, 6])),
        ("column", torch.tensor([], dtype=torch.int64)),
        ("feature", torch.tensor(0, dtype=torch.int32)),
        ("feature", torch.zeros(1, 3, 40, 61, dtype=torch.int64)),
        ("feature", torch.full((1, 3, 40, 61), 7, dtype=torch.int32)),
        ("prior", torch.zeros(1, 2, 1)),
        ("value", torch.zeros(1, 3, 40, 61, 2)),
        ("more", torch.zeros(1)),
    ],
)
def test_arrays_that_do_not_fit_one_another_are_refused(name: str, value: Tensor) -> None:
    with pytest.raises(ArtifactError, match="prediction: expected"):
        from_tensors(to_tensors({OWN: found()[0]}) | {name: value}, WIDTHS)


def test_more_masks_than_memory_is_for_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    one = found()[0]
    monkeypatch.setattr("synth.chain.predictors.MOST_MASKS", sum(trees.scorer.count for trees in one.folds) - 1)
    with pytest.raises(ArtifactError, match="masks"):
        from_tensors(to_tensors({OWN: one}), WIDTHS)


def test_a_file_without_some_of_the_arrays_is_refused() -> None:
    tensors = to_tensors({OWN: found()[0]})
    for name in ("column", *names_of(Boosted)):
        with pytest.raises(ArtifactError, match="prediction: expected"):
            from_tensors({n: t for n, t in tensors.items() if n != name}, WIDTHS)
