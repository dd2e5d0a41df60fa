"""Weights bring pairs as near to the table's as chance would, without a group that only few records are in."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from synth.chain.raking import FEW_CODES, MOST, Targets, chances, dual, fit_weights, make_groups, targets_of
from synth.protection import LEAF_RECORDS


def groups_of(values: np.ndarray, middle: np.ndarray) -> list[int]:
    found: list[int] = make_groups(values[:, None].astype(np.float32), [middle], []).tolist()
    return found


@given(st.lists(st.integers(0, 200), min_size=1, max_size=300), st.integers(1, 3), st.booleans())
@settings(max_examples=50)
def test_groups_are_neighbours_and_numbered_through(values: list[int], columns: int, quantity: bool) -> None:
    ranks = np.tile(np.array(values, dtype=np.float32)[:, None], (1, columns))
    middle = np.arange(201.0) ** 2 if quantity else np.full(201, np.nan)
    found = make_groups(ranks, [middle] * columns, []).numpy()
    step = np.diff(found)
    assert found[0] == 0
    assert set(step.tolist()) <= {0, 1}
    assert all(step[201 * k - 1] == 1 for k in range(1, columns))


def test_few_codes_are_groups_by_themselves_and_silent_columns_have_one() -> None:
    ranks = np.zeros((10, 2), dtype=np.float32)
    middles = [np.arange(float(FEW_CODES))] * 2
    assert make_groups(ranks, middles, [1]).tolist() == [*range(FEW_CODES), *[FEW_CODES] * FEW_CODES]


def test_the_tail_of_a_quantity_and_its_missing_values_are_apart() -> None:
    """One in a hundred lies far beyond the others, and one in a hundred is missing."""
    middle = np.r_[np.arange(98.0), 1000.0, np.nan]
    found = groups_of(np.arange(100), middle)
    assert found[97] < found[98] < found[99]
    assert len(set(groups_of(np.arange(100), np.full(100, np.nan)))) == 10


def tables(n: int, agreeing: float, seed: int) -> Tensor:
    """(n, 2) groups: two of one column, and two of another that agree in a share of the records."""
    r = np.random.default_rng(seed)
    first = r.integers(0, 2, n)
    second = np.where(r.random(n) < agreeing, first, 1 - first)
    return torch.from_numpy(np.stack([first, second + 2], 1))


def test_pairs_come_to_be_as_frequent_as_in_the_table() -> None:
    real, made, belongs = tables(20_000, 0.8, 0), tables(20_000, 0.5, 1), torch.tensor([0, 0, 1, 1])
    blind = torch.full((len(made), 2), 0.5)
    wanted = targets_of(real, made, blind, 1, belongs)
    weight = fit_weights(wanted, len(real))
    rows = torch.nn.functional.embedding_bag(wanted.asked, weight, mode="sum").softmax(1)
    assert float(rows[made[:, 0] == 1, 1].mean()) == pytest.approx(0.8, abs=0.02)
    assert float(rows[:, 1].mean()) == pytest.approx(float((real[:, 1] == 3).double().mean()), abs=0.005)


def test_what_is_off_by_a_handful_of_records_has_no_weight() -> None:
    real, belongs = tables(400, 0.5, 0), torch.tensor([0, 0, 1, 1])
    made, few = real.clone(), torch.nonzero((real[:, 0] == 1) & (real[:, 1] == 2))[:4, 0]
    real[few, 1] = 3
    share = torch.nn.functional.one_hot(made[:, 1] - 2, 2).float() * 0.98 + 0.01
    weight = fit_weights(targets_of(real, made, share, 1, belongs), len(real))
    assert not weight[:2].any()


@given(st.integers(0, 1000), st.floats(0.05, 0.95))
@settings(max_examples=25, deadline=None)
def test_what_is_wanted_has_the_margins_of_both_tables(seed: int, share: float) -> None:
    """The generated records have the first column more or less often, which is not the second one's to mend."""
    real, made, belongs = tables(2000, 0.7, seed), tables(2000, 0.5, seed + 1), torch.tensor([0, 0, 1, 1])
    made[:, 0] = torch.from_numpy((np.random.default_rng(seed).random(2000) < share).astype(np.int64))
    wanted = targets_of(real, made, torch.full((2000, 2), 0.5), 1, belongs)
    asked = torch.bincount(made[:, 0], minlength=2) / 2000
    alone = torch.bincount(real[:, 1] - 2, minlength=2) / 2000
    assert torch.allclose(wanted.pairs[:2].sum(1).float(), asked, atol=1e-3)
    assert torch.allclose(wanted.pairs[:2].sum(0).float(), alone, atol=1e-6)
    assert torch.allclose(wanted.pairs[2].float(), alone)
    odds = [float(p[0, 0] * p[1, 1] / (p[0, 1] * p[1, 0])) for p in (wanted.pairs[:2], _joint(real))]
    assert odds[0] == pytest.approx(odds[1], rel=1e-3)


