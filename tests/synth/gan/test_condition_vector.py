"""Conditions are drawn with the frequencies they should have."""

from __future__ import annotations

import numpy as np
import torch
from scipy import stats

from synth.encode.layout import MANY_COLUMNS, draw_codes, make_layout, softmax_by_column
from synth.gan.condition_vector import count_codes, make_conditions

LAYOUT = make_layout([3, 2, 1], [], "cpu")
CODES = torch.tensor([[0, 0, 0]] * 90 + [[1, 1, 0]] * 8 + [[2, 0, 0]] * 2)


def test_training_by_sampling_draws_log_frequencies() -> None:
    counts = count_codes(CODES, LAYOUT)
    flat = make_conditions(counts, LAYOUT, 1.0).draw(200_000, torch.Generator().manual_seed(0))
    got = np.bincount(flat, minlength=6)
    logs = np.log1p([90.0, 8, 2]) / np.log1p([90.0, 8, 2]).sum()
    pair = np.log1p([92.0, 8]) / np.log1p([92.0, 8]).sum()
    wanted = np.r_[logs / 2, pair / 2]
    assert got[5] == 0, "a constant column is no condition"
    assert stats.chisquare(got[:5], 200_000 * wanted).pvalue > 1e-4


def test_true_frequencies_are_the_tables() -> None:
    counts = count_codes(CODES, LAYOUT)
    flat = make_conditions(counts, LAYOUT, 0.0).draw(200_000, torch.Generator().manual_seed(0))
    wanted = np.r_[0.9, 0.08, 0.02, 0.92, 0.08] / 2
    assert stats.chisquare(np.bincount(flat, minlength=6)[:5], 200_000 * wanted).pvalue > 1e-4


def test_weights_undo_the_log_share() -> None:
    conditions = make_conditions(count_codes(CODES, LAYOUT), LAYOUT, 0.25)
    flat = conditions.draw(400_000, torch.Generator().manual_seed(0))
    weights = conditions.weights[flat]
    assert weights.max() <= 1 / 0.75 + 1e-6
    weighted = torch.zeros(6).index_add_(0, flat, weights) / weights.sum()
    assert torch.allclose(weighted[:5] * 2, torch.tensor([0.9, 0.08, 0.02, 0.92, 0.08]), atol=0.01)


def test_codes_are_counted_column_by_column() -> None:
    assert count_codes(CODES, LAYOUT).tolist() == [90, 8, 2, 92, 8, 100]


def test_drawn_codes_follow_the_probabilities() -> None:
    probabilities = softmax_by_column(torch.tensor([[0.0, 1.0, 2.0, -3.0, 3.0, 0.0]]), LAYOUT).expand(100_000, -1)
    assert torch.allclose(probabilities[0] @ LAYOUT.member, torch.ones(3))
    codes = draw_codes(probabilities, LAYOUT, torch.Generator().manual_seed(0))
    got = np.bincount(codes[:, 0], minlength=3)
    assert stats.chisquare(got, 100_000 * np.asarray(probabilities[0, :3], dtype=float)).pvalue > 1e-4
    assert codes[:, 2].max() == 0


def test_softmax_holds_where_columns_differ_by_far() -> None:
    logits = torch.tensor([[1000.0, 999.0, 0.0, -1000.0, -1001.0, 5.0]])
    probabilities = softmax_by_column(logits, LAYOUT)
    assert torch.allclose(probabilities[:, 3:5], torch.softmax(logits[:, 3:5], 1))
    assert torch.isfinite(probabilities).all()


def test_columns_of_a_wide_table_sum_to_one_each() -> None:
    r = np.random.default_rng(0)
    layout = make_layout(r.integers(1, 6, MANY_COLUMNS + 20).tolist(), [], "cpu")
    logits = torch.randn(7, layout.codes, generator=torch.Generator().manual_seed(0), requires_grad=True)
    found = softmax_by_column(logits, layout)
    wanted = torch.cat([torch.softmax(part, 1) for part in torch.split(logits, [*layout.sizes], 1)], 1)
    torch.testing.assert_close(found, wanted)
    (slope,) = torch.autograd.grad(found[:, 3].sum(), logits)
    (other,) = torch.autograd.grad(wanted[:, 3].sum(), logits)
    torch.testing.assert_close(slope, other)
