"""Leaves hold enough people, not only enough records."""

from __future__ import annotations

import numpy as np
import torch

from synth.protection import LEAF_OF_HISTORIES, LEAF_PEOPLE
from synth.sequences.forest import joined
from synth.sequences.grow import OWN_SHARE, bin_features, grow_tree
from synth.trees.arrays import leaf_of


def test_each_leaf_holds_records_of_enough_people_and_of_none_mostly() -> None:
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(200), np.r_[[1500], rng.integers(5, 20, 199)])
    # the features and outputs tell people apart, so that each would be a leaf of their own
    features = np.stack([who, who % 7, rng.integers(0, 100, len(who))], axis=1).astype(np.int32)
    outputs = np.stack([who, (who == 0) * 100], axis=1).astype(np.float64)
    tree = grow_tree(bin_features(features, who), 3, outputs, who, rng, rows=np.arange(len(who)))
    forest = joined([[tree]])
    leaf = leaf_of(
        forest, torch.from_numpy(features.T.astype(np.int64).copy()), torch.zeros(len(who), dtype=torch.int64)
    )
    assert len(leaf.unique()) > 1
    for node in leaf.unique().tolist():
        inside = who[(leaf == node).numpy()]
        assert len(np.unique(inside)) >= LEAF_PEOPLE
        assert len(inside) >= LEAF_OF_HISTORIES
        held = tree.levels[node]
        assert np.unique(held, return_counts=True)[1].max() <= (OWN_SHARE + 0.06) * len(held)


def test_a_person_with_a_sequence_of_their_own_is_not_drawn_as_a_whole() -> None:
    """The levels of one person stand in a leaf beside those of many others."""
    rng = np.random.default_rng(1)
    who = np.repeat(np.arange(300), 10)
    features = np.where(who[:, None] == 5, 99, rng.integers(0, 50, (len(who), 1))).astype(np.int32)
    levels = np.where(who == 5, 1, 0)
    tree = grow_tree(
        bin_features(features, who), 1, levels[:, None].astype(float), levels, rng, rows=np.arange(len(who))
    )
    forest = joined([[tree]])
    drawn = forest.draw(0, np.full((1, 2000), 99, dtype=np.int64), rng)
    assert drawn.mean() <= OWN_SHARE + 0.05