def _joint(real: Tensor) -> Tensor:
    return torch.bincount(real[:, 0] * 2 + real[:, 1] - 2, minlength=4).view(2, 2).double()


def certain_leaves(certainty: float) -> tuple[Tensor, Targets]:
    """In the table the columns agree; in most leaves the second is certain, and knows nothing of the first."""
    r = np.random.default_rng(0)
    first = (r.random(20_000) < 0.3).astype(np.int64)
    real, belongs = torch.from_numpy(np.stack([first, first + 2], 1)), torch.tensor([0, 0, 1, 1])
    certain, group = torch.from_numpy(r.random(len(first)) < certainty), torch.from_numpy(r.random(len(first)) < 0.25)
    hot = torch.nn.functional.one_hot(group.long(), 2).float()
    share = torch.where(certain[:, None], hot, torch.tensor([0.6, 0.4]))
    made = torch.stack([real[:, 0], group.long() + 2], 1)[torch.from_numpy(r.permutation(len(first)))]
    return real, targets_of(real, made, share, 1, belongs)


def test_pairs_that_leaves_do_not_have_cost_the_column_none_of_its_frequencies() -> None:
    real, wanted = certain_leaves(0.8)
    chance = chances(fit_weights(wanted, len(real)), wanted)
    assert float(chance[:, 1].mean()) == pytest.approx(float((real[:, 1] == 3).double().mean()), abs=0.002)


def test_weights_do_not_count_on_groups_that_a_leaf_does_not_have() -> None:
    """Many columns ask for the other group together, as loudly as they may: certain leaves stay certain."""
    certain = torch.tensor([[1.0, 0.0]]).repeat(100, 1)
    asked = torch.tensor([[*range(20)]]).repeat(100, 1)
    pairs = torch.tensor([[0.5, 0.5]]).double().repeat(20, 1)
    wanted = Targets(asked=asked, share=certain, first=0, pairs=pairs, slack=torch.full_like(pairs, 0.01))
    loud = torch.tensor([[-MOST, MOST]]).double().repeat(20, 1)
    _, missing = dual(wanted, loud)
    assert missing.reshape(20, 2) == pytest.approx(np.tile([0.5, -0.5], (20, 1)))


def test_a_group_that_next_to_no_generated_record_may_draw_has_no_weight() -> None:
    """In a leaf that comes up later it would push all others aside."""
    real, belongs = tables(4000, 0.9, 0), torch.tensor([0, 0, 1, 1, 1])
    real[:400, 1] = 4
    made = tables(4000, 0.5, 1)
    share = torch.tensor([[0.5, 0.5, 0.0]]).repeat(len(made), 1)
    share[: LEAF_RECORDS - 1] = torch.tensor([0.4, 0.4, 0.2])
    weight = fit_weights(targets_of(real, made, share, 1, belongs), len(real))
    assert not weight[:, 2].any()
    assert float(weight[:, :2].abs().max()) > 0.1
    assert float(weight.abs().max()) <= 2 * MOST
