"""The critic's leaves hold the records that its trees put there, and lie where two tables differ."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from synth.protection import LEAF_RECORDS
from synth.trees.critic import Boxes, Ranks, boxes_of, explain, fit_critic, join

WIDTHS = (4, 6, 5, 3, 12)


def ranks(n: int, seed: int, widths: tuple[int, ...] = WIDTHS) -> Ranks:
    r = np.random.default_rng(seed)
    return np.stack([r.integers(0, w, n) for w in widths], 1).astype(np.float32)


def inside(boxes: Boxes, records: Ranks) -> np.ndarray:
    """(records, K) whether each record lies in each box."""
    held = np.ones((len(records), len(boxes)), dtype=bool)
    for number in range(len(boxes)):
        for column, low, high in zip(boxes.column[number], boxes.low[number], boxes.high[number], strict=True):
            if column >= 0:
                held[:, number] &= (records[:, column] >= low) & (records[:, column] <= high)
    return held


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 40), min_size=1, max_size=6))
def test_the_boxes_of_a_tree_hold_exactly_the_records_of_its_leaves(seed: int, widths: list[int]) -> None:
    real, made = ranks(600, seed, tuple(widths)), ranks(600, seed + 1, tuple(widths))
    made = np.minimum(made, made[:, ::-1])
    critic = fit_critic(real, made, widths, np.random.default_rng(seed), 3)
    unseen = ranks(500, seed + 2, tuple(widths))
    for tree in critic.trees:
        held, leaf = inside(boxes_of(tree, widths, range(len(widths))), unseen), tree.apply(unseen)
        if tree.tree_.node_count == 1:
            assert held.shape[1] == 0, "a tree without a split tells nothing"
            continue
        assert (held.sum(1) == 1).all(), "each record lies in one box"
        box = held.argmax(1)
        assert len(set(zip(box, leaf, strict=True))) == len(set(box)) == len(set(leaf))
        assert held.shape[1] == (tree.tree_.children_left < 0).sum()


def test_a_difference_that_only_three_columns_together_show_is_found() -> None:
    """Every one- and two-way table of the two is the same: of three bits, one table has more of odd sums."""
    r = np.random.default_rng(0)
    real, made = ranks(6000, 1, (2, 2, 2, 6, 4)), ranks(6000, 2, (2, 2, 2, 6, 4))
    flipped = (made[:, :3].sum(1) % 2 == 0) & (r.random(6000) < 0.6)
    made[flipped, 0] = 1 - made[flipped, 0]
    fresh_real, fresh_made = real[4000:], made[4000:]
    critic = fit_critic(real[:4000], made[:4000], (2, 2, 2, 6, 4), np.random.default_rng(3), 30)
    scores = np.r_[critic.score(fresh_real), critic.score(fresh_made)]
    assert roc_auc_score(np.repeat([1, 0], 2000), scores) > 0.55


def test_the_leaf_with_the_fewest_generated_records_is_the_planted_conjunction() -> None:
    real, made = ranks(8000, 1), ranks(8000, 2)
    planted = (made[:, 0] >= 2) & (made[:, 1] <= 2) & (made[:, 4] >= 6)
    made = made[~planted | (np.random.default_rng(0).random(8000) < 0.3)]
    critic = fit_critic(real, made, WIDTHS, np.random.default_rng(3), 20)
    boxes = critic.boxes()
    shares = [inside(boxes, table).mean(0) for table in (ranks(20_000, 4), made)]
    worst = int(np.argmin(np.where(shares[0] > 0.02, shares[1] / shares[0].clip(1e-9), 1.0)))
    assert {0, 1, 4} <= set(boxes.column[worst].tolist())
    members = ranks(20_000, 5)
    members = members[inside(boxes, members)[:, worst]]
    assert ((members[:, 0] >= 2) & (members[:, 1] <= 2) & (members[:, 4] >= 6)).mean() > 0.9


def test_a_critic_of_two_tables_of_one_law_finds_nothing_that_lasts() -> None:
    critic = fit_critic(ranks(4000, 1), ranks(4000, 2), WIDTHS, np.random.default_rng(3), 20)
    scores = np.r_[critic.score(ranks(4000, 4)), critic.score(ranks(4000, 5))]
    assert roc_auc_score(np.repeat([1, 0], 4000), scores) == pytest.approx(0.5, abs=0.03)


def test_no_leaf_is_grown_on_fewer_records_than_it_may() -> None:
    critic = fit_critic(ranks(3000, 1), np.minimum(ranks(3000, 2), 3), WIDTHS, np.random.default_rng(3), 10)
    for tree in critic.trees:
        assert tree.tree_.n_node_samples[tree.tree_.children_left < 0].min() >= LEAF_RECORDS


def test_explain_finds_what_the_target_depends_on() -> None:
    r = np.random.default_rng(0)
    real = ranks(5000, 1)
    depends = (real[:, 2] >= 3) & (real[:, 0] <= 1)
    real[:, 3] = np.where(r.random(5000) < 0.9, np.where(depends, 2, 0), 1)
    boxes = explain(real, 3, WIDTHS, np.random.default_rng(4), 5)
    assert (boxes.column == 3).any(1).all(), "every box bounds the target"
    held = inside(boxes, real)
    others = Boxes(column=np.where(boxes.column == 3, -1, boxes.column), low=boxes.low.copy(), high=boxes.high.copy())
    around = inside(others, real)
    lift = held.mean(0) / (around.mean(0) * 0.9 * depends.mean() + 1e-9)
    is_two = (np.where(boxes.column == 3, boxes.low, 0).sum(1) == 2) & (around.mean(0) > 0.02)
    best = int(np.argmax(np.where(is_two, lift, 0)))
    assert {0, 2} <= set(boxes.column[best].tolist())
    assert held[:, best].sum() > 0.85 * around[:, best].sum()


def test_a_target_of_many_codes_is_explained_by_its_quarters() -> None:
    real = ranks(2000, 1, (5, 40))
    boxes = explain(real, 1, (5, 40), np.random.default_rng(0), 2)
    spans = {
        (low, high)
        for c, a, b in zip(boxes.column, boxes.low, boxes.high, strict=True)
        for column, low, high in zip(c, a, b, strict=True)
        if column == 1
    }
    assert len(spans) == 4
    covered = [code for low, high in spans for code in range(low, high + 1)]
    assert sorted(covered) == list(range(40))


def test_no_boxes_join_to_none() -> None:
    assert len(join([])) == 0
