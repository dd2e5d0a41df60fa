"""The losses are what their formulas say."""

from __future__ import annotations

import numpy as np
import torch

from synth.config import TrainConfig
from synth.layout import make_layout, one_hot, softmax_by_column
from synth.nets import Generator
from synth.tables import count_pairs, make_targets, part_loss, slice_loss, table_loss

LAYOUT = make_layout([3, 2, 4], [2], "cpu")


def codes(n: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    first = torch.randint(3, (n,), generator=generator)
    return torch.stack([first, (first > 1).long(), torch.randint(4, (n,), generator=generator)], 1)


def test_tables_counted_from_codes_are_the_real_ones() -> None:
    real = codes(1000)
    pairs = count_pairs(real, LAYOUT)
    assert torch.isclose(pairs[2, 4], ((real[:, 0] == 2) & (real[:, 1] == 1)).float().mean())
    assert torch.isclose(pairs[5, 5], (real[:, 2] == 0).float().mean())


def test_matching_the_tables_learns_a_dependence() -> None:
    real = codes(2000)
    targets = make_targets(real, LAYOUT, None, np.random.default_rng(0), with_slices=True)
    logits = torch.zeros(256, LAYOUT.codes, requires_grad=True)
    start, running = logits.detach() + torch.randn(256, 9, generator=torch.Generator().manual_seed(0)), targets.start()
    with torch.no_grad():
        logits += start
    adam = torch.optim.Adam([logits], 0.1)
    for _ in range(150):
        probabilities = softmax_by_column(logits, LAYOUT)
        loss, running = table_loss(probabilities, torch.ones(256), running, targets)
        adam.zero_grad()
        loss.backward()
        adam.step()
    probabilities = softmax_by_column(logits, LAYOUT).detach()
    table = probabilities.T @ probabilities / 256
    assert (table[:3, 3:5] - targets.pairs[:3, 3:5]).abs().max() < 0.02


def test_slices_and_parts_vanish_on_average_at_the_real_tables() -> None:
    real = codes(4000)
    targets = make_targets(real, LAYOUT, 1, np.random.default_rng(0), with_slices=True)
    assert set(targets.slice_codes[:2].tolist()) == {3, 4}, "the target column comes first"
    hot = one_hot(real, LAYOUT)
    near = slice_loss(hot, torch.ones(4000), 0, targets)
    apart = one_hot(torch.stack([real[:, 0].roll(1), real[:, 1], real[:, 2]], 1), LAYOUT)
    far = slice_loss(apart, torch.ones(4000), 0, targets)
    assert near.abs() < 0.05 * far.abs()
    flat = real + LAYOUT.starts
    picked = torch.tensor([0, 2, 4, 6])
    frequencies = hot.mean(0)
    near = part_loss(hot, torch.ones(4000), flat, picked, frequencies, LAYOUT)
    far = part_loss(apart, torch.ones(4000), flat, picked, frequencies, LAYOUT)
    assert near.abs() < 0.1 * far.abs()


def test_parameters_grow_linearly_with_categories() -> None:
    def size(codes: int) -> int:
        return sum(p.numel() for p in Generator(TrainConfig(width=64), codes).parameters())

    assert size(20_000) - size(10_000) == size(30_000) - size(20_000)
